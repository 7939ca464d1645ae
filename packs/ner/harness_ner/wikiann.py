"""WikiANN in the 128 languages that are neither in XTREME nor in XTREME-R, and its English as training data."""

from harness import HubData, IntermediateTask, Split, TargetTask, splits
from harness_ner.tags import TAGS, read

WIKIANN_COMMIT = "f0a3be6dc5564c0cc4150bb660144800a1f539d4"
COLUMNS = ("tokens: strings", f"ner_tags: labels({', '.join(TAGS)})")
SAME = (
    "ace am an ang arz as ast ay ba bar be bo br bs ca cdo ce ceb ckb co cs csb cv cy da diq dv eo ext fo frr fur fy ga "
    "gan gd gl gn hr hsb hy ia ig ilo io is jbo km kn ksh ku ky la lb li lij lmo ln lv mg mhr mi min mk mn mt mwl mzn "
    "nap nds ne nn nov oc or os pdc pms pnb ps rm rw sa sah scn sco sd sh si sk sl so sq sr su sv szl tg tk tt ug uz vec "
    "vep vls vo wa war wuu xmf yi zea"
)
OTHER = {
    "arc-Syrc": "arc", "be-tarask": "other-be-x-old", "bho": "bh", "cbk": "other-cbk-zam", "crh-Latn": "crh",
    "egl": "other-eml", "en-x-simple": "other-simple", "gsw": "als", "hak-Latn": "hak", "jv-x-bms": "other-map-bms",
    "lzh-Hant": "other-zh-classical", "nan-Latn": "other-zh-min-nan", "nb": "no", "sgs": "other-bat-smg",
    "vro": "other-fiu-vro", "yue": "other-zh-yue",
}  # fmt: skip
"""Languages whose configuration has the name of a Wikipedia, and the scripts in which some of these are written."""
CONFIGS = {code: code for code in SAME.split()} | OTHER
LICENCE = "not stated; text from Wikipedia, CC BY-SA"
CITATION = "Pan et al. 2017, Cross-lingual Name Tagging and Linking for 282 Languages; splits of Rahimi et al. 2019"


def hub(config: str, name: str) -> HubData:
    """A split on the Hub."""
    return HubData(
        "unimelb-nlp/wikiann", config, "validation" if name == "dev" else name, revision=WIKIANN_COMMIT, columns=COLUMNS
    )


def english(name: str, rows: int) -> Split:
    """A split of the English data, which XTREME copies."""
    xtreme = HubData("google/xtreme", "PAN-X.en", "validation" if name == "dev" else name, columns=COLUMNS)
    return Split(xtreme, hub("en", name), rows=rows)


WIKIANN = IntermediateTask(
    name="wikiann",
    title="English WikiANN",
    version=1,
    family="tagging",
    labels=TAGS,
    train=english("train", 20_000),
    dev=english("dev", 10_000),
    example=read,
    metric="ner_f1",
    summary="the names of persons, organisations and places in the English Wikipedia",
    licence=LICENCE,
    citation=CITATION,
)

WIKIANN_WORLD = TargetTask(
    name="wikiann_world",
    title="WikiANN beyond XTREME",
    version=1,
    family="tagging",
    labels=TAGS,
    train="wikiann",
    languages=splits(
        " ".join(CONFIGS),
        dev=lambda code: Split(hub(CONFIGS[code], "dev")),
        test=lambda code: Split(hub(CONFIGS[code], "test")),
    ),
    example=read,
    metric="ner_f1",
    summary="the names of persons, organisations and places in the Wikipedias of smaller languages",
    licence=LICENCE,
    citation=CITATION,
)
