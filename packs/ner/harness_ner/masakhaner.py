"""MasakhaNER 2: names of persons, organisations and places in the news, in 20 African languages."""

from collections.abc import Mapping
from typing import Any

from harness import HubData, Split, Tagged, TargetTask, splits
from harness_ner.tags import TAGS

COLUMNS = ("tokens: strings", f"ner_tags: labels({', '.join((*TAGS, 'B-DATE', 'I-DATE'))})")
DATES = "dates count as O, as in the evaluation of XLM-V: the English training data have none"

# The card has the test sizes of Mossi and Nigerian Pidgin the other way round: a test set is twice a dev set.
LANGUAGES = {
    "bm": ("bam", 638, 1_274), "bbj": ("bbj", 483, 966), "ee": ("ewe", 501, 1_001), "fon": ("fon", 621, 1_240),
    "ha": ("hau", 816, 1_633), "ig": ("ibo", 1_090, 2_181), "rw": ("kin", 1_118, 2_235), "lg": ("lug", 706, 1_412),
    "luo": ("luo", 737, 1_474), "mos": ("mos", 648, 1_294), "ny": ("nya", 893, 1_785), "pcm": ("pcm", 806, 1_613),
    "sn": ("sna", 887, 1_773), "sw": ("swa", 942, 1_883), "tn": ("tsn", 499, 996), "tw": ("twi", 605, 1_211),
    "wo": ("wol", 656, 1_312), "xh": ("xho", 817, 1_633), "yo": ("yor", 983, 1_964), "zu": ("zul", 836, 1_670),
}  # fmt: skip
"""The Hub's name of each language, and the sizes of its dev and its test set."""


def split(name: str, code: str) -> Split:
    """The dev or test split of a language."""
    config, dev, test = LANGUAGES[code]
    source = HubData(
        "masakhane/masakhaner2", config, "validation" if name == "dev" else "test", columns=COLUMNS, note=DATES
    )
    return Split(source, rows=dev if name == "dev" else test)


def read(row: Mapping[str, Any]) -> Tagged:
    """A sentence; dates are no entities here, and a translation has no tags."""
    if row["ner_tags"] is None:
        return Tagged(str(row["_row"]), tuple(row["tokens"]), None)
    tags = ("O" if tag.endswith("-DATE") else tag for tag in row["ner_tags"])
    return Tagged(str(row["_row"]), tuple(row["tokens"]), tuple(tags))


MASAKHANER2 = TargetTask(
    name="masakhaner2",
    title="MasakhaNER 2",
    version=1,
    family="tagging",
    labels=TAGS,
    train="wikiann",
    languages=splits(" ".join(LANGUAGES), dev=lambda code: split("dev", code), test=lambda code: split("test", code)),
    example=read,
    metric="ner_f1",
    summary="the names of persons, organisations and places in the news, in African languages",
    licence="stated differently: AFL-3.0 on the Hub, CC BY-NC 4.0 in the authors' repository",
    citation="Adelani et al. 2022, MasakhaNER 2.0: Africa-centric Transfer Learning for Named Entity Recognition",
)
