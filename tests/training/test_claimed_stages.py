"""Processes of one launch train under the claims of the first, and two launches never train one stage together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from harness.core.claims import Claims, is_free
from harness.core.errors import UsageError
from harness.training.chain import Stages
from harness.training.shared import train_together
from harness.training.stage import Stage


@dataclass
class Recorded:
    """Stages that train nothing, and note which claims are held meanwhile."""

    root: Path
    trained: dict[str, Any] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)

    def train(self, stage: Stage, folder: Path | None = None) -> Any:
        self.held = [path.stem for path in sorted(self.root.glob("*/.claims/*.claim")) if not is_free(path)]
        return stage.key


def a_stage(key: str, parent: object) -> Stage:
    stage = object.__new__(Stage)
    vars(stage).update({"key": key, "tasks": (), "parent": parent})
    return stage


def chained(root: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(Stage, "folder", lambda stage, root: root / "stages" / stage.key)
    monkeypatch.setattr("harness.training.shared.finished", lambda stage, where: where.exists() or None)
    return a_stage("second", a_stage("first", None))


def test_the_first_process_claims_the_whole_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages, stage = Recorded(tmp_path), chained(tmp_path, monkeypatch)
    assert train_together(cast(Stages, stages), stage) == "second"
    assert stages.held == ["first", "second"] and not (tmp_path / "stages" / ".claims").exists()
    (tmp_path / "stages" / "first").mkdir()
    train_together(cast(Stages, stages), stage, tmp_path / "own" / "checkpoint")
    assert stages.held == ["checkpoint"]


def test_the_others_claim_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages, stage = Recorded(tmp_path), chained(tmp_path, monkeypatch)
    monkeypatch.setenv("RANK", "1")
    with Claims(tmp_path / "stages" / ".claims").held("first"):
        assert train_together(cast(Stages, stages), stage) == "second"


def test_another_launch_at_the_same_stage_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages, stage = Recorded(tmp_path), chained(tmp_path, monkeypatch)
    with (
        Claims(tmp_path / "stages" / ".claims").held("first"),
        pytest.raises(UsageError, match=r"stage first: process \d+ on .* is training it"),
    ):
        train_together(cast(Stages, stages), stage)
    assert stages.held == [] and not (tmp_path / "stages" / ".claims").exists()
