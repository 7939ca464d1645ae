"""Answers of runs item by item: which are right, the texts behind them, and the same item in several languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from harness.analysis._example_text import Parts, Texts, nothing, shorten, texts_of
from harness.core.errors import HarnessError
from harness.results.examples import scored_examples
from harness.scoring.metrics.base import AdditiveMetric
from harness.scoring.scores import Estimate

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.results.run_view import RunView
    from harness.scoring.files import TaskScorer
    from harness.scoring.formats.base import Aligned
    from harness.types.examples import Example

MOST = 12_000
"""Items that are kept of all units together."""
_FEWEST, _MOST_OF_UNIT = 40, 1000


@dataclass(frozen=True)
class Answer:
    """A run's answer to an item: whether it is right, its score (0-100), and labelled texts that say what it is."""

    right: bool
    value: float
    parts: Parts


@dataclass(frozen=True)
class Item:
    """An item of a unit: its labelled texts, and the answer of each run (None: not asked)."""

    id: str
    code: str
    parts: Parts
    answers: tuple[Answer | None, ...]


@dataclass(frozen=True)
class UnitAnswers:
    """All answers of one run in one language: ``wrong`` of ``total``, and confusions as (gold, predicted, count)."""

    run: int
    code: str
    score: Estimate
    wrong: int
    total: int
    confusions: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class TaskAnswers:
    """The answers to a task: counts of every unit, and a sample of the items, language by language.

    ``parallel``: items with one id are the same item in several languages.
    """

    task: str
    parallel: bool
    units: tuple[UnitAnswers, ...]
    items: tuple[Item, ...]


@dataclass(frozen=True)
class _Unit:
    """One run's files of a unit, aligned, with the value of every item and whether it is right."""

    aligned: Aligned
    labels: Path
    values: Sequence[float]
    right: Sequence[bool]
    places: Mapping[str, int]


