"""Ranked ids for each query (LAReQA, Mewsli-X)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import DataError
from harness.scoring.formats._labelled import complete
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import json_type, match_ids, read_mapping, reading_notes, shorten, write_json
from harness.types.examples import Example, Query


class Rankings(Format):
    """``test-tr.json``: ``{query id: [entity id, ...]}``, best first. A prediction is a list of str.

    Labels are ``{query id: [relevant id, ...]}``. LAReQA has no official format: it is written in that of Mewsli-X, with a
    question's answers in all languages.
    """

    extension = "json"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes the ranking of each query."""
        rankings = {
            str(getattr(example, "id", row)): list(ranking)
            for row, (example, ranking) in enumerate(zip(examples, predictions, strict=True))
        }
        if len(rankings) < len(examples):
            raise DataError(f"{path}: two queries have one id", hint="ids must be unique within a unit")
        write_json(path, rankings)

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes the answers of :class:`~harness.types.examples.Query` examples."""
        queries = [(query.id, list(query.relevant) or None) for query in examples if isinstance(query, Query)]
        complete(path, queries)
        labelled = {name: relevant for name, relevant in queries if relevant}
        if labelled:
            write_json(path, labelled)
        return bool(labelled)

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Pairs the queries by id; one without a ranking scores as an empty ranking, with a warning."""
        gold, predicted = _read(labels), _read(predictions)
        # XTREME-R's scorer strips the ids of the labels, and of the labels alone
        gold = {query: [name.strip() for name in relevant] for query, relevant in gold.items()}
        for query, relevant in gold.items():
            if not relevant:
                raise DataError(f"{labels}: query {shorten(query)} has no relevant id", hint="are the labels stripped?")
        warnings = match_ids(predictions, predicted, labels, gold, "queries") + reading_notes(predictions, labels)
        ids = list(gold)
        return Aligned(ids, list(gold.values()), [predicted.get(query, []) for query in ids], warnings=warnings)


def _read(path: Path) -> dict[str, list[str]]:
    rankings = read_mapping(path, "array of ids")
    for query, ranking in rankings.items():
        if not isinstance(ranking, list):
            raise DataError(f"{path}: {shorten(query)} holds {json_type(ranking)}", hint="expected an array of ids")
        if not all(isinstance(name, str) and name for name in ranking):
            raise DataError(
                f"{path}: {shorten(query)} contains something that is not an id", hint="ids are non-empty strings"
            )
        if len(set(ranking)) < len(ranking):
            raise DataError(f"{path}: {shorten(query)} ranks an id twice", hint="a ranking holds each id once")
    return rankings
