"""The benchmark of unknown scripts: its tables of letters, and its table of scores and tokens."""

from __future__ import annotations

from pathlib import Path

from benchmarks.adaptation import LANGUAGES, LATIN, LETTERS, PLAIN, table, write_tables
from harness.inference.token_counts import TokenCounts
from harness.models.transliterate import transliteration

SCRIPTS = {"nqo_Nkoo": range(0x7C0, 0x800), "tzm_Tfng": range(0x2D30, 0x2D80)}


def test_no_letter_of_the_scripts_is_left_in_real_text(shared_data: Path, tmp_path: Path) -> None:
    write_tables(tmp_path)
    for name, (folder, script) in zip(LETTERS, SCRIPTS.items(), strict=True):
        text = (shared_data / f"Davlan/sib200/data/{folder}/test.tsv").read_text(encoding="utf-8")
        assert sum(ord(letter) in script for letter in text) > 10_000
        latin = transliteration(name, [tmp_path]).apply(text)
        assert not {letter for letter in latin if ord(letter) in script} and len(latin.split()) == len(text.split())


def test_the_table_has_scores_then_tokens_of_each_language() -> None:
    scores = {
        PLAIN: [{"en": 80.0, "nqo": 20.0, "tzm-Tfng": 25.0}],
        LATIN: [{"en": 81.0, "nqo": 30.0, "tzm-Tfng": 35.0}],
    }
    counts = {
        name: [TokenCounts(code, 400, 100, 200, unknown) for code in LANGUAGES]
        for name, unknown in ((PLAIN, 100), (LATIN, 0))
    }
    lines = table(scores, counts)
    assert lines[2:5] == ["| en | 80.0 | 81.0 |", "| nqo | 20.0 | 30.0 |", "| tzm-Tfng | 25.0 | 35.0 |"]
    assert lines[5:7] == ["| nqo, tokens a word | 2.00 | 2.00 |", "| nqo, unknown | 50.0% | 0.0% |"]
