"""Runs, seeds and comparisons in a notebook: progress in a real kernel, and what is displayed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.core.errors import DataError
from harness.report.notebook_progress import default_reporter, in_notebook
from harness.types.progress import ProgressListener

RUNS = Path(__file__).parents[1] / "golden" / "report" / "runs"
VOID = {"br", "img", "meta"}


class Balanced(HTMLParser):
    """Fails on a tag that is not closed, and keeps what a notebook would not run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag not in ("script", "iframe", "style", "link")
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def parsed(html: str) -> Balanced:
    found = Balanced()
    found.feed(html)
    assert not found.open
    return found


def test_a_run_shows_a_heat_map_with_intervals_caveats_and_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.chdir(tmp_path)
    shutil.copytree(RUNS / "plain", tmp_path / "a run")
    run = harness.load("a run")
    page = parsed(run._repr_html_())
    text = " ".join(page.texts)
    task = run.view.tasks["xnli"]
    for code, unit in task.units.items():
        assert f"({code})" in text and f"{unit.score.value:.1f}" in text
    assert text.count("±") > len(task.units)
    assert all(reason[:40] in text for reason in run.partial)
    assert page.links == []
    assert len(re.findall("background:hsl", run._repr_html_())) >= len(task.units) - 1
    written = run.write_page(data_dir=tmp_path)
    assert written == Path("a run/report.html") and written.is_file()
    assert parsed(run._repr_html_()).links == ["a%20run/report.html"]


def test_a_run_names_itself_by_model_tasks_scores_and_folder() -> None:
    run = harness.load(RUNS / "plain")
    shown = repr(run)
    assert shown.startswith(f"<Run of {run.view.model}: xnli ") and str(run.path) in shown
    for name, task in run.view.tasks.items():
        mean = sum(unit.score.value for unit in task.units.values()) / len(task.units)
        assert f"{name} {mean:.1f}{'' if task.complete else '†'}" in shown
    assert "(not benchmark scores)" in shown if run.partial else "not benchmark" not in shown


def test_a_comparison_shows_differences_intervals_and_notes() -> None:
    compared = harness.compare([RUNS / "plain", RUNS / "via-mnli"], resamples=200)
    page = parsed(compared._repr_html_())
    text = " ".join(page.texts)
    for name, task in compared.tasks.items():
        [found] = task.average.differences
        assert f"{name} {found.value:+.1f}" in repr(compared)
        assert f"{found.value:+.2f}" in text and f"[{found.low:+.2f}, {found.high:+.2f}]" in text
    assert "Holm" in text
    assert repr(compared).startswith("<Comparison of via-mnli against plain: ")


def test_a_name_from_anywhere_is_escaped(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "<script>alert(1)</script>"
    folder.parent.mkdir(exist_ok=True)
    shutil.copytree(RUNS / "plain", tmp_path / "<b>")
    assert "<b>" not in harness.load(tmp_path / "<b>")._repr_html_()


def test_outside_a_notebook_nothing_is_shown() -> None:
    assert not in_notebook()
    with default_reporter(None) as listener:
        assert type(listener) is ProgressListener
    own = ProgressListener()
    with default_reporter(own) as listener:
        assert listener is own


@pytest.fixture(scope="module")
def cells(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The cells of a notebook that was run by a real kernel, with their outputs."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient and ipykernel run the notebook")
    pytest.importorskip("ipykernel", reason="nbclient and ipykernel run the notebook")
    from nbformat.v4 import new_code_cell, new_notebook

    folder = tmp_path_factory.mktemp("notebook")
    few = f"data_dir={str(corpus)!r}, offline=True, limit=8, train_limit=16, overrides={{'max_steps': 2}}"
    sources = [
        "import harness",
        f"run = harness.evaluate({str(small_model)!r}, 'xnli[en,de]', out='run', {few})",
        "run",
        f"seeds = harness.evaluate('baseline:random', 'xnli[de]', seeds=[1, 2], out='seeds', {few})\nseeds",
        "harness.evaluate('baseline:random', 'xnli[de]', out='bad', data_dir='nowhere')",
    ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    client = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(folder)}}, allow_errors=True
    )
    client.execute()
    return list(notebook.cells)


def outputs(cell: Any, kind: str) -> str:
    return "".join(out["data"].get(kind, "") for out in cell.outputs if "data" in out)


def test_a_notebook_shows_the_progress_of_a_run_as_one_line_that_ends(cells: list[Any]) -> None:
    [shown] = [out for out in cells[1].outputs if out.output_type == "display_data"]
    text = shown["data"]["text/html"]
    assert "finished in" in text and "2 units scored" in text
    assert not [out for out in cells[1].outputs if out.output_type == "stream" and out.name == "stdout"]


def test_a_notebook_displays_runs_and_seeds(cells: list[Any]) -> None:
    assert "German (de)" in outputs(cells[2], "text/html") and "<Run of" in outputs(cells[2], "text/plain")
    plain = outputs(cells[3], "text/plain")
    assert re.search(r"<SeedRuns of baseline:random, seeds 1, 2: xnli [\d.]+ ±[\d.]+†, in seeds>", plain)


def test_an_error_in_a_notebook_says_what_to_do(cells: list[Any]) -> None:
    [error] = [out for out in cells[4].outputs if out.output_type == "error"]
    assert error.ename == "UsageError" and "data folder not found" in error.evalue


def test_seeds_are_loaded_again_and_told_apart_from_a_run(corpus: Path, tmp_path: Path) -> None:
    few: dict[str, Any] = {"data_dir": corpus, "offline": True, "limit": 8, "out": tmp_path / "seeds"}
    made = harness.evaluate("baseline:random", "xnli[de]", seeds=[3, 4], **few)
    assert made.seeds == (3, 4) and [run.path.name for run in made] == ["seed-3", "seed-4"]
    again = harness.load_seeds(tmp_path / "seeds")
    assert again.summary == made.summary and repr(again) == repr(made)
    assert "± standard deviation over seeds 3, 4" in again.table()
    with pytest.raises(DataError, match="several seeds") as caught:
        harness.load(tmp_path / "seeds")
    assert "load_seeds" in caught.value.hint
    with pytest.raises(DataError, match=r"seeds\.json"):
        harness.load_seeds(tmp_path / "seeds" / "seed-3")


def test_seeds_of_a_model_in_memory_are_those_of_its_folder(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    loaded = AutoModel.from_pretrained(small_model), AutoTokenizer.from_pretrained(small_model)
    few: dict[str, Any] = {
        "data_dir": corpus,
        "offline": True,
        "limit": 6,
        "train_limit": 8,
        "overrides": {"max_steps": 1},
    }
    ours, theirs = (
        harness.evaluate(model, "xnli[de]", seeds=[1, 2], out=tmp_path / name, **few)
        for model, name in ((loaded, "ours"), (str(small_model), "theirs"))
    )
    assert ours.summary == theirs.summary and ours[0].record["model"]["kind"] == "loaded"
    with pytest.raises(harness.UsageError, match="a model in memory can be evaluated in this process only"):
        harness.evaluate_seeds(loaded, [1, 2], "xnli[de]", out=tmp_path / "jobs", jobs=2, **few)
