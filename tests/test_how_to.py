"""Every command of docs/how-to runs, in order, and prints what the page shows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from how_to import HOW_TO, aligned, commands_of, ran, words_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader works, with the corpus of the first page."""
    folder = tmp_path_factory.mktemp("how-to")
    for _, code, printed in ran(HOW_TO[0], folder):
        assert code == 0, printed
    return folder


@pytest.mark.parametrize("page", HOW_TO[1:], ids=lambda page: page.stem)
def test_every_command_of_the_page_runs_and_prints_what_is_shown(
    page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    for name in [name for name in os.environ if name.startswith("HARNESS_") and name != "HARNESS_CACHE_DIR"]:
        monkeypatch.delenv(name)
    if page.stem == "swap_language_adapters":
        pytest.importorskip("peft", reason="the extra 'peft' is not installed")
    if page.stem == "reproduce_a_published_row":
        request.getfixturevalue("minilm")
        monkeypatch.setenv("HARNESS_DATA_DIR", str(request.getfixturevalue("shared_data")))
    for command, code, printed in ran(page, folder):
        assert code == 0, f"{command.line}\n" + "\n".join(printed)
        assert any(line.strip() for line in command.shown), f"{command.line}: shows nothing"
        aligned(command.shown, printed)


def test_the_index_names_every_page_and_nothing_else() -> None:
    text = HOW_TO[0].read_text(encoding="utf-8")
    assert [page.name for page in HOW_TO[1:]] == sorted(name for name in re.findall(r"\]\((\w+\.md)\)", text))


def test_shown_lines_are_found_in_order_whatever_their_numbers_and_widths() -> None:
    printed = ["scores", " task   score", " ──────", " xnli    33.3", " panx     1.0", "", "report: runs/a"]
    assert aligned(("task  score", "───", "xnli 99.9", "...", "report: runs/a"), printed) == [
        " task   score", " ──────", " xnli    33.3", "...", "report: runs/a"
    ]  # fmt: skip
    assert aligned(("task", "...", "xnli"), printed) == [" task   score", " ──────", " xnli    33.3"]
    for wrong in (("mnli 33.3",), ("panx 1.0", "xnli 33.3"), ("───", "scores")):
        with pytest.raises(ValueError, match="not printed"):
            aligned(wrong, printed)


def test_commands_are_read_with_what_is_under_them() -> None:
    first, second = commands_of("$ harness eval --model tiny \\\n    --task xnli\nscores\n xnli\n$ cat a\n")
    assert first.line.split() == ["harness", "eval", "--model", "tiny", "--task", "xnli"]
    assert first.shown == ("scores", " xnli") and second.shown == ()
    assert words_of("─── xnli[de] 33.3 ±7.5") == {"xnli", "de"}
