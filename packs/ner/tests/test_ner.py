"""The tasks keep the contract of the harness, on made rows in the form of the published files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness_ner.iob2 import iob2
from harness_ner.masakhaner import read

from harness import DataError
from harness.testing.pytest_plugin import Contract

WORDS, TAGS = ["Ada", "Obi", "lives", "in", "Lagos", "since", "May"], [1, 2, 0, 0, 5, 0, 7]
SENTENCE = """# sent_id = 1
# text = Ada Obi lives in Lagos.
1\tAda\tB-PER\t-\tann
2\tObi\tI-PER\t-\tann
3\tlives\tO\t-\t-
4\tin\tO\t-\t-
5\tLagos\tB-LOC\t-\tann
6\t.\tO\t-\t-

"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a dozen sentences of each source."""
    for name, last in (("google/xtreme/PAN-X.en/train", 6), ("google/xtreme/PAN-X.en/validation", 6)):
        write(tmp_path / f"{name}-00000-of-00001.parquet", WORDS[:last], TAGS[:last])
    for name in ("hau/validation", "hau/test", "yor/test"):
        write(tmp_path / "masakhane/masakhaner2" / f"{name}-00000-of-00001.parquet", WORDS, TAGS)
    folder = tmp_path / "universalner" / "UNER_English-EWT"
    folder.mkdir(parents=True)
    for split in ("train", "dev", "test"):
        (folder / f"en_ewt-ud-{split}.iob2").write_text(SENTENCE * 12, encoding="utf-8")
    return tmp_path


def write(path: Path, words: list[str], tags: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"tokens": [words] * 12, "ner_tags": [tags] * 12}), path)


def test_contract(harness_contract: Contract, data: Path) -> None:
    outcomes = harness_contract("ner", data_dir=data)
    tasks = {"masakhaner2", "universal_ner", "universal_ner_pud", "wikiann_world", "uner", "wikiann"}
    assert {o.subject.removeprefix("task ") for o in outcomes if o.check == "labels"} >= tasks


def test_dates_are_no_entities() -> None:
    row = {"_row": 0, "tokens": ["in", "May", "2020", "Ada"], "ner_tags": ["O", "B-DATE", "I-DATE", "B-PER"]}
    assert read(row).tags == ("O", "O", "O", "B-PER")


def test_iob2_files_give_words_tags_and_spaces(tmp_path: Path) -> None:
    path = tmp_path / "one.iob2"
    path.write_text(SENTENCE + SENTENCE.replace("lives in", "lived in"), encoding="utf-8")
    first, second = iob2(path)
    assert first["tokens"] == ["Ada", "Obi", "lives", "in", "Lagos", "."]
    assert first["ner_tags"] == ["B-PER", "I-PER", "O", "O", "B-LOC", "O"]
    assert first["written"] == ["Ada", " Obi", " lives", " in", " Lagos", "."]
    assert second["written"] == []  # the text has another word


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.iob2"
    path.write_text("1\tAda\tB-PER\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"bad\.iob2:1: expected five columns, found 3"):
        list(iob2(path))
