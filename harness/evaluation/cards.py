"""Adds the scores of a run to the model cards of the checkpoints that predicted them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.files import read_text, write_atomic
from harness.runs.model_card import CARD, CardScore, add_scores, unit_scores
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.training.stage import TrainedStage
    from harness.types.record import RunRecord


def update_cards(record: RunRecord, registry: Registry, trained: Mapping[str, TrainedStage]) -> None:
    """Writes the scores of each checkpoint into its README.md; ``trained`` are the run's stages by key.

    A card that somebody removed or rewrote into something else stays as it is, and so does one on a disk that refuses.
    """
    scores: dict[str, list[CardScore]] = {}
    for key, entry in record["units"].items():
        unit = Unit.of(key)
        if unit.plain:
            scores.setdefault(entry.get("checkpoint", ""), []).extend(unit_scores(registry, unit, entry))
    for key, stage in trained.items():
        path, added = stage.folder / CARD, scores.get(key)
        if added and path.is_file():
            with suppress(HarnessError):
                before = read_text(path)
                card = add_scores(before, added)
                if card != before:
                    write_atomic(path, card)
