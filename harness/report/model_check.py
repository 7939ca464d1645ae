"""Uses of a model, and what is to be said about it, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.report.table import Table, number
from harness.types.languages import language_name

if TYPE_CHECKING:
    from harness.analysis.model_check.check import ModelCheck
    from harness.inference.token_counts import TokenCounts

MOST = 9
"""Languages that are shown beside English: those with unknown tokens, then those with the most tokens a character."""


def model_check_tables(found: ModelCheck) -> Iterator[Table]:
    """The families, the questions, and the tokens of the languages that the tokenizer cuts most finely."""
    families = [(trial.family, trial.verdict, "; ".join(trial.how)) for trial in found.families]
    yield Table.of(f"{found.model}, two layers of it", ["family", "verdict", "how, or why not"], families)
    answers = [(check.name, check.status, check.detail) for check in found.checks]
    yield Table.of("what a reviewer would ask", ["about", "status", "answer"], answers)
    english = [counts for counts in found.tokens if counts.language == "en"]
    others = sorted((c for c in found.tokens if c.language != "en"), key=_hardest)[:MOST]
    rows = [
        (
            language_name(counts.language),
            None if counts.per_word is None else f"{counts.per_word:.1f}",
            f"{counts.per_character:.2f}",
            f"{counts.unknown_share:.1%}",
        )
        for counts in (*english, *others)
    ]
    head = ("language", number("tokens a word"), number("tokens a character"), number("unknown"))
    title = f"English, and the {len(others)} of {len(found.tokens)} languages that are cut worst"
    yield Table.of(title, head, rows)


def _hardest(counts: TokenCounts) -> tuple[float, float]:
    return -round(counts.unknown_share, 2), -counts.per_character
