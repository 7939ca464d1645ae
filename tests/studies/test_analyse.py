"""The analysis of a study: its files hold what its runs hold, whole or not, and nothing is said that they do not say."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
from html_pages import Page
from run_folders import rewrite
from study_runs import ANSWERS, ITEMS, LANGUAGES, registry_of, study, unit, write_study

import harness
from harness.analysis.effects.contrasts import analyse
from harness.analysis.effects.findings import Chart, Effect, Findings, TextTable
from harness.analysis.effects.observations import Observation
from harness.core.errors import DataError, PluginError
from harness.core.sealed import read_sealed
from harness.data.access import DataAccess
from harness.report.csv import table_csv
from harness.report.study.files import file_stems
from harness.report.table import PageText, Table, Value, number
from harness.studies import analyse as analysis
from harness.studies.analyse import StudyAnalysis, analyse_folders
from harness.studies.grid import StudyFolders, cells
from harness.studies.plan import freeze, plan_content
from harness.studies.search_report import SearchCost, SearchResult, write_search
from harness.studies.study_power import study_power
from harness.types.studies import Contrast, Search, Study

Cli = Callable[..., tuple[int, str, str]]

GRID = """
from harness import Study, hookimpl

@hookimpl
def harness_studies():
    yield Study(
        "which-baseline", 1, models=("baseline:majority", "baseline:random"), tasks=("xnli[en,sw,de]", "panx[en,sw]"),
        seeds=(1, 2), question="What scores without a model?",
    )
"""


def analysed(made: Study, folder: Path) -> StudyAnalysis:
    return analyse_folders(made, StudyFolders.of(made, None, folder), registry_of(made))


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests draw figures where they say so; what is made once for the module has them."""
    monkeypatch.setattr(analysis, "find_spec", lambda name: None)


