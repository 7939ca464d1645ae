"""Where a system is weak: its scores by attributes of the examples, such as length, overlap or the type of the answer."""

from __future__ import annotations

from harness.analysis.breakdown.compute import Breakdown, Bucket, breakdown

__all__ = ["Breakdown", "Bucket", "breakdown"]
