"""The demo: what it shows with its packages and without them, and what the documentation says that it printed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_e5 import Packages, remove_packages

from harness.cli import demo
from harness.models import tiny
from harness.models.e5_small import COPY, INSTALL
from harness.results.inventory import find_runs

Cli = Callable[..., tuple[int, str, str]]


def test_the_demo_shows_retrieval_mining_training_and_an_intermediate_task(
    small_e5: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    quick = {"tasks": ("tatoeba[de]", "bucc2018[de]", "panx[en,de]"), "via": ("tatoeba[de]", "panx[en,de]")}
    assert [name.partition("[")[0] for name in quick["tasks"]] == [name for name in demo.REAL.tasks if name != "udpos"]
    monkeypatch.setattr(demo, "REAL", replace(demo.REAL, **quick, size="tiny", recipe="tiny", train_limit=16))
    code, said, error = cli("demo", "--out", tmp_path / "demo")
    assert code == 0, error
    assert f"not benchmark scores: the model is a {COPY}" in " ".join(said.split())
    both = said.partition("mean over the languages")[2]
    assert re.findall(r"^ *(panx|tatoeba|bucc2018) +\d", both, re.MULTILINE) == ["panx", "tatoeba"]
    assert f"open in a browser:    {tmp_path / 'demo' / 'report.html'}" in said
    assert (tmp_path / "demo" / "report.html").is_file()
    runs = {summary.folder.name: summary for summary in find_runs(tmp_path / "demo")}
    assert list(runs) == ["e5-small", "e5-small-via-mnli"]
    code, again, error = cli("demo", "--out", tmp_path / "demo")
    assert code == 0 and again.partition("scores by task")[2] == said.partition("scores by task")[2], error


def test_without_its_packages_the_demo_says_so_and_shows_the_tiny_model(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    remove_packages(monkeypatch)
    monkeypatch.setattr(tiny, "build_tiny", lambda folder: shutil.copytree(small_model, folder, dirs_exist_ok=True))
    quick = {"tasks": ("xnli",), "via": ("xnli",), "size": "tiny", "train_limit": 8}
    monkeypatch.setattr(demo, "TOY", replace(demo.TOY, **quick))
    code, said, error = cli("demo", "--out", tmp_path / "demo")
    assert code == 0, error
    assert "demo:e5-small is not installed: the model tiny, which learns little, is shown instead" in error
    assert INSTALL in error and str(tmp_path / "demo" / "tiny-via-mnli") in said
