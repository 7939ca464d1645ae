"""Every command of docs/studies.md runs, in order, and prints what the page shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from how_to import HOW_TO, aligned, ran
from pages import ROOT


def test_every_command_of_the_page_runs_and_prints_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("HARNESS_") and name != "HARNESS_CACHE_DIR"]:
        monkeypatch.delenv(name)
    assert all(code == 0 for _, code, _ in ran(HOW_TO[0], tmp_path))
    shown = 0
    for command, code, printed in ran(ROOT / "docs" / "studies.md", tmp_path):
        assert code == 0, f"{command.line}\n" + "\n".join(printed)
        aligned(command.shown, printed)
        shown += any(line.strip() for line in command.shown)
    assert shown >= 6 and (tmp_path / "runs/which-helps/smoke/analysis/index.html").is_file()
