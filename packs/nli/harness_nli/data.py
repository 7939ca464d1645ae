"""Splits and rows of the three data sets; all have the columns of XNLI."""

from collections.abc import Mapping
from typing import Any

from harness import DatasetsData, HubData, Pair, Split

AFRIXNLI_COMMIT = "e3ca06b30f3e7af2a86f6c8609ea76fee326bc56"
INDICXNLI_COMMIT = "7092c27872e919f31d0496fb8b9c47bd2cba3f6c"
LABELS = ("contradiction", "entailment", "neutral")
COLUMNS = ("premise: string", "hypothesis: string", "label: label(entailment, neutral, contradiction)")

# The Hub's name of each language, and the rows of its dev and its test set; the dev set of Nahuatl has 376 rows on the Hub,
# and 585 in the authors' repository.
AMERICAS: dict[str, tuple[str, int | None, int]] = {
    "ay": ("aym", 743, 750), "bzd": ("bzd", 743, 750), "cni": ("cni", 658, 750), "gn": ("gn", 743, 750),
    "hch": ("hch", 743, 750), "nah": ("nah", None, 738), "oto": ("oto", 222, 748), "quy": ("quy", 743, 750),
    "shp": ("shp", 743, 750), "tar": ("tar", 743, 750),
}  # fmt: skip
AFRICA = {
    "en": "eng", "fr": "fra", "am": "amh", "ee": "ewe", "ha": "hau", "ig": "ibo", "rw": "kin", "ln": "lin", "lg": "lug",
    "om": "orm", "sn": "sna", "st": "sot", "sw": "swa", "tw": "twi", "wo": "wol", "xh": "xho", "yo": "yor", "zu": "zul",
}  # fmt: skip
INDIA = ("as", "bn", "gu", "hi", "kn", "ml", "mr", "or", "pa", "ta", "te")
DEV_OF_AFRICA, TEST_OF_AFRICA = 450, 600
SIZES_OF_INDIA = {"train": 392_702, "dev": 2_490, "test": 5_010}
MACHINE = "IndicXNLI is a machine translation of XNLI, its test set included"


def on_hub(name: str) -> str:
    """The Hub's name of a split."""
    return "validation" if name == "dev" else name


def americas(name: str, code: str) -> Split:
    """A split of AmericasNLI, which was translated from the Spanish of XNLI."""
    config, dev, test = AMERICAS[code]
    people: dict[str, Any] = {"origin": "human_translation", "system": "translators, from the Spanish of XNLI"}
    source = HubData("nala-cub/americas_nli", config, on_hub(name), columns=COLUMNS, **people)
    return Split(source, rows=dev if name == "dev" else test)


def africa(name: str, code: str) -> Split:
    """A split of AfriXNLI: tab-separated, with the quotes of CSV, or the Hub's parquet copy."""
    config = AFRICA[code]
    more: dict[str, Any] = {"columns": COLUMNS}
    if code != "en":
        more |= {"origin": "human_translation", "system": "translators, of XNLI"}
    return Split(
        DatasetsData(
            "csv",
            (f"data/{config}/{name}.tsv",),
            repo="masakhane/afrixnli",
            revision=AFRIXNLI_COMMIT,
            options={"sep": "\t"},
            **more,
        ),
        HubData("masakhane/afrixnli", config, on_hub(name), revision=AFRIXNLI_COMMIT, **more),
        rows=DEV_OF_AFRICA if name == "dev" else TEST_OF_AFRICA,
    )


def india(name: str, code: str) -> Split:
    """A split of IndicXNLI."""
    machine: dict[str, Any] = {"origin": "machine_translation", "system": "IndicTrans, of XNLI", "note": MACHINE}
    source = HubData("Divyanshu/indicxnli", code, on_hub(name), revision=INDICXNLI_COMMIT, columns=COLUMNS, **machine)
    return Split(source, rows=SIZES_OF_INDIA[name])


def read(row: Mapping[str, Any]) -> Pair:
    """A pair of sentences."""
    return Pair(str(row["_row"]), row["premise"], row["hypothesis"], row["label"])
