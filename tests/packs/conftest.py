"""The registry with packs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pack_registry import with_packs

from harness import Registry


@pytest.fixture
def pack() -> Callable[..., Registry]:
    """``pack("sib200")``: a registry with the plugins of these packs."""
    return with_packs
