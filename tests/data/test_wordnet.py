"""The table of synonyms from WordNet's files; the lines here are made, in the format of wndb(5WN)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.core.errors import DataError
from harness.data.wordnet import MOST, synonym_table
from harness.training.objectives.synonyms import read_table

LICENCE = "  1 This line stands for the licence, which begins with two spaces.\n"
FILES = {
    "data.noun": """\
00000010 06 n 03 house 0 dwelling 0 living_quarters 0 001 @ 00000020 n 0000 | where people live
00000020 06 n 02 house 1 firm 1 000 | a business
00000030 27 n 02 astatine 0 at 0 000 | an element
00000040 15 n 02 Springfield 0 town 0 000 | a place
00000050 09 n 0b many 0 aaa 0 bbb 0 ccc 0 ddd 0 eee 0 fff 0 ggg 0 hhh 0 iii 0 jjj 0 000 | eleven words
""",
    "index.noun": """\
astatine n 1 1 @ 1 0 00000030
at n 1 1 @ 1 1 00000030
house n 2 2 @ ~ 2 2 00000010 00000020
many n 1 0 1 1 00000050
town n 1 1 @ 1 1 00000040
""",
    "data.verb": "00000010 33 v 02 house 0 shelter 0 000 01 + 08 00 | give a home to\n",
    "index.verb": "house v 1 1 @ 1 1 00000010\n",
    "data.adj": "00000010 00 s 02 aware(p) 0 knowing(a) 0 000 | in the know\n",
    "index.adj": "aware a 1 1 & 1 1 00000010\n",
    "data.adv": "",
    "index.adv": "",
}


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    folder = tmp_path / "wordnet"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(LICENCE + text, encoding="utf-8")
    return folder


def test_first_senses_that_texts_have_give_the_synonyms(wordnet: Path) -> None:
    table = synonym_table(wordnet)
    # No word of several parts, no second sense, no short word, no name, no sense that no text has; marks are taken off.
    assert {word: table[word] for word in table if word != "many"} == {
        "house": ["dwelling", "shelter"],
        "aware": ["knowing"],
    }
    assert len(table["many"]) == MOST and table["many"][0] == "aaa"


def test_the_command_writes_a_table_that_the_objective_reads(wordnet: Path, tmp_path: Path) -> None:
    assert main(["data", "synonyms", str(wordnet), "--out", str(tmp_path / "data")]) == 0
    path = tmp_path / "data" / "synonyms" / "en.json"
    assert read_table(path) == synonym_table(wordnet) == json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("index.noun", None, "index.noun: not there"),
        ("index.verb", "house\n", "index.verb, line 1: no entry of WordNet"),
    ],
)
def test_another_folder_is_an_error(wordnet: Path, name: str, text: str | None, told: str) -> None:
    (wordnet / name).unlink()
    if text is not None:
        (wordnet / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        synonym_table(wordnet)
