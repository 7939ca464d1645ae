"""Questions about passages of FLORES-200, and the English questions that models are trained on."""

from collections.abc import Mapping
from typing import Any

from harness import Choice, DatasetsData, HubData, Split
from harness_belebele.languages import FLORES_CODES

BELEBELE_COMMIT = "7899cdfa4e1e0d733fd77c848e2c273cb1d32be2"
ROWS = 900
OPTIONS = {"max_length": 512}
"""A passage has about 80 words, five times as many tokens in the worst scripts; some of those trained on are longer."""
COLUMNS = (
    "link: string", "question_number", "flores_passage: string", "question: string", "mc_answer1: string",
    "mc_answer2: string", "mc_answer3: string", "mc_answer4: string", "correct_answer_num",
)  # fmt: skip


def split(code: str) -> Split:
    """The questions of a language: JSON Lines, as the authors publish them, or the Hub's parquet copy."""
    flores = FLORES_CODES[code]
    more: dict[str, Any] = {"columns": COLUMNS}
    if code != "en":
        more |= {"origin": "human_translation", "system": "the translators of FLORES-200 and Belebele"}
    return Split(
        DatasetsData("json", (f"data/{flores}.jsonl",), repo="facebook/belebele", revision=BELEBELE_COMMIT, **more),
        HubData("facebook/belebele", flores, "test", revision=BELEBELE_COMMIT, **more),
        rows=ROWS,
    )


def read(row: Mapping[str, Any]) -> Choice:
    """A question; its passage and its number are the same in all languages."""
    options = tuple(row[f"mc_answer{number}"] for number in range(1, 5))
    prompt = f"{row['flores_passage']} {row['question']}"
    return Choice(f"{row['link']}#{row['question_number']}", prompt, options, int(row["correct_answer_num"]) - 1)
