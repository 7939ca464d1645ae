"""Published figures on Tatoeba, computed anew: mteb's of two real encoders, all twelve languages of the real data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.reproduced import REPRODUCTIONS, Figure, Reproduction, averages, figures, misses, repeat
from harness.leaderboard.rows import published_rows
from harness.registry.default import get_registry
from harness.retrieval.knn_bidirectional import resolve_precision

BY_NAME = {each.name: each for each in REPRODUCTIONS}
MINILM, E5_SMALL = BY_NAME["all-MiniLM-L6-v2 on Tatoeba"], BY_NAME["multilingual-e5-small on Tatoeba"]


def figures_of(reproduction: Reproduction, model: str, data: Path, out: Path) -> list[Figure]:
    run = repeat(reproduction, out, str(data), {reproduction.model: model})
    row = next(row for row in published_rows(get_registry()) if row["id"] == reproduction.row)
    return figures(run, row)


def test_minilm_has_the_published_accuracies_and_f1_to_the_last_printed_digit(
    shared_data: Path, minilm: Path, tmp_path: Path
) -> None:
    found = figures_of(MINILM, str(minilm), shared_data, tmp_path)
    assert sorted({figure.metric for figure in found}) == ["accuracy", "f1"]
    assert len({figure.language for figure in found}) == 12 and len(found) == 24
    assert [f"{figure.ours:.2f}" for figure in found] == [f"{figure.published:.2f}" for figure in found]


def test_e5_small_is_within_a_point_of_its_published_accuracies(
    shared_data: Path, e5_small: Path, tmp_path: Path
) -> None:
    dtype = resolve_precision("auto", "cpu")  # bf16 takes half the time where there is such hardware
    fast = replace(E5_SMALL, words=(*E5_SMALL.words, "--dtype", dtype))
    found = figures_of(fast, str(e5_small), shared_data, tmp_path)
    assert len(found) == 24
    assert misses(E5_SMALL, found) == []


def test_a_reproduction_that_is_too_far_off_is_named() -> None:
    figure = Figure("de", "accuracy", 98.0, 98.995)
    assert misses(E5_SMALL, [figure, Figure("fr", "accuracy", 93.0, 92.1)]) == []
    assert misses(MINILM, [figure]) == [
        "accuracy de: 99.00, published 98.00", "accuracy, mean over the languages: +1.00"
    ]  # fmt: skip
    assert misses(E5_SMALL, [figure]) == ["accuracy, mean over the languages: +1.00"]
    assert misses(E5_SMALL, [Figure("de", "f1", 98.0, 96.9)])[0] == "f1 de: 96.90, published 98.00"


def test_averages_of_papers_follow_from_their_numbers_by_language_but_for_the_known_one() -> None:
    registry = get_registry()
    found = list(averages(published_rows(registry), registry.benchmarks()))
    assert len(found) > 50
    missed = [(each.row["system"], each.name, each.printed) for each in found if not each.holds]
    assert missed == [("XLM-R base (re-implemented)", "xquad f1", 71.3)]


@pytest.mark.parametrize("reproduction", REPRODUCTIONS, ids=lambda each: each.row)
def test_the_page_shows_every_reproduction_with_its_command(reproduction: Reproduction) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/reproduced.md").read_text(encoding="utf-8")
    assert f"## {reproduction.name}" in page
    assert f"$ harness {' '.join(reproduction.command('../shared/data'))}" in " ".join(page.replace("\\\n", "").split())
