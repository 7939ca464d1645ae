"""Curves over layers in reports: as a table in text, as a picture on the page, with what was taken and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from html_pages import Page
from run_folders import rewrite, write_run

from harness.api import report
from harness.registry.default import get_registry
from harness.report.layers import layer_curves
from harness.report.report import make_report
from harness.results.systems import load_runs

CURVES = {"de": [10.0, 30.0, 50.0, 40.0], "sw": [4.0, 20.0, 8.0, 10.0]}


def run_with_curves(folder: Path, split: str, taken: dict[str, int]) -> Path:
    rows = "".join(f"{row}\n" for row in range(10))
    write_run(folder, {"tatoeba": dict.fromkeys(CURVES, (rows, rows))})

    def add(record: dict[str, Any]) -> None:
        for code, values in CURVES.items():
            facts = {"layer": taken[code], "layer_from": "by depth, as XTREME does", "pool": "mean", "prompt": "none"}
            curve = {"split": split, "metric": "accuracy", "values": values}
            record["units"][f"tatoeba/{code}/test"]["facts"] = {**facts, "curve": curve}

    rewrite(folder, add)
    return folder


def test_a_table_of_languages_by_layers_marks_what_is_scored_and_disclaims_a_choice_on_test(tmp_path: Path) -> None:
    folder = run_with_curves(tmp_path / "run", "test", {"de": 2, "sw": 2})
    text = report([folder], "text")
    table = text.split("tatoeba by layer (accuracy on test)\n")[1].split("\n\n")[0].splitlines()
    assert [line.split() for line in table if line[:1] not in "─ "] == [
        ["language", "0", "1", "2", "3"],
        ["mean", "7.0", "25.0", "29.0", "25.0"],
        ["German", "10.0", "30.0", "50.0*", "40.0"],
        ["Swahili", "4.0", "20.0", "8.0*", "10.0"],
    ]
    assert "it was not chosen by these scores, which are of the test set" in table[-1]
    assert "tatoeba[de,sw]: sentences embedded at layer 2 (by depth, as XTREME does), pool mean, prompt none" in text


def test_layers_chosen_on_dev_are_said_to_be(tmp_path: Path) -> None:
    folder = run_with_curves(tmp_path / "run", "dev", {"de": 2, "sw": 1})
    text = report([folder], "text")
    assert "50.0*" in text and "20.0*" in text
    assert "the best one on the language's dev data" in text


def test_the_page_draws_a_curve_for_each_run_and_one_without_curves_has_no_such_section(tmp_path: Path) -> None:
    with_curves = run_with_curves(tmp_path / "one", "test", {"de": 2, "sw": 2})
    rows = "0\n1\n"
    plain = write_run(tmp_path / "two", {"tatoeba": {"de": (rows, rows)}}, seed=2)
    page = report([with_curves], "html")
    section = page.split('<section id="layers">')[1].split("</section>")[0]
    assert section.count("data-chart=") == 1 and "Scores of Tatoeba by layer, accuracy on test" in section
    assert 'href="#layers"' in page and "50.0*" in section
    (chart,) = [chart for chart in Page(page).charts() if chart["kind"] == "layers"]
    assert {line["name"]: line["taken"] for line in chart["lines"]} == {"German": 2, "Swahili": 2}
    both = report([with_curves, plain], "html")
    assert both.split('<section id="layers">')[1].split("</section>")[0].count("data-chart=") == 1
    assert "layers" not in {table.name for table in make_report(load_runs([plain]), get_registry()).tables}
    assert '<section id="layers">' not in report([plain], "html")


@pytest.mark.parametrize("values", [[], [1.0]])
def test_curves_of_unlike_lengths_are_not_averaged(values: list[float], tmp_path: Path) -> None:
    folder = run_with_curves(tmp_path / "run", "test", {"de": 0, "sw": 0})
    rewrite(folder, lambda record: record["units"]["tatoeba/sw/test"]["facts"]["curve"].update(values=values))
    (run,) = load_runs([folder])
    assert [list(curves.values) for curves in layer_curves(run)] == ([["de"]] if not values else [])
    assert report([folder], "html")
