"""Families that can be asked MultiCheckList: those whose examples are the questions that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.types.examples import Question

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def answering_families(registry: Registry) -> list[str]:
    """Names of the families that answer questions with a part of a text."""
    return [family.name for family in registry.families().values() if family.examples == (Question,)]
