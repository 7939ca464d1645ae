"""Pairs of mixed languages: what the matrix holds, that nothing else changes, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness.api import report
from harness.core.errors import DataError
from harness.data.access import DataAccess
from harness.evaluation.plan import check_mixed, make_plan
from harness.leaderboard.export import export_row
from harness.leaderboard.official import export_submission
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.report.report import all_tables
from harness.results.rescore import score_run, score_submission
from harness.results.run_view import view
from harness.run import Run
from harness.runs._schema import misfit
from harness.types.examples import Pair
from harness.types.options import EvalOptions
from harness.types.units import Unit, mixed_languages

Cli = Callable[..., tuple[int, str, str]]
CODES = ("de", "en", "zh")
CELLS = [(first, second) for first in CODES for second in CODES if first != second]
LABELS = ("contradiction", "entailment", "neutral")

PLUGIN = """
import csv
from harness import FileData, Pair, Split, TargetTask, hookimpl

def lines(path):
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)

def split(code):
    return Split(FileData((f"{NAME}/{code}.csv",), lines, "it is made by the test"))

def read(row):
    return Pair(row["id"], row["a"], row["b"], row["label"])

@hookimpl
def harness_target_tasks():
    yield TargetTask(
        name=NAME, version=1, family="classification", metric="accuracy",
        labels=("contradiction", "entailment", "neutral"), example=read, summary="made by hand",
        languages={code: {"test": split(code)} for code in LANGUAGES}, licence="CC0 1.0", citation="nobody 2026",
    )
"""


@pytest.fixture(scope="module")
def classifier(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with a head for three labels, whose weights are large enough to give different answers."""
    import torch
    from transformers import XLMRobertaForSequenceClassification

    folder = tmp_path_factory.mktemp("classifier")
    shutil.copytree(small_model, folder, dirs_exist_ok=True)
    torch.manual_seed(3)
    names = dict(enumerate(LABELS))
    model = XLMRobertaForSequenceClassification.from_pretrained(small_model, id2label=names, num_labels=3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.4)
    model.save_pretrained(folder)
    return folder


def options(corpus: Path, **more: object) -> EvalOptions:
    values = {"data_dir": str(corpus), "offline": True, "train": "never", "limit": 30, "device": "cpu", **more}
    return EvalOptions(**values)  # type: ignore[arg-type]


def wanted(codes: tuple[str, ...] = CODES) -> list[str]:
    return [f"xnli[{','.join(codes)}]"]


