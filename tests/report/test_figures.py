"""Figures for papers: what they show, that they are the same each time, and the command."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from run_folders import write_run

import harness
from harness import UsageError
from harness.cli.main import main
from harness.results.run_view import language_of
from harness.results.systems import load_runs

GOLDEN = Path(__file__).parents[1] / "golden" / "report" / "runs"
PLAIN, VIA = GOLDEN / "plain", GOLDEN / "via-mnli"


def words(file: Path) -> list[str]:
    """The texts of an SVG file."""
    return ["".join(element.itertext()) for element in ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}text")]


def test_every_language_score_and_run_is_in_the_figures(tmp_path: Path) -> None:
    files = harness.figures([PLAIN, VIA], tmp_path, type="svg")
    texts = {file.stem: words(file) for file in files}
    runs = load_runs([PLAIN, VIA])
    for name, task in runs[0].tasks.items():
        if task.units:
            shown = texts[f"languages-{name}"]
            assert {language_of(code).name for code in task.units} <= set(shown)
            assert {run.name for run in runs} <= set(shown)
            values = [f"{unit.score.value:.1f}" for unit in task.units.values()]
            assert {"plain", "at chance", "best of the task"} <= set(texts["scores-plain"])
            assert all(any(text.startswith(value) for text in texts["scores-plain"]) for value in values)
    assert {"scores-plain", "scores-via-mnli", "differences"} <= texts.keys()


def test_dots_are_where_the_scores_are(tmp_path: Path) -> None:
    write_run(tmp_path / "run", {"xnli": {"de": ("neutral\n" * 4, "neutral\n" * 3 + "entailment\n")}})
    (file,) = (file for file in harness.figures(tmp_path / "run", tmp_path, type="svg") if "languages" in file.name)
    root = ElementTree.parse(file).getroot()
    svg = "{http://www.w3.org/2000/svg}"
    ticks = {}
    for tick in root.iter(f"{svg}g"):
        if tick.get("id", "").startswith("xtick_"):
            (text,), (line, *_) = tick.iter(f"{svg}text"), tick.iter(f"{svg}use")
            ticks[float("".join(text.itertext()))] = float(line.get("x"))
    first, last = min(ticks), max(ticks)
    dots = [use for use in root.iter(f"{svg}use") if "fill: #0072b2" in (use.get("style") or "").lower()]
    (dot,) = dots
    place = first + (float(dot.get("x")) - ticks[first]) * (last - first) / (ticks[last] - ticks[first])
    assert place == pytest.approx(75.0, abs=0.1)


@pytest.mark.parametrize("type", ["pdf", "svg", "png"])
def test_the_same_runs_give_the_same_bytes_in_every_type(type: str, tmp_path: Path) -> None:
    first, second = (harness.figures(PLAIN, tmp_path / name, type=type) for name in "ab")
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    begin = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}[type]
    assert all(file.read_bytes().startswith(begin) and file.suffix == f".{type}" for file in first)


def test_fonts_of_a_pdf_are_embedded_as_outlines(tmp_path: Path) -> None:
    for file in harness.figures(PLAIN, tmp_path):
        content = file.read_bytes()
        assert b"/FontFile2" in content and b"/Type3" not in content


def test_names_of_runs_are_text_whatever_they_say(tmp_path: Path) -> None:
    units = {"xnli": {"de": ("neutral\n" * 4, "neutral\n" * 4)}}
    odd = ["$x_1$ <b>", "猫 \\frac{"]
    for name in odd:
        write_run(tmp_path / name, units, model=name)
    files = harness.figures([tmp_path / name for name in odd], tmp_path / "out", type="svg")
    assert set(odd) <= {text for file in files for text in words(file)}


def test_the_command_names_what_it_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", str(PLAIN), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert all(f"written: {file}" in said for file in (tmp_path / "out").iterdir())
    assert main(["figures", str(PLAIN), "--out", str(tmp_path / "other"), "--type", "pdff"]) == 2
    assert "pdf" in capsys.readouterr().err and not (tmp_path / "other").exists()
    assert main(["figures", str(tmp_path / "nothing")]) == 4


def test_a_missing_matplotlib_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match="matplotlib") as error:
        harness.figures(PLAIN, tmp_path / "out")
    assert "xtreme-harness[figures]" in error.value.hint and not (tmp_path / "out").exists()
