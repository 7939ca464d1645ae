"""Mining from mapped files needs the memory that the page on speed says, at two sizes; so 500,000 sentences a side fit."""

from __future__ import annotations

import pytest

from benchmarks.mining_memory import bytes_needed, measure

BLOCKS = 32 << 20


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_peak_is_what_was_foreseen(precision: str) -> None:
    found = [measure(n, 2000, 256, precision, BLOCKS) for n in (20_000, 60_000)]
    for run in found:
        assert run["translations"] == 667  # the work was done: every translation is found
        assert run["bytes"] < 1.3 * run["needed"]
    grown, foreseen = (found[1][key] - found[0][key] for key in ("bytes", "needed"))
    assert 0.6 * foreseen < grown < 1.4 * foreseen


def test_half_a_million_sentences_a_side_fit_into_24_gib() -> None:
    for precision in ("fp32", "bf16"):
        assert bytes_needed(500_000, 500_000, 1024, precision, 1 << 30) < 12 << 30
