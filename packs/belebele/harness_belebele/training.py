"""English questions to train on: the mixture that the authors of Belebele assemble from six data sets."""

from collections.abc import Mapping
from typing import Any

from harness import Choice, DatasetsData, IntermediateTask, Split, Where
from harness_belebele.data import OPTIONS

FILE = "belebele/belebele_training_set.tsv"
OBTAIN = (
    "run assemble_training_set.py of github.com/facebookresearch/belebele, which downloads RACE, SciQ, MultiRC, MCTest, "
    f"MCScript 2.0 and ReClor, and copy belebele_training_set.tsv to DATA_DIR/{FILE}"
)
COLUMNS = (
    "dataset: string", "split: string", "passage_id: string", "question_id: string", "passage: string",
    "question: string", "answer1: string", "answer2: string", "answer3: string", "answer4: string",
    "correct_answer_num",
)  # fmt: skip


def split(name: str) -> Split:
    """The rows of a split of the one file; its passages have line breaks, between quotes."""
    where, options = Where("split", equals=name), {"sep": "\t"}
    return Split(DatasetsData("csv", (FILE,), OBTAIN, columns=COLUMNS, where=where, options=options))


def read(row: Mapping[str, Any]) -> Choice:
    """A question about a passage."""
    options = tuple(row[f"answer{number}"] for number in range(1, 5))
    answer = int(float(row["correct_answer_num"])) - 1
    return Choice(str(row["_row"]), f"{row['passage']} {row['question']}", options, answer)


BELEBELE_TRAIN = IntermediateTask(
    name="belebele_train",
    title="Training set of Belebele",
    version=1,
    family="multiple_choice",
    train=split("train"),
    dev=split("dev"),
    example=read,
    metric="accuracy",
    options=OPTIONS,
    summary="which of four answers fits the question about an English passage? Six data sets",
    licence="mixed: mostly CC BY-NC; those of RACE, SciQ, MultiRC, MCTest, MCScript 2.0 and ReClor",
    citation="Bandarkar et al. 2024, The Belebele Benchmark",
)
