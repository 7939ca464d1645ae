"""Splits of SIB-200, as its authors publish them, and a row of them as an example."""

from collections.abc import Mapping
from typing import Any

from harness import DatasetsData, HubData, Pair, Split
from harness_sib200.languages import FLORES_CODES

LABELS = ("entertainment", "geography", "health", "politics", "science/technology", "sports", "travel")
ROWS = {"train": 701, "dev": 99, "test": 204}
REPOSITORY = "Davlan/sib200"
SIB200_COMMIT = "38977a667f6fc264d5c26ec57a01e16db040b358"
COLUMNS = ("index_id: integer", "category: string", "text: string")


def split(name: str, code: str) -> Split:
    """A split ("train", "dev" or "test") of a language: tab-separated, with the quotes of CSV, or the Hub's parquet."""
    flores = FLORES_CODES[code]
    more: dict[str, Any] = {"revision": SIB200_COMMIT, "columns": COLUMNS}
    if code != "en":
        more |= {"origin": "human_translation", "system": "the translators of FLORES-200"}
    return Split(
        DatasetsData("csv", (f"data/{flores}/{name}.tsv",), repo=REPOSITORY, options={"sep": "\t"}, **more),
        HubData(REPOSITORY, flores, "validation" if name == "dev" else name, **more),
        rows=ROWS[name],
    )


def read(row: Mapping[str, Any]) -> Pair:
    """A sentence and its topic. Its number is the same in all languages, so that a sentence can be followed through them."""
    return Pair(str(row["index_id"]), row["text"], "", row["category"])
