"""``harness efficiency`` from the command line to its files, with small numbers; times themselves are never judged."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import harness.efficiency.measure
from harness.cli.main import main
from harness.core.errors import DataError, ModelError
from harness.core.sealed import sealed
from harness.efficiency.memory import Memory, Task, measure_memory
from harness.efficiency.protocol import Protocol
from harness.efficiency.result import FILE, read_efficiency
from harness.types.options import EvalOptions

SHORT = ["--calls", "200", "--seconds", "0.1", "--sessions", "4", "--batch-sizes", "2,4"]


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is measured in a process of its own, by a test of its own."""
    monkeypatch.setattr(
        harness.efficiency.measure, "measure_memory", lambda task: Memory("process", 9, 8, 2**20, 2**21, None)
    )


@pytest.fixture(scope="module")
def written(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a measurement of the tiny model against itself."""
    folder = tmp_path_factory.mktemp("measured") / "efficiency"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.efficiency.measure, "measure_memory", lambda task: Memory("process", 9, 8, 7, 6, None))
        arguments = ["efficiency", "tiny", "tiny", "--task", "xnli[en,sw,zh]", "--data-dir", str(corpus)]
        assert main([*arguments, *SHORT, "--lengths", "natural,32,100000", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def found(written: Path) -> dict[str, Any]:
    return read_efficiency(written / FILE)


def test_the_file_is_of_its_schema_and_says_what_it_was_measured_on(found: dict[str, Any]) -> None:
    assert found["schema"] == "harness-efficiency/1"
    assert found["hardware"]["device"] == "cpu" and found["threads"] >= 1
    assert found["environment"]["packages"]["torch"]
    assert [model["dtype"] for model in found["models"]] == ["fp32", "fp32"]
    assert len(found["sessions"]) == 4 and all(state["cores"] >= 1 for state in found["sessions"])
    assert found["languages"] == ["en", "sw", "zh"] and found["examples"] % 3 == 0


def test_a_model_that_is_given_twice_is_two_models_and_the_second_one_is_compared(found: dict[str, Any]) -> None:
    first, second = found["models"]
    assert (first["name"], second["name"]) == ("tiny", "tiny (2)")
    assert first["ratio"] is None and second["ratio"]["blocks"] >= 4
    assert second["ratio"]["low"] <= second["ratio"]["value"] <= second["ratio"]["high"]
    assert first["fingerprint"] == second["fingerprint"] != ""
    assert first["parameters"] == second["parameters"] and first["operations"] == second["operations"]


def test_all_times_are_kept_and_percentiles_are_of_them(found: dict[str, Any]) -> None:
    for index, model in enumerate(found["models"]):
        times = [time for block in found["blocks"] if block["model"] == index for time in block["total"]]
        assert len(times) == model["latency"]["calls"] >= 200
        median = model["latency"]["total"][0]
        assert (median["percent"], median["value"]) == (50, pytest.approx(sorted(times)[len(times) // 2 - 1], abs=1e-3))
        for block in found["blocks"]:
            assert all(0 < one < all_of_it for one, all_of_it in zip(block["forward"], block["total"], strict=True))


def test_throughput_has_every_batch_size_at_every_length_or_the_reason(found: dict[str, Any]) -> None:
    cells = found["models"][0]["throughput"]
    assert [(cell["length"], cell["batch_size"]) for cell in cells] == [
        (length, size) for length in ("natural", 32, 100000) for size in (2, 4)
    ]
    assert all(cell["total"] and cell["calls"] >= 2 and cell["forward"] > cell["total"] for cell in cells[:2])
    assert all(cell["total"] is None and cell["forward"] > 0 for cell in cells[2:4])
    assert all(cell["forward"] is None and "100000" in cell["reason"].replace(",", "") for cell in cells[4:])


def test_fertility_is_a_word_where_there_are_words(found: dict[str, Any]) -> None:
    of = {each["language"]: each for each in found["models"][0]["fertility"]}
    assert of["zh"]["a_word"] is None and of["zh"]["a_character"] > 0
    assert of["sw"]["a_word"] > 1 and of["sw"]["an_example"] > of["sw"]["a_word"]


def test_tables_are_written_for_papers(written: Path) -> None:
    names = {path.name for path in written.iterdir()}
    assert {
        f"{table}.{kind}" for table in ("latency", "throughput", "size", "fertility") for kind in ("csv", "tex")
    } < names
    assert "tabular" in (written / "latency.tex").read_text()
    head, first, _ = (written / "latency.csv").read_text().splitlines()
    assert head.startswith("model,p50,p90,p95") and float(first.split(",")[1]) > 0


def test_a_file_that_was_changed_or_is_of_another_schema_is_refused(written: Path, tmp_path: Path) -> None:
    content = json.loads((written / FILE).read_text())
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps({**content, "threads": 99}))
    with pytest.raises(DataError, match="sha256 differs"):
        read_efficiency(changed)
    content.pop("sha256")
    changed.write_text(json.dumps(sealed({**content, "threads": -1})))
    with pytest.raises(DataError, match="threads"):
        read_efficiency(changed)


@pytest.mark.parametrize("width", [60, 100])
def test_tables_fit_and_json_is_printed(
    width: int, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    arguments = ["efficiency", "tiny", "--task", "xnli[en]", "--data-dir", str(corpus), "--calls", "1"]
    short = [*arguments, "--seconds", "0", "--sessions", "1", "--batch-sizes", "none", "--out", str(tmp_path / "out")]
    assert main(short) == 0
    out = capsys.readouterr().out
    assert "latency on cpu" in out and "throughput" not in out
    assert all(len(line) <= width for line in out.splitlines() if "───" in line)
    assert main([*short, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["protocol"]["batch_sizes"] == []


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        (["--task", "tatoeba"], 2, "does not predict example by example"),
        (["--task", "bucc2018"], 2, "searched together"),
        (["--task", "xnli", "--task", "nonesuch"], 2, "nonesuch"),
        (["--task", "p*"], 2, "one task expected"),
        (["--batch-sizes", "8,x"], 2, "--batch-sizes: 'x'"),
        (["--lengths", "long"], 2, "--lengths: 'long'"),
        (["--lengths", "0"], 2, "--lengths: '0'"),
        (["--sessions", "0"], 2, "--sessions"),
    ],
)
def test_refusals(
    changes: list[str], code: int, said: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["efficiency", "tiny", "--task", "xnli", "--data-dir", str(corpus), "--out", str(tmp_path / "out")]
    assert main([*arguments, *changes]) == code
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_none_and_data_that_are_not_there(tmp_path: Path, corpus: Path) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert main(["efficiency", "baseline:majority", "--task", "xnli", "--data-dir", str(corpus), *out]) == 5
    assert main(["efficiency", "tiny", "--task", "xnli", "--data-dir", str(tmp_path), "--offline", *out]) == 4


def test_memory_is_measured_in_a_process_of_its_own(corpus: Path) -> None:
    protocol = Protocol(batch_sizes=(2,))
    task = Task("tiny", "xnli", ("en",), EvalOptions(data_dir=str(corpus)), protocol, 4)
    found = measure_memory(task)
    assert found.on == "process" and found.libraries and found.batch_1 and found.largest_batch
    assert found.libraries < found.batch_1 <= found.largest_batch
    with pytest.raises(ModelError, match=r"nonesuch.*memory could not be measured"):
        measure_memory(replace(task, model=str(corpus / "nonesuch")))


def test_only_what_measures_imports_it() -> None:
    house = Path(harness.efficiency.measure.__file__).parents[1]
    named = {
        str(path.relative_to(house))
        for path in house.rglob("*.py")
        if path.parent.name != "efficiency" and "harness.efficiency" in path.read_text(encoding="utf-8")
    }
    assert named == {"cli/efficiency.py", "cli/study_measure.py", "api.py"}
