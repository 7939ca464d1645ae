"""The saved state of a training: all of it comes back, and what is not what was written is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.core.damage import Damaged
from harness.core.sealed import sealed
from harness.training._checkpoint import PROGRESS, TENSORS, StageProgress, load_state, save_state, saved_progress

PROGRESSED = StageProgress(7, 4, 55.5, 1, [{"step": 4, "score": 55.5}], [(2, 0.5), (4, 0.25)], [0.125], 999, 1.5, True)


def trained(steps: int) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    """A model with a buffer and a frozen weight, and the optimizer of the others, in which one weight has no gradient."""
    torch.manual_seed(steps)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    torch.nn.init.constant_(model[2].weight.requires_grad_(False), 0.5 + steps)
    unused = torch.nn.Parameter(torch.zeros(1))
    model.register_parameter("unused", unused)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(steps):
        model(torch.randn(5, 3)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return model, optimizer


@pytest.fixture
def state(tmp_path: Path) -> Path:
    save_state(tmp_path / "state", *trained(3), PROGRESSED, stage="mine")
    return tmp_path / "state"


def test_everything_comes_back_but_what_is_not_trained(tmp_path: Path) -> None:
    model, optimizer = trained(3)
    save_state(tmp_path / "state", model, optimizer, PROGRESSED, stage="mine")
    drawn = torch.rand(4)
    other, fresh = trained(1)
    frozen = other[2].weight.clone()  # type: ignore[index]
    assert load_state(tmp_path / "state", other, fresh, stage="mine") == PROGRESSED
    assert torch.equal(torch.rand(4), drawn)
    want, got = model.state_dict(), other.state_dict()
    assert {name for name in want if not torch.equal(want[name], got[name])} == {"2.weight"}
    assert torch.equal(got["2.weight"], frozen)
    for index, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            assert torch.equal(fresh.state_dict()["state"][index][name], value), (index, name)
    batch = torch.randn(5, 3)
    for each, rule in ((model, optimizer), (other, fresh)):
        with torch.no_grad():
            each[2].weight.fill_(1.0)  # type: ignore[index, operator]
        each(batch).square().sum().backward()
        rule.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_a_state_replaces_the_one_before_and_leaves_nothing_beside_it(state: Path) -> None:
    scratch = state.with_name("state.new")
    scratch.mkdir()
    (scratch / "half").write_text("of a killed process")
    save_state(state, *trained(2), StageProgress(step=9), stage="mine")
    assert [path.name for path in state.parent.iterdir()] == ["state"]
    assert {path.name for path in state.iterdir()} == {TENSORS, PROGRESS}
    progress = saved_progress(state, "mine")
    assert progress is not None and (progress.step, progress.losses, progress.best_score) == (9, [], None)


def test_of_several_processes_one_writes(tmp_path: Path) -> None:
    save_state(tmp_path / "state", *trained(1), StageProgress(), write=False)
    assert not (tmp_path / "state").exists()


def test_where_nothing_was_saved_nothing_is_loaded(tmp_path: Path) -> None:
    model, optimizer = trained(1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert saved_progress(tmp_path / "state") is None and load_state(tmp_path / "state", model, optimizer) is None
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def edited(state: Path, **changes: Any) -> None:
    content = json.loads((state / PROGRESS).read_text())
    del content["sha256"]
    (state / PROGRESS).write_text(json.dumps(sealed({**content, **changes})))


def test_a_state_of_another_stage_or_version_is_refused(state: Path) -> None:
    with pytest.raises(Damaged, match="the state of another training"):
        saved_progress(state, "another")
    edited(state, of_tomorrow=1)
    with pytest.raises(Damaged, match=r"progress\.json: of another version"):
        saved_progress(state, "mine")
    edited(state, tensors=None)
    with pytest.raises(Damaged, match=r"says nothing of state\.safetensors"):
        saved_progress(state, "mine")


def test_tensors_that_are_gone_or_changed_are_refused(state: Path) -> None:
    data = bytearray((state / TENSORS).read_bytes())
    data[-1] ^= 1
    (state / TENSORS).write_bytes(data)
    with pytest.raises(Damaged, match="its sha256 differs"):
        load_state(state, *trained(1), stage="mine")
    (state / TENSORS).unlink()
    with pytest.raises(Damaged, match=r"state\.safetensors: cannot be read: No such file"):
        load_state(state, *trained(1), stage="mine")


def test_what_training_changes_is_stored_and_nothing_else(state: Path) -> None:
    tensors = load_file(state / TENSORS)
    assert {name.partition(".")[0] for name in tensors} == {"model", "optimizer", "random"}
    assert "model.1.running_mean" in tensors and "model.2.weight" not in tensors
    assert "optimizer.1.exp_avg" in tensors and "optimizer.0.exp_avg" not in tensors  # it never had a gradient


def test_a_training_that_begins_has_done_nothing() -> None:
    assert StageProgress() == StageProgress(0, 0, None, 0, [], [], [], 0, 0.0, False)
    assert StageProgress().dev is not StageProgress().dev


def test_a_state_of_a_gpu_is_gone_on_with_on_one_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there, drawn, restored = [True], torch.tensor([7, 8], dtype=torch.uint8), []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there[0])
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: drawn)
    monkeypatch.setattr(torch.cuda, "set_rng_state", restored.append)
    save_state(tmp_path / "state", *trained(1), StageProgress(step=3))
    there[0] = False
    assert load_state(tmp_path / "state", *trained(1)) == StageProgress(step=3) and restored == []
    there[0] = True
    load_state(tmp_path / "state", *trained(1))
    assert [state.tolist() for state in restored] == [[7, 8]]
    there[0] = False
    save_state(tmp_path / "cpu", *trained(1), StageProgress())
    there[0] = True
    load_state(tmp_path / "cpu", *trained(1))
    assert len(restored) == 1
