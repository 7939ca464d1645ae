"""Cost against size: the fits find what they were made from, and every direction of growing work runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import cost_model, scaling
from benchmarks.cost_model import CostModel, Encoder, Work
from benchmarks.growing_work import AXES, TINY, Workloads, scaled
from benchmarks.growth import LEAST, MOST, fit_growth
from benchmarks.measure import Cost
from harness.cli.main import main

SIZES = [1, 100, 200, 400, 800, 1600]


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 10), st.floats(0.5, 5), st.floats(0.5, 2.5))
def test_the_exponent_of_an_exact_curve_is_found(fixed: float, slope: float, exponent: float) -> None:
    growth = fit_growth(SIZES, [fixed + slope * (size / 100) ** exponent for size in SIZES])
    assert growth.exponent == pytest.approx(exponent, abs=0.006)
    assert growth.low <= growth.exponent <= growth.high <= growth.low + 0.1
    assert growth.at(1600) == pytest.approx(fixed + slope * 16**exponent, rel=0.02)


def test_the_interval_holds_the_exponent_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    sizes = np.array(SIZES * 2, np.float64)
    held = 0
    for _ in range(40):
        costs = (5 + 0.01 * sizes) * (1 + 0.03 * rng.standard_normal(len(sizes)))
        growth = fit_growth(sizes, costs)
        held += growth.low <= 1 <= growth.high
    assert held >= 34  # of 40, where 38 are expected; less than 34 has a probability of 1%


def test_what_the_sizes_do_not_tell() -> None:
    flat = fit_growth(SIZES, [5.0, 5.1, 4.9, 5.1, 4.9, 5.0])
    assert not flat.determined and (flat.low, flat.high) == (LEAST, MOST)
    assert flat.at(1600) == pytest.approx(5, rel=0.03)
    assert not fit_growth([1, 2], [1.0, 2.0]).determined
    for sizes, costs in (([1, 1], [1.0, 2.0]), ([0, 1], [1.0, 2.0]), ([1, 2], [0.0, 2.0])):
        with pytest.raises(ValueError, match="expected"):
            fit_growth(sizes, costs)


def test_parameters_of_an_encoder_equal_those_of_its_weights(minilm: Path) -> None:
    import transformers

    model = transformers.AutoModel.from_pretrained(minilm)
    inside = sum(weights.numel() for weights in model.encoder.parameters() if weights.dim() == 2)
    assert Encoder.of(minilm).computed == inside
    assert Encoder.of(minilm).parameters == pytest.approx(model.num_parameters(), rel=0.01)
    assert Encoder.of(minilm, 0).computed == 0 and Encoder.of(minilm, 0).parameters == Encoder.of(minilm).parameters


def test_the_cost_model_finds_the_costs_it_was_made_from() -> None:
    rng = np.random.default_rng(1)
    encoder = Encoder(6, 384, 1536, 22_000_000)
    works = [
        Work(encoder, *(int(value) for value in rng.integers((0, 1, 1, 1, 1, 1), (9, 5000, 4000, 10**7, 9000, 9000))))
        for _ in range(20)
    ]
    works += [Work(encoder, foreign=size, english=2 * size) for size in (100, 5000, 9000)]  # no model is loaded
    true = CostModel(3.0, 2.0, 0.1, 1e-3, 1e-11, 2e-11, 3e-5, 5e8, 3e7, 3e4, 4e3, 0.9)
    found = CostModel.fit(works, [true.seconds(work) for work in works], [true.mib(work) for work in works])
    for work in [*works, Work(encoder, 40, 10**6, 10**8, 10**10, 10**5, 10**5)]:
        assert found.seconds(work) == pytest.approx(true.seconds(work), rel=1e-4)
        assert found.mib(work) == pytest.approx(true.mib(work), rel=1e-4)


def test_the_operations_of_a_forward_pass(minilm: Path) -> None:
    """Against those that PyTorch counts, without embeddings and pooler."""
    import torch
    import transformers
    from torch.utils.flop_counter import FlopCounterMode

    model = transformers.AutoModel.from_pretrained(minilm, attn_implementation="eager", add_pooling_layer=False)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.ones(3, 50, dtype=torch.long))
    work = Work(Encoder.of(minilm), tokens=150, squares=3 * 50**2)
    assert work.forward == counter.get_total_flops()


def test_the_smallest_workload_of_every_axis_runs(
    minilm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real commands in this process; then, with made up costs, the tables and what the cost model foretells."""
    workloads = list(Workloads(tmp_path, minilm).of(TINY))
    assert {workload.axis for workload in workloads} == set(AXES)
    for workload in workloads[::2]:  # the smallest of each
        out = Path(workload.command[-1])
        assert main(workload.command[3:]) == 0
        if workload.axis == "mining":
            assert out.is_file() and workload.work.foreign == workload.work.english == workload.size
        else:
            units = json.loads((out / "record.json").read_text(encoding="utf-8"))["units"]
            done = sum(unit["examples"] for unit in units.values())
            assert len(units) == workload.work.units
            assert done == (workload.work.foreign or workload.work.examples)


def test_measured_costs_are_written_as_tables_and_json(
    minilm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = count(5)
    told: list[Sequence[str]] = []

    def execute(command: Sequence[str]) -> Cost:
        told.append(command)
        return Cost(9.0, float(next(seconds)), 600.0)

    words = ["--tiny", "--model", str(minilm), "--repeats", "2", "--out", str(tmp_path), "examples", "mining"]
    assert scaling.main(words, execute) == 0
    assert len(told) == 2 + 8 and told[2:6] == told[6:]
    assert told[:2] == told[4:6] and {command[3] for command in told[:2]} == {"mine"}  # once more, for the vectors
    page = (tmp_path / "scaling.md").read_text(encoding="utf-8")
    assert page.strip() in capsys.readouterr().out
    assert "| examples: pairs | 2, 6 | processor seconds | 9.0, 10.0 |" in page
    found = json.loads((tmp_path / "scaling.json").read_text(encoding="utf-8"))
    assert [row["new"] for row in found["check"]["rows"]] == [False, True, False, True]
    assert cost_model.main([str(tmp_path / "scaling.json"), "--model", str(minilm), "--examples", "10"]) == 0
    assert json.loads(capsys.readouterr().out)["cpu_seconds"] >= 0
    with pytest.raises(SystemExit):
        scaling.main(["nonsense"])


def test_less_work_keeps_languages_and_lengths() -> None:
    half = scaled(0.5)
    assert half["examples"].sizes == (20, 100, 200, 400, 800)
    assert half["languages"].sizes == AXES["languages"].sizes and half["languages"].total == 300
    assert scaled(1.0) == AXES
