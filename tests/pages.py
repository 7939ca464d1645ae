"""The pages of the documentation, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from harness.registry.default import get_registry
from harness.training.context import options_of
from harness.types.options import TrainOptions

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACK_PAGES = sorted((ROOT / "packs").glob("*/README.md"))
OF_PLUGINS = {"plugins.md", "hooks.md", "tasks.md"}
"""Pages whose examples name tasks that a reader is going to write."""

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def fences(page: Path) -> Iterator[tuple[str, str]]:
    """Language and content of every fenced block."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def indented(page: Path) -> Iterator[str]:
    """Lines of code that is set off by four spaces."""
    yield from re.findall(r"^    (\S.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def spans(page: Path) -> list[str]:
    """Inline code, outside of fenced blocks."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


def option_names() -> set[str]:
    kinds = [kind for family in get_registry().families().values() if (kind := options_of(family)) is not None]
    return {field.name for kind in (TrainOptions, *kinds) for field in fields(kind)}
