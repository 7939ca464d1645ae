"""The tasks keep the contract of the harness, on made rows in the form of the published files."""

import csv
import json
from pathlib import Path

import pytest
from harness_belebele.data import read
from harness_belebele.plugin import BELEBELE

from harness.testing.pytest_plugin import Contract

PASSAGE = {"eng_Latn": 'The "river"\nflows north.', "deu_Latn": "Der Fluss fließt nach Norden.", "hin_Latn": "nadi"}
HEAD = "dataset split passage_id question_id passage question answer1 answer2 answer3 answer4 correct_answer".split()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a dozen questions a split."""
    folder = tmp_path / "facebook" / "belebele" / "data"
    folder.mkdir(parents=True)
    for flores, passage in PASSAGE.items():
        rows = [
            {
                "link": f"https://example.org/{number // 2}",
                "question_number": number % 2 + 1,
                "flores_passage": passage,
                "question": "Where to?",
                "mc_answer1": "north",
                "mc_answer2": "south",
                "mc_answer3": "east",
                "mc_answer4": "west",
                "correct_answer_num": str(number % 4 + 1),
                "dialect": flores,
                "ds": "2023-05-03",
            }
            for number in range(12)
        ]
        (folder / f"{flores}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "belebele").mkdir()
    with (tmp_path / "belebele" / "belebele_training_set.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["", *HEAD, "correct_answer_num"])
        for number in range(24):
            answers = ["north", "south", "east", "west"]
            split = "dev" if number % 2 else "train"
            about = ["RACE", split, number, 1, PASSAGE["eng_Latn"], "Where to?", *answers, answers[number % 4]]
            writer.writerow([number, *about, number % 4 + 1])
    return tmp_path


def test_contract(harness_contract: Contract, data: Path) -> None:
    outcomes = harness_contract("belebele", data_dir=data)
    assert {"task belebele", "task belebele_train"} <= {o.subject for o in outcomes if o.check == "labels"}


def test_a_question_keeps_its_passage_and_its_right_answer() -> None:
    row = {"link": "l", "question_number": "2", "flores_passage": "A b.", "question": "c?", "correct_answer_num": "3"}
    choice = read(row | {f"mc_answer{n}": f"answer {n}" for n in range(1, 5)})
    assert (choice.id, choice.prompt) == ("l#2", "A b. c?")
    assert choice.answer is not None and choice.options[choice.answer] == "answer 3"


def test_all_variants_are_listed() -> None:
    assert len(BELEBELE.languages) == 122
    assert {"hi", "hi-Latn", "zh", "zh-Hant", "si-Latn"} <= set(BELEBELE.languages)
