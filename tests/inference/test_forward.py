"""The stream of batches: length order, the token budget, back-off when memory runs out, results in their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock, current_thread
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.inference._prefetch import prefetched
from harness.inference.features import Features, Ragged
from harness.inference.forward import Forward, batches
from harness.inference.timing import Timings
from harness.models.load import load_tokenizer
from harness.types.defaults import CPU_BATCH_TOKENS


@given(st.lists(st.integers(0, 60), max_size=80), st.integers(1, 500))
def test_batches_hold_every_row_once_longest_first_within_the_budget(lengths: list[int], budget: int) -> None:
    found = list(batches(np.array(lengths, dtype=np.int64), budget))
    rows = [int(row) for batch in found for row in batch]
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths, reverse=True)
    for batch in found:
        assert len(batch) * max(lengths[row] for row in batch) <= budget or len(batch) == 1


@pytest.fixture(scope="module")
def forward(small_model: Path) -> Forward:
    from transformers import AutoModel

    return Forward(AutoModel.from_pretrained(small_model).eval(), load_tokenizer(small_model), "cpu")


def features(lengths: list[int]) -> Features:
    rng = np.random.default_rng(0)
    return Features(Ragged.of([rng.integers(5, 300, n) for n in lengths]), np.arange(len(lengths)))


def first_token(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"first": model(**batch).last_hidden_state[:, 0], "id": batch["input_ids"][:, 0]}


def test_results_come_back_in_the_order_of_the_rows(forward: Forward) -> None:
    rows = features([3, 9, 1, 30, 9, 2])
    outputs = forward.stream(rows, first_token)
    assert [int(value) for value in outputs["id"]] == [int(rows.ids[i][0]) for i in range(6)]
    for i in range(6):
        alone = forward.model(input_ids=torch.from_numpy(rows.ids[i][None].astype(np.int64))).last_hidden_state[0, 0]
        np.testing.assert_allclose(outputs["first"][i], alone.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError])
def test_out_of_memory_splits_the_batch_and_lowers_the_budget(
    error: type[BaseException], forward: Forward, caplog: pytest.LogCaptureFixture
) -> None:
    rows = features([8] * 40)
    seen: list[int] = []

    def hungry(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(len(batch["input_ids"]))
        if len(batch["input_ids"]) > 10:
            raise error("the device is full")
        return first_token(model, batch)

    tight = Forward(forward.model, forward.tokenizer, "cpu", budget=320)
    outputs = tight.stream(rows, hungry)
    expected = forward.stream(rows, first_token)
    np.testing.assert_allclose(np.stack(outputs["first"]), np.stack(expected["first"]), atol=1e-5)
    assert seen == [40, 20, 10, 10, 10, 10]
    assert tight.budget == 80
    assert "going on with" in caplog.text
    tight.stream(rows, hungry)
    assert set(seen[6:]) == {10}  # the lesson is kept


def test_a_row_that_does_not_fit_alone_is_an_error(forward: Forward) -> None:
    def impossible(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        raise torch.OutOfMemoryError("the device is full")

    with pytest.raises(torch.OutOfMemoryError):
        Forward(forward.model, forward.tokenizer, "cpu").stream(features([5, 5]), impossible)


def test_other_errors_are_not_taken_for_memory(forward: Forward) -> None:
    def wrong(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        forward.stream(features([5, 5]), wrong)
    assert forward.budget == 8192


def test_half_precision_is_close_and_comes_back_as_single(forward: Forward) -> None:
    rows = features([5, 12, 7])
    half = Forward(forward.model, forward.tokenizer, "cpu", dtype="bf16").stream(rows, first_token)
    full = forward.stream(rows, first_token)
    assert half["first"][0].dtype == np.float32
    np.testing.assert_allclose(np.stack(half["first"]), np.stack(full["first"]), atol=0.1)


def test_a_forward_pass_of_no_rows_returns_nothing(forward: Forward) -> None:
    assert forward.stream(features([]), first_token) == {}


def test_outputs_of_several_widths_come_back_as_they_were(forward: Forward) -> None:
    rows = features([3, 9, 1, 30, 9, 2])
    outputs = Forward(forward.model, forward.tokenizer, "cpu", budget=18).stream(
        rows, lambda model, batch: {"ids": batch["input_ids"]}
    )
    for i in range(6):
        length = len(rows.ids[i])
        assert outputs["ids"][i][:length].tolist() == rows.ids[i].tolist()


def test_batches_on_a_processor_are_small_whatever_the_budget(forward: Forward) -> None:
    seen: list[int] = []

    def watch(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        seen.append(batch["input_ids"].numel())
        return first_token(model, batch)

    Forward(forward.model, forward.tokenizer, "cpu", budget=10**6).stream(features([16] * 1000), watch)
    assert max(seen) <= CPU_BATCH_TOKENS < sum(seen)


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_batches_side_by_side_give_the_bits_of_one_after_the_other(
    dtype: str, forward: Forward, three_threads: None
) -> None:
    rows = features([length for length in range(1, 60) for _ in range(4)])
    among: set[str] = set()

    def watch(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        among.add(f"{current_thread().name} of {torch.get_num_threads()}")
        return first_token(model, batch)

    counted: list[int] = []
    several = Forward(forward.model, forward.tokenizer, "cpu", dtype, progress=counted.append)
    together = several.stream(rows, watch)["first"]
    assert among <= {"MainThread of 1", "batch_0 of 1", "batch_1 of 1"}
    assert torch.get_num_threads() == 3
    assert sum(counted) == len(rows) and several.tokens == rows.lengths.sum()
    torch.set_num_threads(1)
    alone = Forward(forward.model, forward.tokenizer, "cpu", dtype).stream(rows, first_token)["first"]
    assert np.array_equal(together, alone)


def test_layers_that_may_keep_something_are_called_by_one_thread(forward: Forward, three_threads: None) -> None:
    class Counting(torch.nn.Module):
        """A layer of somebody else."""

        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner, self.config, self.among = inner, inner.config, set()

        def forward(self, **inputs: torch.Tensor) -> Any:
            self.among.add(f"{current_thread().name} of {torch.get_num_threads()}")
            return self.inner(**inputs)

    foreign = Counting(forward.model)
    Forward(foreign, forward.tokenizer, "cpu").stream(features([16] * 400), first_token)  # type: ignore[arg-type]
    assert foreign.among == {"MainThread of 3"}


def test_a_sharded_model_is_called_by_one_thread(forward: Forward, three_threads: None) -> None:
    """Its processes wait for one another in every layer, so that they must take the same batches in the same order."""
    from harness.training._sharding import ThroughRoot

    among: set[str] = set()

    class Root:
        models = (forward.model,)

        def __call__(self, index: int, **inputs: torch.Tensor) -> Any:
            among.add(current_thread().name)
            return self.models[index](**inputs)

    sharded = ThroughRoot(Root(), 0)  # type: ignore[arg-type]
    Forward(sharded, forward.tokenizer, "cpu").stream(features([16] * 400), first_token)  # type: ignore[arg-type]
    assert among == {"MainThread"}


def test_threads_that_run_out_of_memory_split_their_batches(forward: Forward, three_threads: None) -> None:
    rows = features([16] * 400)
    fits = Lock()

    def hungry(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        with fits:
            if len(batch["input_ids"]) > 30:
                raise MemoryError
        return first_token(model, batch)

    tight = Forward(forward.model, forward.tokenizer, "cpu")
    outputs = tight.stream(rows, hungry)
    expected = forward.stream(rows, first_token)
    np.testing.assert_allclose(outputs["first"], expected["first"], atol=1e-5)
    assert outputs["id"].tolist() == expected["id"].tolist()
    assert 16 <= tight.budget <= 16 * 30


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_error_in_one_thread_stops_the_others(
    error: type[BaseException], forward: Forward, three_threads: None
) -> None:
    tried: list[int] = []

    def breaks(model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        tried.append(len(batch["input_ids"]))
        raise error("broken")

    with pytest.raises(error, match="broken"):
        forward.stream(features([64] * 1600), breaks)
    assert len(tried) <= 3
    assert torch.get_num_threads() == 3


@given(st.lists(st.integers()), st.booleans())
def test_work_made_ahead_is_the_same_work_in_the_same_order(given_numbers: list[int], threaded: bool) -> None:
    made = prefetched(lambda number: number + 1, given_numbers, threaded=threaded)
    assert list(made) == [number + 1 for number in given_numbers]


def test_an_error_made_ahead_is_raised_in_its_place() -> None:
    made = prefetched(lambda number: 1 // number, [1, 0, 1], threaded=True)
    assert next(made) == 1
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_the_seconds_of_phases_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 3.0, 4.0, 9.0, 9.5])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    phases = Timings()
    with phases("forward"), phases("tokenise"):
        pass
    with phases("forward"):
        pass
    assert phases.seconds == {"forward": 1.0 + 1.0 + 0.5, "tokenise": 2.0}


@pytest.mark.parametrize("counts", [None, 0, 3, 40, 101])
def test_the_progress_adds_up_to_the_count_that_stands_behind_the_rows(forward: Forward, counts: int | None) -> None:
    told: list[int] = []
    rows = features([3, 9, 1, 30, 9, 2] * 7)
    Forward(forward.model, forward.tokenizer, "cpu", budget=64, progress=told.append).stream(
        rows, first_token, counts=counts
    )
    assert len(told) > 3 and min(told) >= 0
    assert sum(told) == (len(rows) if counts is None else counts)
