"""Perturbed variants of test sets: how much a score suffers from typing errors, lost marks or mixed languages."""

from __future__ import annotations

from harness.data.perturb._variant import VERSION, Variant, applies, make_variant
from harness.types.units import split_name, split_of

__all__ = ["VERSION", "Variant", "applies", "make_variant", "split_name", "split_of"]
