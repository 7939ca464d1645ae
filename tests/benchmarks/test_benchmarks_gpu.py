"""The benchmark for GPUs at its smallest, on the processor: every path runs, and the arithmetic of its tables is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import gpu
from benchmarks.gpu_report import estimate, markdown
from benchmarks.gpu_work import LARGE, SMALL, WORKLOADS, build_model, suite_tokens, training_tokens


def test_every_family_is_measured_and_the_page_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "TINY_EXAMPLES", 8)
    monkeypatch.setattr(gpu, "TINY_STEPS", 1)
    assert gpu.main(["--device", "cpu", "--tiny", "--dtype", "fp32", "--out", str(tmp_path)]) == 0
    results = json.loads((tmp_path / "gpu.json").read_text(encoding="utf-8"))
    assert results["evaluation"].keys() == WORKLOADS.keys()
    assert results["training"].keys() == {name for name, workload in WORKLOADS.items() if workload.trained}
    rows = [*results["evaluation"].values(), *results["training"].values()]
    assert all(row["tokens"] > 0 and row["tokens_per_second"] > 0 and row["tflops"] > 0 for row in rows)
    assert results["mining"]["fp32"]["pairs"] == results["mining"]["bf16"]["pairs"] > 100
    assert results["estimate"].keys() == {"evaluation", "training"}
    page = (tmp_path / "gpu.md").read_text(encoding="utf-8")
    assert page == markdown(results) and page.strip() in capsys.readouterr().out


def test_the_whole_of_xtreme_has_the_tokens_that_it_is_said_to_have() -> None:
    assert 100e6 < sum(tokens for _, tokens in suite_tokens().values()) < 120e6
    assert {workload for workload, _ in suite_tokens().values()} < WORKLOADS.keys()
    assert 140e6 < sum(tokens for _, tokens in training_tokens().values()) < 170e6


def test_an_estimate_adds_up_tokens_over_rates_and_pools_over_measured_pools() -> None:
    rates = {name: {"tokens_per_second": 1e6} for name in WORKLOADS}
    mined = {"foreign": 100_000, "english": 100_000, "bf16": {"seconds": 2.0}}
    found = estimate({"evaluation": rates, "training": rates, "mining": mined}, 790.0, 302_000_000)
    tokens = sum(count for _, count in suite_tokens().values())
    pairs = 271_874 * 369_810 + 413_869 * 399_337 + 460_853 * 558_401 + 94_637 * 88_860
    assert found["evaluation"]["seconds"] == pytest.approx(tokens / 1e6 + 2 * pairs / 1e10)
    assert found["evaluation"]["floor_seconds"] == pytest.approx(2 * 302e6 * tokens / 790e12)
    assert 5 * 60 < found["training"]["floor_seconds"] < 7 * 60
    assert estimate({"evaluation": {"tagging": rates["tagging"]}}, 790.0, 1) == {}


def test_parameters_are_those_of_the_layers(tmp_path: Path) -> None:
    from transformers import XLMRobertaConfig, XLMRobertaModel

    build_model(tmp_path, SMALL)
    model = XLMRobertaModel.from_pretrained(tmp_path)
    width, inner = SMALL["hidden_size"], SMALL["intermediate_size"]
    layer = 4 * width * (width + 1) + 2 * width * inner + inner + width + 4 * width
    assert gpu.parameters(model) == 2 * layer
    assert gpu.parameters(model, 1) == layer
    import torch

    with torch.device("meta"):
        large = XLMRobertaModel(XLMRobertaConfig(**LARGE))
    assert gpu.parameters(large) == pytest.approx(302e6, rel=0.01)
