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
from harness.data.sample import sample_languages
from harness.models import tiny
from harness.models.e5_small import COPY, INSTALL
from harness.registry.default import get_registry
from harness.results.inventory import find_runs

Cli = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[2]


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
    monkeypatch.setattr(tiny, "build_tiny", lambda folder, _: shutil.copytree(small_model, folder, dirs_exist_ok=True))
    quick = {"tasks": ("xnli",), "via": ("xnli",), "size": "tiny", "train_limit": 8}
    monkeypatch.setattr(demo, "TOY", replace(demo.TOY, **quick))
    code, said, error = cli("demo", "--out", tmp_path / "demo")
    assert code == 0, error
    assert "demo:e5-small is not installed: the model tiny, which learns little, is shown instead" in error
    assert INSTALL in error and str(tmp_path / "demo" / "tiny-via-mnli") in said


def shown_output(page: str, heading: str) -> str:
    """The second block of a section of the README, the first one of docs/results.md: what the demo printed."""
    section = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[-1]


def scores_by_language(output: str) -> dict[str, dict[str, tuple[float, float]]]:
    """Score and half width of its interval, by task and language."""
    table = output.split("scores by language")[1].split("\n\n")[1:]
    lines = next(block for block in table if "language" in block).splitlines()
    head = next(line for line in lines if "language" in line)
    tasks = head.split()[1:]
    ends = [head.index(task) + len(task) for task in tasks]
    found: dict[str, dict[str, tuple[float, float]]] = {task: {} for task in tasks}
    for line in lines:
        if code := re.match(r" (\w\w) ", line):
            for task, start, end in zip(tasks, [code.end(), *ends], ends, strict=False):
                if cell := re.search(r"([\d.]+) ±([\d.]+)", line[start:end]):
                    found[task][code[1]] = float(cell[1]), float(cell[2])
    return found


def test_the_readme_shows_lines_of_the_output_on_the_page_of_results() -> None:
    printed = shown_output("docs/results.md", "The demo").splitlines()
    shown = shown_output("README.md", "Quick start").splitlines()
    assert len(shown) > 15
    assert [line for line in shown if line not in printed] == []
    assert any(COPY in line for line in shown)


def test_the_output_in_the_documentation_is_of_this_demo_and_shows_transfer() -> None:
    output = shown_output("docs/results.md", "The demo")
    found = scores_by_language(output)
    assert list(found) == [name for name in get_registry().benchmark("xtreme").tasks if name in demo.REAL.tasks]
    others = set(sample_languages()) - {"en"}
    assert set(found["panx"]) == {"en", *others} and set(found["tatoeba"]) == others
    for task in ("panx", "udpos"):  # the most frequent tag has an F1 of 0
        well = [code for code in found[task] if code != "en" and found[task][code][0] - found[task][code][1] > 20]
        assert len(well) > len(found[task]) / 2
    assert min(score - half for score, half in found["tatoeba"].values()) > 50  # chance: 1.3
    both = output.split("mean over the languages")[1]
    assert re.findall(r"^(\w+) +[\d.]+ +[\d.]+ +[+-]", both, re.MULTILINE) == [
        task for task in found if task in demo.REAL.via
    ]