def answers(
    runs: Sequence[RunView],
    registry: Registry,
    *,
    tasks: Sequence[str] = (),
    data_dir: str | Path | None = None,
    most: int = MOST,
) -> Iterator[TaskAnswers]:
    """The answers of runs to the items that they share by id, from their prediction and label files.

    All units together keep about ``most`` items (at least 40 of each): two thirds of them are items that some run gets
    wrong in some language, as far as there are any. They are drawn by a hash of the id, so that an item is kept in all of
    its languages. Units without files, or whose files are not the ones that were scored, are left out, and so are tasks
    whose plugin is not installed.
    """
    from harness.scoring.files import TaskScorer

    names = list(dict.fromkeys(name for run in runs for name, task in run.tasks.items() if task.units))
    names = [name for name in names if not tasks or name in tasks]
    units = sum(len({code for run in runs if name in run.tasks for code in run.tasks[name].units}) for name in names)
    limit = max(_FEWEST, min(_MOST_OF_UNIT, most // max(units, 1)))
    for name in names:
        try:
            scorer = TaskScorer.of(registry, name)
        except HarnessError:
            continue
        if found := _task(runs, name, scorer, registry, data_dir, limit):
            yield found


def _task(
    runs: Sequence[RunView],
    name: str,
    scorer: TaskScorer,
    registry: Registry,
    data_dir: str | Path | None,
    limit: int,
) -> TaskAnswers | None:
    units: dict[str, dict[int, _Unit]] = {}
    summaries = []
    for index, run in enumerate(runs):
        for code, view in run.tasks[name].units.items() if name in run.tasks and run.path is not None else ():
            try:
                files = run.files(view.record)
                unit = _aligned(scorer, files, code)
            except HarnessError:
                continue
            units.setdefault(code, {})[index] = unit
            wrong = len(unit.right) - sum(unit.right)
            confusions = _confusions(unit.aligned)
            summaries.append(UnitAnswers(index, code, view.score, wrong, len(unit.right), confusions))
    if not units:
        return None
    missed = {
        unit.aligned.ids[place]
        for found in units.values()
        for unit in found.values()
        for place in range(len(unit.right))
        if not unit.right[place]
    }
    items: list[Item] = []
    for code, found in units.items():
        chosen = _drawn(dict.fromkeys(id for unit in found.values() for id in unit.aligned.ids), missed, limit)
        texts = _texts(runs, name, code, found, scorer, registry, data_dir)
        items += [_item(id, code, found, texts, len(runs)) for id in chosen]
    return TaskAnswers(name, _parallel(units), tuple(summaries), tuple(items))


def _aligned(scorer: TaskScorer, files: tuple[Path, Path], code: str) -> _Unit:
    aligned = scorer.format.align(*files, scorer.labels)
    same = [gold == predicted for gold, predicted in zip(aligned.gold, aligned.predicted, strict=True)]
    values = [100.0 * each for each in same]
    if isinstance(metric := scorer.metric, AdditiveMetric):
        each = metric.finish(metric.statistics(aligned.gold, aligned.predicted, code))
        means = np.mean([np.broadcast_to(each[name], len(same)) for name in metric.primary], axis=0)
        # equal is right even where the item itself has no value (a sentence without entities has no F1)
        values = [100.0 if equal else float(value) for equal, value in zip(same, means, strict=True)]
    return _Unit(
        aligned, files[1], values, [value >= 100 for value in values], {id: i for i, id in enumerate(aligned.ids)}
    )


def _drawn(ids: Mapping[str, None], missed: set[str], limit: int) -> list[str]:
    """Up to ``limit`` ids, two thirds of them missed ones if there are as many, in the order of the file."""
    if len(ids) <= limit:
        return list(ids)
    order = sorted(ids, key=lambda id: (crc32(id.encode("utf-8", "surrogatepass")), id))
    wrong = [id for id in order if id in missed]
    rest = [id for id in order if id not in missed]
    kept = max(limit * 2 // 3, limit - len(rest))
    chosen = {*wrong[:kept], *rest[: limit - min(kept, len(wrong))]}
    return [id for id in ids if id in chosen]


def _parallel(units: Mapping[str, Mapping[int, _Unit]]) -> bool:
    """Tells whether an id stands for one item in several languages.

    Line numbers do where all languages have the same gold answers, line by line; ids of the data do by themselves.
    """
    sides = [next(iter(found.values())).aligned for found in units.values()]
    shared = Counter(id for side in sides for id in set(side.ids))
    if len(sides) < 2 or max(shared.values()) < 2:
        return False
    gold: dict[str, Any] = {}
    lines = all(side.ids == [str(number) for number in range(1, len(side.ids) + 1)] for side in sides)
    return not lines or all(
        gold.setdefault(id, answer) == answer for side in sides for id, answer in zip(side.ids, side.gold, strict=True)
    )


def _texts(
    runs: Sequence[RunView],
    name: str,
    code: str,
    found: Mapping[int, _Unit],
    scorer: TaskScorer,
    registry: Registry,
    data_dir: str | Path | None,
) -> dict[int, Texts]:
    """The texts of a unit's items for each run; data are loaded once for runs that took the same test."""
    loaded: dict[tuple[Any, ...], Sequence[Example]] = {}
    texts = {}
    for index, unit in found.items():
        identity = runs[index].tasks[name].units[code].identity
        if identity not in loaded:
            questions = unit.labels.suffix == ".json"
            loaded[identity] = () if questions else scored_examples(runs[index], name, code, registry, data_dir)
        texts[index] = texts_of(scorer.format, loaded[identity], unit.aligned, unit.labels)
    return texts


def _item(id: str, code: str, found: Mapping[int, _Unit], texts: Mapping[int, Texts], runs: int) -> Item:
    described: dict[int, Parts] = {}
    for index, unit in found.items():
        place = unit.places.get(id)
        if place is not None:
            described[index] = _parts(unit.aligned, texts.get(index, nothing), place)
    shared = [part for part in next(iter(described.values()), ()) if all(part in parts for parts in described.values())]
    common = [part for part in shared if part[0] not in ANSWERED]
    given: list[Answer | None] = [None] * runs
    for index, parts in described.items():
        unit, place = found[index], found[index].places[id]
        own = tuple(part for part in parts if part not in common)
        given[index] = Answer(unit.right[place], unit.values[place], own)
    return Item(id.replace("\t", " – "), code, tuple(common), tuple(given))


ANSWERED = ("predicted", "chosen option", "found instead", "words", "pair")
"""Labels of texts that say what a run answered, not what it was asked."""


def _parts(aligned: Aligned, texts: Texts, item: int) -> Parts:
    gold, predicted, parts = aligned.gold[item], aligned.predicted[item], texts(item)
    # the texts of tags, choices and rows say what was right and what was predicted better than numbers do
    said = parts and not isinstance(predicted, str | bool | None)
    return parts if said else (*parts, *_answers(gold, predicted))


def _confusions(aligned: Aligned, most: int = 5) -> tuple[tuple[str, str, int], ...]:
    """The commonest pairs of a label or tag and what was predicted instead; empty for open answers."""
    counts: Counter[tuple[str, str]] = Counter()
    for gold, predicted in zip(aligned.gold, aligned.predicted, strict=True):
        if isinstance(gold, str) and isinstance(predicted, str):
            counts[gold, predicted] += gold != predicted
        elif isinstance(gold, list | tuple) and isinstance(predicted, list | tuple) and len(gold) == len(predicted):
            counts.update((str(g), str(p)) for g, p in zip(gold, predicted, strict=True) if g != p)
    return tuple((*pair, count) for pair, count in counts.most_common(most) if count)


def _answers(gold: Any, predicted: Any) -> Parts:
    if isinstance(gold, bool):
        return (("pair", ("found" if predicted else "not found") if gold else "found, but not a translation"),)
    if isinstance(gold, list | tuple) and isinstance(predicted, str | None):
        right = " / ".join(dict.fromkeys(map(str, gold))) or "no answer"
        guess = "no prediction" if predicted is None else shorten(predicted) or "no answer"
        return (("right", shorten(right)), ("predicted", guess))
    return (("right", shorten(_plain(gold))), ("predicted", shorten(_plain(predicted))))


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
