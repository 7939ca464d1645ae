"""Defaults that several entries share (the command line, Python, options of families), each written once.

Those of a run are the fields of :class:`~harness.types.options.EvalOptions`, those of a training the recipe's.
"""

from __future__ import annotations

BENCHMARK = "xtreme"
"""The benchmark where none is named: of prediction files, of a board, of a new study."""
RECIPE = "xtreme"
"""The recipe of every model but ``tiny``, which has one of its name."""

GPU_BATCH_TOKENS = 32_768
"""Padded tokens of a batch that keep a GPU busy."""
CPU_BATCH_TOKENS = 1_024
"""The most padded tokens of a batch on a CPU, where larger ones leave the cache (a quarter slower at 8,192)."""
BATCH_TOKENS = 8_192
"""Padded tokens of a batch on any other device."""

RESAMPLES = 10_000
"""Bootstrap samples of a comparison of systems."""
CHECKLIST_CASES = 200
"""Cases of a test of the checklist in a language."""
INVARIANCE_EXAMPLES = 200
"""Examples a unit on which decisions are compared."""

NEIGHBOURS = 4
"""Neighbours on each side that a margin looks at (Artetxe and Schwenk 2019)."""
MARGIN = "ratio"
"""The margin of mined pairs."""
RETRIEVAL = "max"
"""The way in which the pairs of both directions are joined."""
DUPLICATES = "drop"
"""The treatment of pairs of repeated sentences."""
THRESHOLD = 0.0
"""The least margin of a mined pair."""
SIMILARITY_MEMORY = 1_024
"""MiB for similarities held at once."""
