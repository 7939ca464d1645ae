"""Reports of two stored runs: golden files of the text formats, what the tables say, and the command."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from data_folders import write_parquet
from html_pages import Page
from run_folders import write_run

from harness.analysis.answers import answers
from harness.analysis.differences import common_codes, differences
from harness.api import report
from harness.cli.main import main
from harness.core.errors import DataError, UsageError
from harness.registry.default import get_registry
from harness.report._language_scores import GROUPINGS, group_codes
from harness.report.formats import render
from harness.report.provenance import constant_answers
from harness.report.report import make_report
from harness.report.seeds import over_seeds
from harness.report.table import Table, Value
from harness.results.run_view import view
from harness.results.systems import load_runs

GOLDEN = Path(__file__).parents[1] / "golden" / "report"
PLAIN, VIA = GOLDEN / "runs" / "plain", GOLDEN / "runs" / "via-mnli"
RUNS = {"one": [PLAIN], "two": [PLAIN, VIA]}
ENDINGS = {"text": "txt", "md": "md", "csv": "csv", "latex": "inputs.tex", "latex-document": "tex", "json": "json"}


def record(folder: Path = PLAIN) -> dict:
    return json.loads((folder / "record.json").read_text(encoding="utf-8"))


def tables(*systems) -> dict[str, Table]:
    """Tables by name, the first of each."""
    return {table.name: table for table in reversed(make_report(systems, get_registry()).tables)}


def column(table: Table, name: str) -> dict[str, object]:
    index = table.head.index(name)
    return {str(row[0]): row[index] for row in table.rows}


@pytest.mark.parametrize("format", ENDINGS)
@pytest.mark.parametrize("runs", RUNS)
def test_reports_in_each_format_equal_the_golden_files(runs, format):
    """``HARNESS_REGENERATE=1 pytest tests/report/test_report.py`` writes them again."""
    path = GOLDEN / f"{runs}.{ENDINGS[format]}"
    made = report(RUNS[runs], format)
    if os.environ.get("HARNESS_REGENERATE"):
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


def test_scores_of_a_task_are_means_over_languages_marked_where_languages_are_missing():
    (system,) = load_runs([PLAIN])
    found = column(tables(system)["by-task"], "score")
    assert found["xnli"] == Value(pytest.approx((80 + 60 + 30 + 45) / 4), None, "†")
    assert found["xquad"].mark == "" and found["xquad"].half_width > 0
    entries = [record()["units"][f"xquad/{code}/test"]["score"]["metrics"] for code in ("en", "ru", "ar")]
    by_hand = [(entry["exact_match"]["value"] + entry["f1"]["value"]) / 2 for entry in entries]
    assert found["xquad"].value == pytest.approx(sum(by_hand) / 3)


def test_transfer_gap_is_english_minus_the_mean_of_the_others():
    (system,) = load_runs([PLAIN])
    gaps = column(tables(system)["transfer-gap"], "gap")
    assert gaps["xnli"].value == pytest.approx(80 - (60 + 30 + 45) / 3)
    assert gaps["xnli"].mark == "†"
    assert gaps["xquad"].mark == ""


def test_groups_are_means_over_their_languages():
    (system,) = load_runs([PLAIN])
    found = tables(system)
    assert column(found["by-script"], "xnli")["Latn"].value == pytest.approx((80 + 60 + 30) / 3)
    assert column(found["by-family"], "xnli")["Indo-European"].value == pytest.approx(70)
    assert column(found["by-resource-class"], "xnli")["2 (hopefuls)"].value == pytest.approx(30)
    assert column(found["by-family"], "xquad")["Niger-Congo"] is None


def test_resource_classes_go_from_high_to_low_and_unknown_languages_come_last():
    groups = group_codes(["sw", "xx", "en", "ru"], GROUPINGS["resource class"])
    assert list(groups) == ["5 (winners)", "4 (underdogs)", "2 (hopefuls)", "unknown"]
    assert groups["unknown"] == ["xx"]


def test_differences_of_two_systems_are_marked_only_where_significant():
    plain, via = load_runs([PLAIN, VIA])
    found = differences(plain, via, get_registry())
    assert found.units["xnli", "sw"] == pytest.approx(65 - 30)
    assert found.tasks["xnli"] == pytest.approx((10 + 20 + 35 + 30) / 4)
    assert found.mark("xnli") == "*" and found.mark("xnli", "sw") == "*"
    assert found.mark("xquad", "en") == "", "one question of twelve proves nothing"
    assert found.reason == ""


def test_no_significance_without_the_files_and_the_report_says_so():
    plain, via = view(record(), "plain"), view(record(VIA), "via")
    found = differences(plain, via, get_registry())
    assert found.significant is None
    assert "not available" in " ".join(tables(plain, via)["by-task"].notes)


def test_edited_predictions_cost_the_marks_not_the_report(tmp_path):
    for source in (PLAIN, VIA):
        shutil.copytree(source, tmp_path / source.name)
    (tmp_path / "plain/predictions/xnli/test-sw.tsv").write_text("neutral\n" * 60)
    plain, via = load_runs([tmp_path / "plain", tmp_path / "via-mnli"])
    found = differences(plain, via, get_registry())
    assert found.significant is None and "test-sw.tsv" in found.reason
    assert "sw" not in {unit.code for found in answers([plain], get_registry(), tasks=["xnli"]) for unit in found.units}


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("task_version", 99, "task version"),
        ("examples", 59, "number of examples"),
        ("data", {"fingerprint": "?"}, "data"),
    ],
)
def test_unlike_units_never_share_a_number(field, value, word):
    other = record(VIA)
    other["units"]["xnli/sw/test"][field] = value
    plain, via = view(record(), "plain"), view(other, "via")
    assert common_codes([plain, via], "xnli") == ["en", "de", "zh"]
    found = differences(plain, via, get_registry())
    assert ("xnli", "sw") not in found.units
    assert found.unlike == (f"xnli[sw] ({word})",)
    mean = column(tables(plain, via)["by-task"], "plain")["xnli"]
    assert mean == Value(pytest.approx((80 + 60 + 45) / 3), None, "†")


def test_seeds_of_one_system_are_averaged():
    seeds = []
    for seed, score in ((1, 70.0), (2, 74.0)):
        changed = record()
        for stage in changed["stages"]:
            stage["options"]["seed"] = seed
        for code in ("en", "de", "sw", "zh"):
            changed["units"][f"xnli/{code}/test"]["score"]["metrics"]["accuracy"]["value"] = score
        seeds.append(view(changed, f"seed-{seed}"))
    (table,) = over_seeds([*seeds, view(record(VIA), "via")])
    assert [row[1] for row in table.rows] == [2, 1]
    assert column(table, "xnli")["example/encoder"] == Value(pytest.approx(72), pytest.approx(8**0.5), "†")
    assert column(table, "xnli")["example/encoder via mnli"].half_width is None
    assert table.notes[-1] == "† means over some of the languages: xnli 4 of 5"
    assert not list(over_seeds(seeds[:1]))


def test_an_unfinished_run_is_reported_as_far_as_it_came():
    unfinished = record()
    unfinished |= {"scores": None, "finished": None}
    del unfinished["units"]["xquad/ru/test"]
    text = render(make_report([view(unfinished, "stopped")], get_registry()), "text")
    assert "the run is not finished" in text and "missing (1 unit): xnli[ur]" in text


def test_units_of_an_earlier_selection_are_not_reported():
    narrowed = record()
    del narrowed["scores"]["tasks"]["xquad"]
    assert list(view(narrowed, "x").tasks) == ["xnli"]


def test_a_csv_report_has_every_score_with_its_interval_and_attributes():
    rows = list(csv.DictReader(io.StringIO(report([PLAIN, VIA], "csv"))))
    assert len(rows) == 2 * (4 + 3 * 2)
    (row,) = [r for r in rows if (r["run"], r["language"]) == ("plain", "sw")]
    assert (row["script"], row["family"], row["resource_class"], row["n"]) == ("Latn", "Niger-Congo", "2", "60")
    assert float(row["value"]) == 30 and float(row["low"]) < 30 < float(row["high"])


def test_a_json_report_holds_the_numbers_of_the_tables():
    plain = json.loads(report([PLAIN, VIA], "json"))
    assert plain["schema"] == "harness-report/1"
    assert [run["name"] for run in plain["runs"]] == ["plain", "via-mnli"]
    found = {table["name"]: table for table in plain["tables"]}
    assert found["by-task"]["rows"][0][2] == {"value": pytest.approx(53.75), "mark": "†"}


def test_every_latex_table_is_closed_and_its_rows_have_all_columns():
    text = report([PLAIN, VIA], "latex-document")
    assert text.startswith("\\documentclass") and text.endswith("\\end{document}\n")
    assert text.count("\\begin{longtable}") == text.count("\\end{longtable}") == text.count("\\toprule") > 5
    for block in text.split("\\begin{longtable}")[1:]:
        spec, _, rest = block.partition("}")
        rows = [line for line in rest.split("\\end{longtable}")[0].splitlines() if line.endswith(r" \\")]
        assert all(row.replace(r"\&", "").count("&") == len(spec.strip("{")) - 1 for row in rows)


def in_document(text: str) -> str:
    """Tables as a paper has them; a whole document as it is."""
    if text.startswith("\\documentclass"):
        return text
    return f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}\n{text}\n\\end{{document}}\n"


def test_latex_for_papers_has_a_row_a_system_and_the_best_scores_in_bold():
    text = report([PLAIN, VIA], "latex", tables=["by-task", "by-language"])
    assert "documentclass" not in text and "longtable" not in text
    for block in text.split("\\begin{tabular}")[1:]:
        _, head, *rows = [line for line in block.split("\\end{tabular}")[0].splitlines() if line[:1] != "\\"]
        if "(chance)" in rows[-1]:
            assert "textbf" not in rows.pop()
        assert head.startswith("system & ") and [row.split(" & ")[0] for row in rows] == ["plain", "via{-}mnli"]
        for place in range(1, head.count("&") + 1):
            cells = [row.removesuffix(r" \\").split(" & ")[place] for row in rows]
            values = [float(found[0]) if (found := re.findall(r"\d+\.\d", cell)) else -1.0 for cell in cells]
            assert ["textbf" in cell for cell in cells] == [value == max(values) != -1.0 for value in values]


def test_single_tables_can_be_asked_for():
    text = report([PLAIN], "text", tables=["transfer-gap"])
    assert "Transfer gap" in text and "Scores by" not in text
    with pytest.raises(UsageError, match="no table 'by-tasc'") as error:
        report([PLAIN], "text", tables=["by-tasc"])
    assert "by-task" in error.value.hint
    with pytest.raises(UsageError, match="'html' has no single tables"):
        report([PLAIN], "html", tables=["by-task"])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("format", ["latex", "latex-document"])
def test_the_latex_report_compiles(format, tmp_path):
    (tmp_path / "report.tex").write_text(in_document(report([PLAIN, VIA], format)), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stdout[-2000:]


def test_runs_are_named_by_what_tells_them_apart(tmp_path):
    for parent in ("one", "two"):
        shutil.copytree(PLAIN, tmp_path / parent / "plain")
    systems = load_runs([tmp_path / "one/plain", tmp_path / "two/plain/record.json", tmp_path / "two/plain"])
    assert [system.name for system in systems] == ["one/plain", "two/plain (1)", "two/plain (2)"]


def test_a_folder_without_a_record_and_a_damaged_record_are_data_errors(tmp_path):
    with pytest.raises(DataError, match=r"no record\.json"):
        report([tmp_path])
    damaged = record()
    damaged["units"]["xnli/sw/test"]["score"]["metrics"]["accuracy"]["value"] = "much"
    (tmp_path / "record.json").write_text(json.dumps(damaged))
    with pytest.raises(DataError, match="not a complete record"):
        report([tmp_path])


def test_an_unknown_report_format_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError) as caught:
        report([PLAIN], "htlm")
    assert "html" in caught.value.hint


def test_the_command_writes_files_by_their_ending(tmp_path, capsys):
    assert main(["report", str(PLAIN), str(VIA), "-o", str(tmp_path / "r.csv")]) == 0
    assert (tmp_path / "r.csv").read_text(encoding="utf-8") == (GOLDEN / "two.csv").read_text(encoding="utf-8")
    assert main(["report", str(PLAIN)]) == 0
    assert capsys.readouterr().out == (GOLDEN / "one.txt").read_text(encoding="utf-8")
    assert main(["report", str(tmp_path)]) == 4
    assert main(["report", str(PLAIN), "-o", str(tmp_path)]) == 4
    assert main(["report"]) == 2


def test_a_report_format_of_a_plugin_is_printed_by_the_report_command(tmp_path, capsys):
    (tmp_path / "initials_report.py").write_text("def initials(systems): return ' '.join(s.name[0] for s in systems)")
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from harness import ReportFormat, hookimpl\n"
        "@hookimpl\n"
        "def harness_report_formats():\n"
        "    yield ReportFormat('initials', 'initials_report:initials')\n"
    )
    assert main(["--plugin", str(plugin), "report", str(PLAIN), str(VIA), "--format", "initials"]) == 0
    assert capsys.readouterr().out == "p v\n"


def test_a_run_as_a_table_a_frame_and_html():
    from harness.run import Run
    from harness.runs.record import load_record

    run = Run(PLAIN, load_record(PLAIN), None)
    assert "xnli" in run.table() and "Swahili" in run.table()
    frame = run.to_pandas()
    assert set(frame[frame.primary].groupby("task").value.mean().round(2)) == {53.75, 72.22}
    assert run._repr_html_().count("<table") == 1


def test_texts_of_data_that_a_plugin_finds(tmp_path: Path) -> None:
    """Mistakes are shown with their sentences also where the data lie where only ``harness_resolve_data`` looks."""
    for code in ("en", "sw"):
        texts = [f"sentence {number} of {code}" for number in range(8)]
        write_parquet(tmp_path / f"elsewhere/{code}.parquet", {"text": texts, "label": ["bad", "good"] * 4})
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        f"""
from harness import HubData, Pair, Split, TargetTask, hookimpl, splits

