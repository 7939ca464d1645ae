"""Records that somebody made or changed by hand: every reader gives a result or refuses the file by name."""

from __future__ import annotations

import copy
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.analysis.checklist.run import _stage
from harness.api import breakdown, compare, report
from harness.cli.main import main
from harness.core.errors import HarnessError
from harness.leaderboard.export import export_row
from harness.registry.default import get_registry
from harness.report.formats import FORMATS
from harness.results.inventory import find_runs
from harness.results.rescore import score_run
from harness.run import load
from harness.runs._schema import misfit
from harness.runs.record import load_record, new_record, save_record

PLAIN, VIA = (Path(__file__).parents[1] / "golden" / "report" / "runs" / name for name in ("plain", "via-mnli"))
NEWER: dict[str, Any] = {
    "sessions": [
        {
            "started": "2026-01-02T03:04:05+00:00",
            "command": ["harness"],
            "harness": {"version": "0.1.0", "git": None},
            "environment": {"packages": {}},
        }
    ],
    "resources": {
        "labels": ["en"],
        "translations_train": [{"from": "en", "to": "de", "origin": "machine_translation", "system": "x"}],
        "intermediate": [],
    },
    "robustness": {
        "drop": {
            "xnli": {
                "loss": 1.0,
                "languages": {
                    "en": {"clean": 2.0, "perturbed": 1.0, "loss": 1.0, "low": 0.5, "high": 1.5, "n": 3, "changed": 2}
                },
            }
        }
    },
    "by_item": ["xquad"],
}
"""Fields that the golden records, which are old, lack."""


def example() -> dict[str, Any]:
    record: dict[str, Any] = json.loads((PLAIN / "record.json").read_text(encoding="utf-8"))
    return {**record, **copy.deepcopy(NEWER)}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


PLACES = list(places(example()))
ODD = [
    None, True, 0, -1, 1.5, 10**400, 1e308, math.nan, math.inf, "", "..", "a/b", "a\0b", "\ud800", [], [[]], [None], ["x"],
    {}, {"": {}}, {"x": None}, {"x": 1},
]  # fmt: skip


def changed(record: Any, path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        record = record[key]
    if value is ...:
        del record[path[-1]]
    else:
        record[path[-1]] = value


def both(run: Path) -> Any:
    return compare([run, VIA], resamples=100)


READERS: dict[str, Callable[[Path], Any]] = {
    **{f"report {name}": lambda run, name=name: report([run, VIA], name) for name in FORMATS},  # type: ignore[misc]
    "compare": both,
    "export": lambda run: export_row(run, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True),
    "seeds": lambda run: export_row([run, VIA], get_registry(), allow_partial=True, allow_unpinned=True),
    "breakdown": lambda run: breakdown(run),
    "load_run": lambda run: load(run).table(),
    "score": lambda run: score_run(run, get_registry()),
    "checklist": lambda run: _stage(run, "span_qa", get_registry(), None),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(PLAIN, tmp_path_factory.mktemp("runs") / "plain"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from([..., *ODD])), min_size=1, max_size=2),
    reader=st.sampled_from(list(READERS)),
)
def test_every_reader_gives_a_result_or_names_the_record(
    run: Path, changes: list[tuple[tuple[Any, ...], Any]], reader: str
) -> None:
    record = example()
    for path, value in changes:
        try:
            changed(record, path, copy.deepcopy(value))
        except (LookupError, TypeError):  # the first change took the place of the second away
            continue
    (run / "record.json").write_text(json.dumps(record), encoding="utf-8")
    try:
        load_record(run)
    except HarnessError as error:
        assert "record.json" in str(error) and error.hint
    with suppress(HarnessError):
        READERS[reader](run)
    assert len(find_runs(run)) == 1
    assert main(["runs", "show", str(run)]) in (0, 2, 4)
    assert main(["runs", "list", str(run)]) == 0


def test_old_records_and_those_with_newer_fields_are_whole() -> None:
    for record in (example(), json.loads((VIA / "record.json").read_text()), new_record()):
        assert misfit(record) == ""
        assert misfit({**record, "a field of a later version": [{}]}) == ""


def test_a_misfit_is_told_by_its_place_and_what_is_expected_there(tmp_path: Path) -> None:
    record = example()
    record["units"]["xnli/de/test"]["score"]["metrics"]["accuracy"]["value"] = "much"
    assert misfit(record) == 'units.xnli/de/test.score.metrics.accuracy.value: number expected, not "much"'
    record = example()
    del record["stages"][1]["options"]["seed"]
    assert misfit(record) == "stages[1].options.seed: missing"
    record = example()
    del record["units"]["xnli/sw/test"]
    assert misfit(record) == "scores.tasks.xnli.metrics.accuracy.languages.sw: no unit has this score"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_a_score_that_is_no_finite_number_is_refused(value: str, tmp_path: Path) -> None:
    text = (PLAIN / "record.json").read_text(encoding="utf-8").replace("80.0", value)
    record = json.loads(text)

    (tmp_path / "record.json").write_text(json.dumps(record))
    with pytest.raises(HarnessError, match=r"record\.json: not a readable record"):
        load_record(tmp_path)


def test_the_check_of_a_whole_benchmark_takes_no_time_to_speak_of() -> None:
    record = example()
    unit = record["units"]["xquad/en/test"]
    record["units"] |= {f"xquad/{number}/test": copy.deepcopy(unit) for number in range(400)}
    started = time.process_time()
    assert misfit(record) == ""
    assert time.process_time() - started < 0.05


def test_a_run_puts_a_record_that_is_not_whole_aside_and_scores_again(corpus: Path, tmp_path: Path) -> None:
    words = ["eval", "--model", "baseline:random", "--task", "pawsx[de]", "--data-dir", str(corpus), "--offline"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    record = load_record(tmp_path / "run")
    assert record is not None
    del record["units"]["pawsx/de/test"]["score"]["n"]
    save_record(tmp_path / "run", record)
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "record.json.unsound").is_file()
    again = load_record(tmp_path / "run")
    assert again is not None and again["units"]["pawsx/de/test"]["score"]["n"] > 0