@pytest.fixture
def figures(no_figures: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "find_spec", find_spec)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> StudyAnalysis:
    """A study all of whose runs are there."""
    made = study()
    return analysed(made, write_study(made, tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> StudyAnalysis:
    """A study with a seed that was not run, a run that is torn, units that failed or lack data, and one job that failed."""
    made = study()
    folder = write_study(made, tmp_path_factory.mktemp("half"), lambda arm, seed: (arm, seed) != ("mnli", 3))

    def some(record: dict[str, Any]) -> None:
        del record["units"]["xnli/zh/test"], record["units"]["xnli/ar/test"]
        record["failed"] = {"xnli/zh/test": "out of memory <b>here</b>"}
        record["missing"] = {"xnli/ar/test": "not found in data"}
        record["scores"] = None

    rewrite(folder / "org--small" / "mnli" / "seed-2", some)
    torn = folder / "org--small" / "mnli-shuffled" / "seed-1" / "record.json"
    torn.write_text(torn.read_text()[:300])
    return analysed(made, folder)


def accuracy(arm: str, language: str, seed: int) -> float:
    labels, predictions = (text.split() for text in unit(arm, language, seed))
    return 100 * sum(map(str.__eq__, labels, predictions)) / ITEMS


def rows_of(found: StudyAnalysis, table: str) -> list[dict[str, str]]:
    text = (found.path / "tables" / f"{table}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def lines_of(found: StudyAnalysis) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (found.path / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def shown(found: StudyAnalysis) -> str:
    return " ".join(" ".join(Page(found.page.read_text(encoding="utf-8")).text).split())


def test_a_study_of_baselines_on_the_sample_corpus_from_run_to_page(
    cli: Cli, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("grid.py").write_text(GRID)
    command = ("--plugin", "grid.py", "study")
    code, _, error = cli(*command, "analyse", "which-baseline")
    assert code == DataError.exit_code and "no run of the study 'which-baseline'" in error
    assert "harness study run which-baseline" in error and not Path("runs").exists()
    assert cli(*command, "run", "which-baseline", "--data-dir", corpus, "--limit", 12)[0] == 0
    code, out, error = cli(*command, "analyse", "which-baseline", "--json")
    assert code == 0 and "written: runs/which-baseline/analysis/index.html" in error
    folder = Path("runs/which-baseline/analysis")
    stats = read_sealed(folder / "stats.json")
    assert {**json.loads(out), "sha256": ""} == {**stats, "sha256": ""}
    assert stats["complete"] and stats["units"] == {"scored": 15, "planned": 15}
    assert stats["runs"] == {"finished": 3, "planned": 3}, "the majority baseline has one seed"
    for line in (folder / "results.jsonl").read_text().splitlines():
        row = json.loads(line)
        record = json.loads(Path("runs/which-baseline", row["run"], "record.json").read_text())
        score = record["units"][f"{row['task']}/{row['language']}/test"]["score"]
        metric = "accuracy" if row["task"] == "xnli" else "f1"
        assert row["score"] == score["metrics"][metric]["value"] and row["n"] == score["n"]
    page = " ".join(Page((folder / "index.html").read_text()).text)
    assert "What scores without a model?" in page and "Not benchmark scores: at most 12 examples a unit" in page
    assert harness.analyse_study("which-baseline", registry=harness.get_registry([Path("grid.py")])).complete


def test_scores_are_those_of_the_runs(whole: StudyAnalysis) -> None:
    rows = lines_of(whole)
    assert len(rows) == 3 * 3 * 5
    for row in rows:
        assert row["score"] == pytest.approx(accuracy(row["arm"], row["language"], row["seed"]))
        assert row["state"] == "scored" and row["low"] < row["score"] < row["high"] and row["n"] == ITEMS
        assert row["factors"].get("intermediate") == {"none": "", "mnli": "nli"}.get(row["arm"])
        assert row["english_dev"] == (36.0 if row["seed"] == 3 else 60.0) and row["dev_loss"] == 0.75
        assert row["degenerate"] == (row["seed"] == 3)
    assert list(whole.to_pandas()["score"]) == [row["score"] for row in rows]


def test_the_statistics_can_be_made_again_from_the_results(whole: StudyAnalysis) -> None:
    names = Observation.__dataclass_fields__
    seen = [Observation(**{name: value for name, value in row.items() if name in names}) for row in lines_of(whole)]
    again = analyse(whole.report.study, seen)
    kept = read_sealed(whole.path / "stats.json")
    assert [effect.estimate for effect in again.effects] == [effect["estimate"] for effect in kept["effects"]]
    assert [effect.low for effect in again.effects] == [effect["low"] for effect in kept["effects"]]
    assert list(again.conclusions) == kept["conclusions"]


def test_the_page_the_tables_and_the_figures_have_the_numbers_of_the_statistics(whole: StudyAnalysis) -> None:
    effect, *_ = read_sealed(whole.path / "stats.json")["effects"]
    gains = [
        accuracy("mnli", code, seed) - accuracy("none", code, seed) for code in LANGUAGES[1:] for seed in (1, 2, 3)
    ]
    assert effect["name"] == "gain of mnli" and effect["estimate"] == pytest.approx(fmean(gains))
    page = Page(whole.page.read_text(encoding="utf-8"))
    text = " ".join(page.text)
    for value in (effect["estimate"], effect["low"], effect["high"]):
        assert f"{value:+.2f}".replace("-", "−") in text
    (forest,) = (chart for chart in page.charts() if chart["label"].startswith("Effects in points"))
    points = {point["row"]: point for point in forest["points"]}
    assert points["gain of mnli"]["value"] == effect["estimate"] and points["gain of mnli"]["low"] == effect["low"]
    row = next(row for row in rows_of(whole, "effects") if row["effect"] == "gain of mnli")
    assert float(row["estimate"]) == pytest.approx(effect["estimate"], rel=1e-5)
    assert all(conclusion in text for conclusion in whole.conclusions)


def test_means_by_task_are_over_languages_then_seeds(whole: StudyAnalysis) -> None:
    for row in rows_of(whole, "by-task"):
        seeds = [fmean(accuracy(row["arm"], code, seed) for code in LANGUAGES[1:]) for seed in (1, 2, 3)]
        assert float(row["XNLI"]) == pytest.approx(fmean(seeds), rel=1e-5)
        assert float(row["XNLI ±"]) == pytest.approx(stdev(seeds), rel=1e-5)
    for row in rows_of(whole, "by-task-with-english"):
        every = [accuracy(row["arm"], code, seed) for code in LANGUAGES for seed in (1, 2, 3)]
        assert float(row["XNLI"]) == pytest.approx(fmean(every), rel=1e-5)


def test_the_commands_are_those_that_the_runs_were_made_with(whole: StudyAnalysis) -> None:
    plan, run, again = whole.report.commands
    assert run == "harness study run made-up --data-dir 'my data'"
    assert (plan, again) == ("harness study plan made-up", "harness study analyse made-up")
    assert run in shown(whole)


def test_a_whole_study_says_that_it_is(whole: StudyAnalysis) -> None:
    assert whole.complete
    text = shown(whole)
    assert "Every unit of every run has its score." in text and "not complete" not in text
    assert "No plan was frozen" in text
    assert {row["XNLI"] for row in rows_of(whole, "coverage")} == {"15 of 15"}
    assert not (whole.path / "tables" / "lacking.csv").exists()


def test_a_partial_study_says_what_is_not_there_and_why(half: StudyAnalysis) -> None:
    assert not half.complete
    text = shown(half)
    assert "This study is not complete: 2 of 9 runs are not finished and 12 of 45 units have no score" in text
    coverage = {row["arm"]: (row["runs"], row["XNLI"]) for row in rows_of(half, "coverage")}
    assert coverage == {
        "none": ("3 of 3", "15 of 15"),
        "mnli": ("2 of 3", "8 of 15"),
        "mnli-shuffled": ("2 of 3", "10 of 15"),
    }
    lacking = {(row["run"], row["state"]): (row["which"], row["why"]) for row in rows_of(half, "lacking")}
    assert lacking["org/small, mnli, seed 3", "not started"] == ("all", "")
    assert lacking["org/small, mnli, seed 2", "failed"] == ("XNLI: zh", "out of memory <b>here</b>")
    assert lacking["org/small, mnli, seed 2", "no data"] == ("XNLI: ar", "not found in data")
    which, why = lacking["org/small, mnli-shuffled, seed 1", "unreadable"]
    assert which == "all" and "not a readable record" in why
    states = {(row["arm"], row["seed"], row["language"]): (row["state"], row["score"]) for row in lines_of(half)}
    assert states["mnli", 2, "zh"] == ("failed", None) and states["mnli", 3, "de"] == ("not reached", None)


def test_what_is_incomplete_enters_no_mean(half: StudyAnalysis) -> None:
    by_arm = {row["arm"]: row["XNLI"] for row in rows_of(half, "by-task")}
    assert by_arm.pop("none").startswith("5")
    assert by_arm == {"mnli": "6 of 12", "mnli-shuffled": "8 of 12"}
    (dots,) = (chart for chart in Page(half.page.read_text()).charts() if chart["label"] == "XNLI: score")
    hollow = {(point["hint"].split("\\n")[0]) for point in dots["points"] if point.get("hollow")}
    names = ("German", "Swahili", "Chinese", "Arabic", "English")
    assert hollow == {f"{name}, {arm}" for name in names for arm in ("mnli", "mnli-shuffled")}
    pairs = [(2, code) for code in ("de", "sw")] + [(1, code) for code in LANGUAGES[1:]]
    gains = [accuracy("mnli", code, seed) - accuracy("none", code, seed) for seed, code in pairs]
    effect = next(effect for effect in half.effects if effect.name == "gain of mnli")
    assert min(gains) < effect.estimate < max(gains), "the effect is over the pairs that are there"
    assert any("without the other arm's, left out" in line for line in half.report.findings.warnings)


def test_a_job_that_failed_says_so_where_its_run_is_missing(tmp_path: Path) -> None:
    from harness.studies.job import JobFiles, JobResult, write_result

    made = study()
    folder = write_study(made, tmp_path, lambda arm, seed: arm == "none")
    cell = next(cell for cell in cells(made, folder) if cell.arm == "mnli")
    job = cell.jobs(registry_of(made))[1]
    files = JobFiles.of(job, folder / "jobs")
    files.job.parent.mkdir()
    files.job.write_text(job.to_json())
    write_result(files.result, JobResult(job.key, 1, "CUDA out of memory", "a smaller batch"))
    rows = {row["run"]: row for row in rows_of(analysed(made, folder), "lacking")}
    assert rows["org/small, mnli, seed 2"]["state"] == "failed"
    assert rows["org/small, mnli, seed 2"]["why"] == "CUDA out of memory (a smaller batch)"
    assert rows["org/small, mnli, seeds 1, 3"]["state"] == "not started"


def test_a_study_without_any_score_is_a_page_without_results(tmp_path: Path) -> None:
    made = study()
    folder = write_study(made, tmp_path, lambda arm, seed: (arm, seed) == ("none", 1))

    def nothing(record: dict[str, Any]) -> None:
        record["failed"] = dict.fromkeys(record["units"], "no space left")
        record |= {"units": {}, "scores": None, "finished": None}

    rewrite(folder / "org--small" / "none" / "seed-1", nothing)
    found = analysed(made, folder)
    text = shown(found)
    assert "No unit has been scored yet" in text and "nothing can be said; 0 pairs of units" in text
    assert not found.effects and Page(found.page.read_text()).scripts["chart-data"] == "[]"
    assert {row["units"] for row in rows_of(found, "lacking") if row["state"] == "failed"} == {"5"}


def frozen(made: Study, folder: Path) -> str:
    """Freezes the plan of a study in its folder; its checksum."""
    registry = registry_of(made)
    power = study_power(made, registry, DataAccess.of(registry, None, offline=True))
    return freeze(plan_content(made, None, list(cells(made, folder)), registry), folder, power).sha256


def test_a_study_that_is_as_it_was_frozen_has_no_deviations(tmp_path: Path) -> None:
    made = study()
    checksum = frozen(made, tmp_path)
    found = analysed(made, write_study(made, tmp_path))
    text = shown(found)
    assert "None: the study is the one of the frozen plan." in text and checksum in text
    assert "exploratory" not in text and found.effects[0].primary
    assert read_sealed(found.path / "stats.json")["plan"]["checksum"] == checksum
    (power,) = (row for row in rows_of(found, "power") if row["effect"] == "gain of mnli")
    assert 0 < float(power["as planned"]) < float(power["smallest detectable"])


def test_what_the_frozen_plan_does_not_have_is_exploratory(tmp_path: Path) -> None:
    frozen(study(seeds=(1, 2)), tmp_path)
    late = Contrast("gain of shuffled", "mnli-shuffled")
    made = study(contrasts=(*study().contrasts, late))
    found = analysed(made, write_study(made, tmp_path))
    assert {row["exploratory"] for row in lines_of(found) if row["seed"] == 3} == {True}
    assert {row["exploratory"] for row in lines_of(found) if row["seed"] < 3} == {False}
    effects = {effect.name: effect for effect in found.effects}
    assert effects["gain of mnli"].primary and effects["gain of mnli"].counts["seeds"] == 2
    assert not effects["gain of shuffled"].primary and effects["gain of shuffled"].p_corrected is None
    ranks = {row["effect"]: row["rank"] for row in rows_of(found, "effects")}
    assert (ranks["gain of mnli"], ranks["gain of shuffled"]) == ("primary", "exploratory")
    text = shown(found)
    assert "contrast gain of shuffled exploratory" in text
    assert "seeds of org/small is [1, 2, 3], planned [1, 2]" in text


def test_a_plan_that_was_frozen_after_the_runs_is_found_out(tmp_path: Path) -> None:
    made = study()
    write_study(made, tmp_path, created="2020-01-01T00:00:00+00:00")
    frozen(made, tmp_path)
    assert "after the first run had begun on 2020-01-01T00:00:00+00:00" in shown(analysed(made, tmp_path))


def test_a_plan_that_was_edited_is_refused(tmp_path: Path) -> None:
    made = study()
    frozen(made, write_study(made, tmp_path))
    path = tmp_path / "plan.json"
    path.write_text(path.read_text().replace("gain of mnli", "loss of mnli"))
    with pytest.raises(DataError, match=r"plan\.json"):
        analysed(made, tmp_path)


def test_a_contrast_without_a_pair_of_units_is_named(tmp_path: Path) -> None:
    made = study(same_source=(("mnli", "xnli"),))
    found = analysed(made, write_study(made, tmp_path, lambda arm, seed: arm != "mnli-shuffled"))
    text = shown(found)
    assert "gain of mnli: nothing can be said; 15 pairs of units, none that counts" in text


def test_a_search_is_shown_and_runs_beside_it_enter_no_effect(tmp_path: Path) -> None:
    made = study(search=Search("lr", (1e-5, 3e-5)))
    plain = analysed(study(), write_study(study(), tmp_path / "plain"))
    write_study(made, tmp_path / "searched")
    dev = {"xnli": {"recipe": 50.0, "1e-05": 48.25, "3e-05": 52.5}}
    runs = dict.fromkeys(dev["xnli"], "search/somewhere")
    cost = SearchCost(runs=3, stages=3, tokens=24_000, seconds=90.0)
    found = SearchResult("org/small", "mnli", "lr", 0, dev, {"xnli": "3e-05"}, runs, cost)
    write_search([found], tmp_path / "searched")
    searched = analysed(made, tmp_path / "searched")
    arms = {row["arm"]: row["XNLI"] for row in rows_of(searched, "coverage")}
    assert arms == dict.fromkeys(
        ["none", "none@recipe", "mnli", "mnli@recipe", "mnli-shuffled", "mnli-shuffled@recipe"], "15 of 15"
    )
    assert [effect.estimate for effect in searched.effects] == [effect.estimate for effect in plain.effects]
    (row,) = rows_of(searched, "search")
    assert (row["model"], row["arm"], float(row["3e-05"]), row["chosen"]) == ("org/small", "mnli", 52.5, "3e-05")
    assert "lr among 1e-05, 3e-05, by English dev scores with seed 0" in shown(searched)


def test_costs_count_a_shared_stage_once(whole: StudyAnalysis) -> None:
    rows = {row[""]: row for row in rows_of(whole, "costs")}
    assert (rows["target stages"]["number"], rows["target stages"]["tokens"]) == ("3", "24000")
    assert float(rows["target stages"]["hours"]) == pytest.approx(3 * 30 / 3600)
    assert float(rows["units scored"]["hours"]) == pytest.approx(45 * 1.5 / 3600)
    assert "FLOPs" not in rows["units scored"], "nobody knows how large org/small is"


def hostile(made: Study, observations: Any) -> Findings:
    """An analysis of a plugin whose every text is an attack."""
    text = "</script><script>alert(1)</script>\x1b[2J ${x} _a_ | `b` \\input{/etc/passwd} =1+1"
    effect = Effect(
        text, text, True, 1.0, 0.5, float("nan"), None, None, text, unit=text, counts={text: 1}, notes=(text,)
    )
    point = {"x": 1.0, "y": text, "low": 0.5, "high": 1.5, "series": text, "label": text}
    kinds = ("forest", "dots", "lines", "scatter", "heat map", "pie")
    charts = tuple(
        Chart(
            kind,
            f"../../{kind}/{text}",
            text,
            text,
            text,
            ({**point, "y": 2.0} if kind in ("lines", "scatter") else point,),
            text,
        )
        for kind in kinds
    )
    table = TextTable("../../../table", text, (text, "b"), ((text, 1.5), ("=cmd()", float("inf"))))
    return Findings((effect,), charts, (table,), (text,), (text,))


@pytest.mark.usefixtures("figures")
def test_hostile_texts_are_only_texts_and_their_names_leave_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = "<img src=x onerror=alert(1)>\x1b]0;x\x07"
    made = study(analysis="tests.studies.test_analyse:hostile", question=f"Is it {attack}?", summary=attack)
    folder = write_study(made, tmp_path / "runs", partial=[attack])
    monkeypatch.setattr(analysis, "load_part", lambda value, field: hostile)
    found = analysed(made, folder)
    written = {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {("runs", "org--small"), ("runs", "analysis")}
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", path.name) for path in found.path.rglob("*"))
    source = found.page.read_text(encoding="utf-8")
    page = Page(source)
    assert not page.tags["img"] and page.tags["script"] == 3 and "onerror" not in page.attributes
    assert not page.links - {link for link in page.links if link.startswith("#")}
    for path in found.path.rglob("*"):
        if path.suffix in (".md", ".csv", ".tex", ".html"):
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", path.read_text(encoding="utf-8")), path
    cells = [cell for path in found.path.glob("tables/*.csv") for row in csv.reader(path.open()) for cell in row]
    assert not any(cell.startswith(("=", "@")) for cell in cells)
    kept = read_sealed(found.path / "stats.json")
    assert kept["effects"][0]["high"] is None and kept["tables"][0]["rows"][1][1] is None
    assert "this page has no chart of its kind" in " ".join(page.text)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_latex_tables_compile(half: StudyAnalysis, tmp_path: Path) -> None:
    tables = "\n\n".join(rf"\input{{{path}}}" for path in sorted(half.path.glob("tables/*.tex")))
    head = "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{textcomp,booktabs}"
    (tmp_path / "all.tex").write_text(f"{head}\\begin{{document}}\n{tables}\n\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout[-2000:]


def test_every_table_has_three_files_whose_rows_have_all_columns(half: StudyAnalysis) -> None:
    folder = half.path / "tables"
    stems = {path.stem for path in folder.iterdir()}
    assert {"arms", "models", "contrasts", "coverage", "lacking", "effects", "power", "by-task", "by-language"} <= stems
    for stem in stems:
        rows = list(csv.reader(io.StringIO((folder / f"{stem}.csv").read_text(encoding="utf-8"))))
        assert len({len(row) for row in rows}) == 1 and len(rows) > 1
        lines = (folder / f"{stem}.md").read_text(encoding="utf-8").splitlines()
        assert len({line.count(" | ") for line in lines if line.startswith("| ")}) == 1
        latex = (folder / f"{stem}.tex").read_text(encoding="utf-8")
        spec = re.sub(r"p\{[^}]*\}", "p", re.findall(r"\\begin\{tabular\}\{((?:\w|p\{[^}]*\})+)\}", latex)[0])
        body = [line for line in latex.splitlines() if line.endswith(r" \\")]
        assert all(line.replace(r"\&", "").count("&") == len(spec) - 1 for line in body)


def test_figures_are_vector_files_of_every_chart(whole: StudyAnalysis) -> None:
    pytest.importorskip("matplotlib")
    names = {path.stem for path in (whole.path / "figures").glob("*.pdf")}
    assert names == {path.stem for path in (whole.path / "figures").glob("*.svg")}
    assert {"effects", "gains-by-task", "gains-by-language-1", "languages-xnli"} <= names
    assert all(path.read_bytes().startswith(b"%PDF") for path in (whole.path / "figures").glob("*.pdf"))


def test_without_matplotlib_there_are_no_figures(tmp_path: Path) -> None:
    made = study()
    found = analysed(made, write_study(made, tmp_path))
    assert found.page.is_file() and not (found.path / "figures").exists()


@pytest.mark.usefixtures("figures")
def test_the_same_runs_give_the_same_files_and_old_ones_are_gone(whole: StudyAnalysis) -> None:
    before = {path: path.read_bytes() for path in whole.path.rglob("*") if path.is_file()}
    (whole.path / "tables" / "of-long-ago.csv").write_text("a\n1\n")
    (whole.path / "notes.txt").write_text("mine")
    analysed(study(), whole.path.parent)
    assert (whole.path / "notes.txt").read_text() == "mine"
    (whole.path / "notes.txt").unlink()
    assert {path: path.read_bytes() for path in whole.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("at", [0, 7, -1])
def test_a_killed_analysis_leaves_no_half_of_a_file(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study()
    folder = write_study(made, tmp_path)
    first = analysed(made, folder)
    before = {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()}
    shutil.rmtree(folder / "org--small" / "mnli" / "seed-3")
    write, written = analysis.write_atomic, iter(range(len(before)))

    def killed(path: Path, content: str | bytes) -> None:
        if next(written) == at % len(before):
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(analysis, "write_atomic", killed)
    with pytest.raises(KeyboardInterrupt):
        analysed(made, folder)
    after = {path: path.read_bytes() for path in first.path.rglob("*") if path.is_file()}
    assert after[first.page] == before[first.page], "the page is the last file, and still the old one"
    assert after.keys() >= before.keys() and not [path for path in after if path.name.endswith(".tmp")]
    read_sealed(first.path / "stats.json")


def test_an_analysis_that_fails_is_the_fault_of_its_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = study()
    folder = write_study(made, tmp_path)
    monkeypatch.setattr(analysis, "load_part", lambda value, field: lambda study, seen: 1 / 0)
    with pytest.raises(PluginError, match="plugin tests: study 'made-up': analysis: ZeroDivisionError"):
        analysed(made, folder)
    monkeypatch.setattr(analysis, "load_part", lambda value, field: lambda study, seen: "fine")
    with pytest.raises(PluginError, match="it returned str, not Findings"):
        analysed(made, folder)
    assert not (folder / "analysis").exists()


OWN = """
from harness import Effect, Findings, Study, TextTable, hookimpl

def analyse(study, observations):
    mean = sum(each.score for each in observations) / len(observations)
    effect = Effect("mean", "", False, mean, mean, mean, None, None, "arithmetic")
    rows = tuple((each.task, each.language, each.score) for each in observations)
    return Findings((effect,), (), (TextTable("all", "All", ("task", "language", "score"), rows),), ("It is so.",), ())

@hookimpl
def harness_studies():
    yield Study(
        "own", 1, models=("baseline:majority",), tasks=("xnli[en,sw]",), seeds=(1,), analysis=f"{__name__}:analyse",
    )
"""


def test_a_study_may_have_an_analysis_of_its_own(
    cli: Cli, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(OWN)
    assert cli("--plugin", "own.py", "study", "run", "own", "--data-dir", corpus, "--limit", 6)[0] == 0
    code, out, error = cli("--plugin", "own.py", "study", "analyse", "own")
    record = json.loads(Path("runs/own/baseline-majority/seed-1/record.json").read_text())
    scores = {key.split("/")[1]: unit["score"]["metrics"]["accuracy"]["value"] for key, unit in record["units"].items()}
    assert code == 0 and "It is so." in out and "warning" not in error
    assert f"{fmean(scores.values()):+.2f}" in out
    with Path("runs/own/analysis/tables/all.csv").open() as file:
        assert {row["language"]: float(row["score"]) for row in csv.DictReader(file)} == pytest.approx(scores)


def test_the_runs_of_another_study_are_analysed_in_a_folder_of_its_own(tmp_path: Path) -> None:
    made = replace(study(), runs_of="another")
    folders = StudyFolders.of(made, None, write_study(made, tmp_path))
    found = analyse_folders(made, folders, registry_of(made))
    assert found.path == tmp_path / "made-up" / "analysis" and found.complete


def test_file_stems_are_safe_and_distinct() -> None:
    stems = file_stems(["a/b", "a b", "../..", "", "A-B", "x" * 200])
    assert stems == ["a-b", "a-b-2", "unnamed", "unnamed-2", "A-B-3", "x" * 80]


def test_a_table_as_csv_has_numbers_in_full() -> None:
    cells: Iterator[Any] = iter((Value(1 / 3, 0.25), PageText("< 0.001", number=1e-5), PageText("2 of 3"), None))
    table = Table.of("t", [number("a"), number("p"), "c", number("d")], [tuple(cells)])
    assert table_csv(table) == "a,a ±,p,c,d\n0.333333,0.25,1e-05,2 of 3,\n"


def test_the_answers_of_the_tests_are_the_task_s() -> None:
    assert set(ANSWERS) == {"contradiction", "entailment", "neutral"}