@hookimpl
def harness_target_tasks():
    yield TargetTask(
        name="mine", version=1, family="classification", metric="accuracy", labels=("bad", "good"),
        languages=splits("en sw", test=lambda code: Split(HubData("org/mine", code, "test"))),
        example=lambda row: Pair(str(row["_row"]), row["text"], "", row["label"]),
        summary="is it good or bad?", licence="CC0 1.0", citation="nobody 2026",
    )

@hookimpl
def harness_resolve_data(source):
    return ["{tmp_path}/elsewhere/" + source.config + ".parquet"]
""",
        encoding="utf-8",
    )
    run = tmp_path / "run"
    options = ["--task", "mine", "--model", "baseline:random", "--out", str(run), "--offline"]
    assert main(["--plugin", str(plugin), "eval", *options]) == 0
    shown = Page((run / "report.html").read_text(encoding="utf-8")).examples()["mine"]
    assert ["text", "sentence 3 of sw"] in [part for _, _, parts, _ in shown for part in parts]


def test_constant_answers_stand_beside_their_task_and_not_in_one_heap():
    answers = {"xnli/ar/test": "entailment", "xnli/zh/test": "entailment", "tatoeba/ar/test": "2"}
    said = constant_answers(answers)
    assert said == ("the same answer to every item of a language (3 units): xnli[ar,zh] 'entailment'; tatoeba[ar] '2'")
    many = constant_answers({f"xnli/{code}/test": code for code in ("ar", "bg", "de", "el")})
    assert many.endswith("(4 units): xnli[ar,bg,de,el] 'ar', 'bg', 'de', ...") and constant_answers({}) == ""


def test_the_title_names_the_benchmark_or_the_tasks(tmp_path):
    write_run(tmp_path / "some", {"xnli": {"en": ("neutral\n", "neutral\n")}, "tatoeba": {"de": ("0\n", "0\n")}})
    assert report([tmp_path / "some"], "md").startswith("# xnli, tatoeba: some\n")
    assert "<h1>XNLI, Tatoeba: some</h1>" in report([tmp_path / "some"], "html")
