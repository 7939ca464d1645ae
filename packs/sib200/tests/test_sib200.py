"""The task keeps the contract of the harness, on made rows in the form of the published files."""

from pathlib import Path

import pytest
from harness_sib200.data import LABELS, read
from harness_sib200.plugin import SEEN, SIB200, UNSEEN

from harness.testing.pytest_plugin import Contract

SENTENCES = {
    "eng_Latn": ("the team won the match", "the doctor saw the patient", "the river flows north"),
    "zho_Hant": ("球隊贏了比賽", "醫生看了病人", "河向北流"),
    "kmr_Latn": ("tîm bi ser ket", "bijîşk nexweş dît", "çem ber bi bakur ve diherike"),
}
TOPICS = ("sports", "health", "geography")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with twelve sentences a split, one of them with the quotes of CSV."""
    for flores, sentences in SENTENCES.items():
        folder = tmp_path / "Davlan" / "sib200" / "data" / flores
        folder.mkdir(parents=True)
        for split in ("train", "dev", "test"):
            rows = [f"{i}\t{TOPICS[i % 3]}\t{sentences[i % 3]} {i}" for i in range(11)]
            rows.append(f'11\tsports\t"""{sentences[0]}"", they said"')
            (folder / f"{split}.tsv").write_text("\n".join(["index_id\tcategory\ttext", *rows, ""]), encoding="utf-8")
    return tmp_path


def test_contract(harness_contract: Contract, data: Path) -> None:
    outcomes = harness_contract("sib200", data_dir=data)
    for task in ("sib200", "sib200_cloze", "sib200_unseen"):
        assert {o.check for o in outcomes if o.subject == f"task {task}"} >= {"readable", "ids", "labels", "training"}


def test_rows_of_both_forms_become_the_same_example() -> None:
    from_tsv = read({"index_id": 7, "category": "health", "text": "a"})
    assert (from_tsv.id, from_tsv.a, from_tsv.b, from_tsv.label) == ("7", "a", "", "health")


def test_every_language_has_its_splits() -> None:
    assert len(SIB200.languages) == 205 and len(LABELS) == 7
    for code, table in SIB200.languages.items():
        assert set(table) == ({"dev", "test"} if code == "en" else {"train", "dev", "test"})


def test_unseen_topics_are_in_no_training_example_and_in_every_test() -> None:
    assert set(SEEN.labels) == {"geography", "politics", "science/technology", "sports"}
    assert UNSEEN.train == SEEN.name and UNSEEN.labels == LABELS
    assert UNSEEN.metric == f"zero_shot:{','.join(SEEN.labels)}"
    row = {"index_id": 7, "category": "health", "text": "a"}
    assert SEEN.example(row) is None and UNSEEN.example(row) == read(row)