@pytest.fixture(scope="module")
def plain(corpus: Path, classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("plain") / "run"
    return harness.evaluate(str(classifier), wanted(), out=out, options=options(corpus))


@pytest.fixture(scope="module")
def mixed(corpus: Path, classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("mixed") / "run"
    return harness.evaluate(str(classifier), wanted(), out=out, options=options(corpus, mixed_pairs=True))


def rows(corpus: Path, code: str) -> list[Pair]:
    task = get_registry().task("xnli")
    loaded = DataAccess(str(corpus), True).load(task, task.languages[code]["test"], 30)
    return list(loaded.examples)


def hand_made(folder: Path, name: str, tables: dict[str, list[tuple[str, str, str, str]]]) -> Registry:
    """A task of CSV files in ``folder``, one for each language, as a plugin."""
    (folder / name).mkdir(parents=True)
    for code, table in tables.items():
        with (folder / name / f"{code}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("id", "a", "b", "label"), *table])
    plugin = folder / f"{name}.py"
    plugin.write_text(f"NAME = {name!r}\nLANGUAGES = {list(tables)!r}\n{PLUGIN}")
    return Registry([plugin])


def test_the_matrix_equals_pairs_that_are_written_by_hand(
    mixed: Run, corpus: Path, classifier: Path, tmp_path: Path
) -> None:
    parallel = {code: rows(corpus, code) for code in CODES}
    places = dict(zip(("ar", "bg", "el", "es", "fr", "hi"), CELLS, strict=True))
    tables = {
        place: [(a.id, a.a, b.b, a.label or "") for a, b in zip(parallel[first], parallel[second], strict=True)]
        for place, (first, second) in places.items()
    }
    registry = hand_made(tmp_path, "byhand", tables)
    run = harness.evaluate(
        str(classifier), ["byhand"], out=tmp_path / "run", options=options(tmp_path), registry=registry
    )
    answers = set()
    for place, (first, second) in places.items():
        by_hand, made = (
            folder.path / "predictions" / name
            for folder, name in ((run, f"byhand/test-{place}.tsv"), (mixed, f"xnli/test-{first}~{second}.tsv"))
        )
        assert made.read_bytes() == by_hand.read_bytes()
        answers.add(made.read_bytes())
        scores = [
            record["units"][key]["score"]
            for record, key in ((run.record, f"byhand/{place}/test"), (mixed.record, f"xnli/{first}~{second}/test"))
        ]
        assert scores[0] == scores[1]
    assert len(answers) > 3  # the model does read both texts


def test_the_diagonal_is_the_ordinary_units_with_the_same_bits(plain: Run, mixed: Run) -> None:
    units = {unit.language for unit in map(Unit.of, mixed.record["units"])}
    assert units == {*CODES, *(mixed_languages(*cell) for cell in CELLS)}
    for key, unit in plain.record["units"].items():
        other = mixed.record["units"][key]
        assert (unit["key"], unit["predictions"], unit["score"]) == (other["key"], other["predictions"], other["score"])


def test_no_average_submission_or_row_holds_a_mixed_pair(plain: Run, mixed: Run, tmp_path: Path) -> None:
    registry = get_registry()
    assert mixed.record["scores"] == plain.record["scores"]
    assert score_run(mixed.path, registry).to_dict() == score_run(plain.path, registry).to_dict()
    loose = [
        score_submission(run.path / "predictions", run.path / "labels", registry, "xtreme", strict=False).to_dict()
        for run in (plain, mixed)
    ]
    assert loose[0] == loose[1]
    assert harness.load(mixed.path).scores.to_dict() == plain.scores.to_dict()
    assert set(mixed.view.units) == set(plain.record["units"])
    assert set(mixed.view.tasks["xnli"].units) == set(CODES)
    allowed = {"allow_partial": True, "allow_dirty": True, "allow_unpinned": True}
    rows_ = [export_row(run.path, registry, name="m", **allowed) for run in (plain, mixed)]
    assert "~" not in json.dumps([row.to_dict() if hasattr(row, "to_dict") else repr(row) for row in rows_])
    with pytest.raises(DataError, match="no task of xtreme is complete"):
        export_submission(mixed.path, tmp_path / "out", registry, "xtreme", **allowed)
    compared = harness.compare([plain.path, mixed.path])
    assert compared.tasks["xnli"].average.differences[0].value == 0


def test_an_interrupted_run_shows_no_mixed_language_as_one_of_the_task(mixed: Run) -> None:
    record = {**mixed.record, "scores": None, "mixed_pairs": None, "failed": {"xnli/de~sw/test": "damaged"}}
    task = view(record, "stopped").tasks["xnli"]  # type: ignore[arg-type]
    assert (set(task.units), task.missing) == (set(CODES), ())


def test_the_means_are_over_cells_and_their_interval_draws_each_row_in_all_cells(mixed: Run) -> None:
    found = mixed.record["mixed_pairs"]["xnli"]  # type: ignore[index]
    value = {
        cell: mixed.record["units"][f"xnli/{'~'.join(cell)}/test"]["score"]["metrics"]["accuracy"]["value"]  # type: ignore[index]
        for cell in CELLS
    }
    means = found["means"]
    assert found["languages"] == list(CODES)
    groups = {
        "off_diagonal": CELLS,
        "first_english": [("en", "de"), ("en", "zh")],
        "second_english": [("de", "en"), ("zh", "en")],
        "neither_english": [("de", "zh"), ("zh", "de")],
    }
    for name, cells in groups.items():
        assert means[name]["score"] == pytest.approx(np.mean([value[cell] for cell in cells]))
        assert means[name]["cells"] == len(cells)
        assert means[name]["low"] <= means[name]["score"] <= means[name]["high"]
    diagonal = np.mean([mixed.view.tasks["xnli"].units[code].score.value for code in CODES])
    assert means["loss"]["score"] == pytest.approx(diagonal - means["off_diagonal"]["score"])
    # from the rows themselves: whether each is right in each cell, drawn together
    right = np.array(
        [
            [a == b for a, b in zip(*(path.read_text().splitlines() for path in mixed.view.files(unit)), strict=True)]
            for unit in (mixed.record["units"][f"xnli/{'~'.join(cell)}/test"] for cell in CELLS)
        ]
    ).mean(axis=0)
    spread = np.std([np.random.default_rng(seed).choice(right, len(right)).mean() for seed in range(4000)]) * 100
    width = means["off_diagonal"]["high"] - means["off_diagonal"]["low"]
    assert width == pytest.approx(2 * 1.96 * spread, rel=0.12)


def test_only_what_is_new_is_computed(mixed: Run, corpus: Path, classifier: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(mixed.path, run)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.tsv")}
    harness.evaluate(str(classifier), wanted(), out=run, options=options(corpus, mixed_pairs=True))
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.tsv")} == before
    # another language: its pairs are added, and without the option the matrix stays what it is
    more = harness.evaluate(str(classifier), wanted((*CODES, "sw")), out=run, options=options(corpus, mixed_pairs=True))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert more.record["mixed_pairs"]["xnli"]["means"]["off_diagonal"]["cells"] == 12  # type: ignore[index]
    again = harness.evaluate(str(classifier), wanted(), out=run, options=options(corpus))
    assert again.record["mixed_pairs"] == more.record["mixed_pairs"]


def test_reports_show_the_matrix_in_every_format(mixed: Run, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    cell = mixed.view.mixed_cells("xnli")["zh", "de"].score
    table = next(t for t in all_tables([mixed.view], ()) if t.name == "mixed-pairs-xnli")
    assert table.head == ["first", "en", "de", "zh"] and [row[0] for row in table.rows] == ["en", "de", "zh"]
    assert table.rows[2][2].value == cell.value  # type: ignore[union-attr]
    page = report([mixed.path], "html", examples=0)
    section = page.partition('<section id="mixed-pairs">')[2].partition("</section>")[0]
    assert section.count('scope="row"') == 1 + 3 and "first text Chinese, second text German" in section
    assert section.count("<td") == 7 + 9
    text = report([mixed.path], "csv", tables=["mixed-pairs-xnli"])
    assert text.splitlines()[0] == "first,en,de,zh" and text.splitlines()[3].startswith("zh,")
    assert "~" not in report([mixed.path], "csv")  # one row a language: what a spreadsheet averages
    for format in ("md", "latex", "latex-document", "json"):
        assert "mixed-pairs" in report([mixed.path], format) or format == "md"
    for width in (30, 60):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, _ = cli("report", mixed.path, "--table", "mixed-pairs-xnli")
        assert code == 0 and "not shown" not in out
        lines = [line.split() for line in out.splitlines() if line.startswith(("first", "en ", "de ", "zh "))]
        assert sum(len(line) - 1 for line in lines if line[0] == "zh") == 3
    record = json.loads(json.dumps(mixed.record))
    record["mixed_pairs"]["xnli"]["means"]["off_diagonal"]["score"] = "<b>"
    assert "score" in misfit(record)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda table: table[3].__setitem__(3, "neutral"), "row 4 has the label"),
        (lambda table: table[2].__setitem__(0, "other"), "row 3 has the id"),
        (lambda table: table.pop(), "no row 6"),
        (lambda table: table[1].__setitem__(2, ""), "row 2 has one text"),
    ],
)
def test_rows_that_are_not_parallel_are_refused_by_number_before_anything_is_computed(
    damage: Callable[[list[list[str]]], None], said: str, classifier: Path, tmp_path: Path
) -> None:
    tables = {code: [[str(i), f"{code} {i}", f"b {i}", "entailment"] for i in range(6)] for code in CODES}
    damage(tables["zh"])
    registry = hand_made(tmp_path, "byhand", {code: [tuple(row) for row in table] for code, table in tables.items()})  # type: ignore[misc]
    with pytest.raises(DataError, match=said) as refused:
        harness.evaluate(
            str(classifier),
            ["byhand"],
            out=tmp_path / "run",
            options=options(tmp_path, mixed_pairs=True),
            registry=registry,
        )
    assert "byhand/zh/test" in str(refused.value) and not (tmp_path / "run").exists()


def test_a_row_with_another_label_is_in_no_pair_of_that_language(classifier: Path, tmp_path: Path) -> None:
    """As in PAWS-X, which has the placeholder NS and the label 0 where a sentence was not translated."""
    count, odd = 60, {7: "neutral", 31: "contradiction"}
    labels = [LABELS[row % 3] for row in range(count)]
    tables = {
        code: [(f"r{row}", f"{code} {row}", f"{code} b{row * 7 % 11}", labels[row]) for row in range(count)]
        for code in CODES
    }
    tables["zh"] = [
        (i, "NS", b, odd[row]) if row in odd else (i, a, b, label) for row, (i, a, b, label) in enumerate(tables["zh"])
    ]
    registry = hand_made(tmp_path, "byhand", tables)
    chosen = options(tmp_path, mixed_pairs=True, limit=None)
    run = harness.evaluate(str(classifier), ["byhand"], out=tmp_path / "run", options=chosen, registry=registry)
    kept = [row for row in range(count) if row not in odd]
    right = {}
    for first in CODES:
        for second in CODES:
            code = first if first == second else f"{first}~{second}"
            gold, guesses = (
                (run.path / side / f"byhand/test-{code}.tsv").read_text().splitlines()
                for side in ("labels", "predictions")
            )
            of_zh = "zh" in (first, second) and first != second
            assert gold == ([labels[row] for row in kept] if of_zh else [row[3] for row in tables[first]])
            correct = [a == b for a, b in zip(gold, guesses, strict=True)]
            right[first, second] = correct if of_zh else [correct[row] for row in kept]
            facts = run.record["units"][f"byhand/{code}/test"].get("facts", {})
            assert facts.get("other_labels") == ([8, 32] if of_zh else None)
    accuracy = {cell: 100 * np.mean(correct) for cell, correct in right.items()}
    means = run.record["mixed_pairs"]["byhand"]["means"]  # type: ignore[index]
    diagonal, off = (
        np.mean([value for (first, second), value in accuracy.items() if (first == second) == alike])
        for alike in (True, False)
    )
    assert means["loss"]["score"] == pytest.approx(diagonal - off)
    # from the rows themselves: each is drawn in all cells at once
    lost = np.mean([np.array(right[code, code], float) for code in CODES], axis=0)
    lost -= np.mean([np.array(right[cell], float) for cell in CELLS], axis=0)
    spread = np.std([np.random.default_rng(seed).choice(lost, len(lost)).mean() for seed in range(4000)]) * 100
    assert means["loss"]["high"] - means["loss"]["low"] == pytest.approx(2 * 1.96 * spread, rel=0.15)
    assert "byhand: 2 rows are left out where the two languages have another label" in report([run.path], "md")


def test_the_rows_of_real_test_sets_are_parallel(shared_data: Path) -> None:
    registry = get_registry()
    data = DataAccess.of(registry, str(shared_data), offline=True)
    for name in ("xnli[de,en,sw,zh]", "pawsx[de,en,es,zh]"):
        planned = make_plan(registry, data, split="dev", tasks=[name], mixed_pairs=True)
        assert sum(entry.present and entry.unit.mixed for entry in planned) == 12
        check_mixed(planned, data, None)


def test_a_matrix_without_any_score_is_on_the_page(corpus: Path, small_model: Path, cli: Cli, tmp_path: Path) -> None:
    command = ["eval", "--model", small_model, "--data-dir", corpus, "--offline", "--mixed-pairs", "--limit", "9"]
    code, _, err = cli(*command, "--task", "xnli[de,en]", "--train", "never", "--out", tmp_path / "run")
    assert code != 0 and "no trained head" in err
    assert "was not written" not in err and "mixed-pairs" in (tmp_path / "run" / "report.html").read_text(
        encoding="utf-8"
    )


def test_tasks_that_cannot_be_mixed_are_refused_with_those_that_can(corpus: Path, cli: Cli, tmp_path: Path) -> None:
    command = ["eval", "--model", "baseline:random", "--data-dir", corpus, "--offline", "--mixed-pairs"]
    code, _, err = cli(*command, "--task", "udpos[de,en]", "--out", tmp_path / "no")
    assert code == 2 and "udpos: no classification of pairs" in err and "pawsx, xnli" in err
    code, _, err = cli(*command, "--task", "xnli[de]", "--out", tmp_path / "no")
    assert code == 2 and "one language of xnli is selected" in err
    code, _, err = cli(*command, "--task", "xnli[de,en]", "--language-adapters", tmp_path, "--out", tmp_path / "no")
    assert code == 2 and "--mixed-pairs" in err
    assert not (tmp_path / "no").exists()


def test_a_baseline_and_other_tasks_beside_it(corpus: Path, cli: Cli, tmp_path: Path) -> None:
    command = ["eval", "--model", "baseline:random", "--data-dir", corpus, "--offline", "--mixed-pairs", "--limit", "9"]
    command += ["--task", "xnli[de,en]", "--task", "pawsx[en,zh]", "--task", "udpos[de]", "--split", "dev"]
    code, out, _ = cli(*command, "--out", tmp_path / "run", "--dry-run")
    assert code == 0 and "en~de" in out and "zh~en" in out
    code, out, _ = cli("-q", *command, "--out", tmp_path / "run", "--json")
    assert code == 0
    found = json.loads(out)["mixed_pairs"]
    assert {name: each["languages"] for name, each in found.items()} == {"pawsx": ["en", "zh"], "xnli": ["de", "en"]}
    assert "neither_english" not in found["xnli"]["means"]
    assert len(list((tmp_path / "run" / "predictions").glob("*/*~*"))) == 4


codes = st.from_regex(r"[a-z]{2,3}(-[A-Z][a-z]{3})?", fullmatch=True)
parts = st.from_regex(r"[a-z0-9][a-z0-9_.-]*", fullmatch=True)


@given(parts, codes, codes, parts)
def test_the_key_of_a_unit_of_two_languages_reads_back(task: str, first: str, second: str, split: str) -> None:
    key = Unit(task, mixed_languages(first, second), split).key
    if first == second:
        with pytest.raises(ValueError, match="two different ones"):
            Unit.of(key)
        return
    unit = Unit.of(key)
    assert (unit.key, unit.languages, unit.mixed, unit.plain) == (key, (first, second), True, False)
    single = Unit.of(f"{task}/{first}/{split}")
    assert (single.languages, single.mixed, single.plain) == ((first,), False, True)


@given(st.lists(st.sampled_from(["en", "sw", "", ".", "..", "zh"]), min_size=1, max_size=4))
def test_a_language_is_one_or_two_and_nothing_else(names: list[str]) -> None:
    key = f"xnli/{'~'.join(names)}/test"
    fits = all(name.strip(".") for name in names) and (len(names) == 1 or (len(names) == 2 and len(set(names)) == 2))
    if fits:
        assert Unit.of(key).languages == tuple(names)
    else:
        with pytest.raises(ValueError, match="language"):
            Unit.of(key)
