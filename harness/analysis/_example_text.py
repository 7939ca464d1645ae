"""The texts behind predictions: what a report shows of an example. From the label files, or from the data if available."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.registry.registry import Registry
from harness.results.examples import scored_examples
from harness.scoring.formats.base import Aligned
from harness.scoring.formats.reader import read_json
from harness.types.examples import Sentence, Translation, sorted_english

if TYPE_CHECKING:
    from harness.results.run_view import RunView

Parts = tuple[tuple[str, str], ...]
Texts = Callable[[int], Parts]
"""The labelled texts of an item, by its position among the aligned ones."""

_LONG = 320


def nothing(item: int) -> Parts:
    """Describes nothing: the texts are not available."""
    return ()


def texts_of(
    system: RunView,
    registry: Registry,
    task: str,
    code: str,
    aligned: Aligned,
    labels: Path,
    data_dir: str | Path | None,
) -> Texts:
    """The texts of a unit's items.

    Questions come from the label file. Everything else comes from the data, if exactly the scored examples are
    available: in ``data_dir``, where a plugin finds them, or in the cache of the Hub.
    """
    if labels.suffix == ".json":
        return _questions(labels, aligned)
    return _by_kind(scored_examples(system, task, code, registry, data_dir), aligned)


def _by_kind(examples: Sequence[Any], aligned: Aligned) -> Texts:
    kinds = {type(example) for example in examples}
    if Sentence in kinds:
        sides = {example.id: example.text for example in examples if isinstance(example, Sentence)}
        return lambda item: _pair_texts(aligned.ids[item], sides)
    if len(examples) != len(aligned.ids) or len(kinds) != 1:
        return nothing
    kind = kinds.pop()
    if kind is Translation:
        return lambda item: _translation(examples, item, aligned)
    return lambda item: tuple(
        (label, shorten(text)) for label, text in examples[item].describe(aligned.gold[item], aligned.predicted[item])
    )


def _translation(examples: Sequence[Translation], item: int, aligned: Aligned) -> Parts:
    order = sorted_english(examples)
    row, chosen = order[item], aligned.predicted[item]
    found = examples[chosen].foreign if isinstance(chosen, int) and 0 <= chosen < len(examples) else "no such row"
    return (
        ("English", shorten(examples[row].english)),
        ("translation", shorten(examples[row].foreign)),
        ("found instead", shorten(found)),
    )


def _pair_texts(name: str, sides: Mapping[str, str]) -> Parts:
    foreign, _, english = name.partition("\t")
    return tuple(
        (label, shorten(sides[side])) for label, side in (("foreign", foreign), ("English", english)) if side in sides
    )


def _questions(labels: Path, aligned: Aligned) -> Texts:
    """Question and the context around the first answer, from a file in SQuAD's JSON; nothing from any other JSON."""
    found: dict[str, Parts] = {}
    try:
        for document in read_json(labels)["data"]:
            for paragraph in document["paragraphs"]:
                for question in paragraph["qas"]:
                    answers = question["answers"]
                    start = int(answers[0].get("answer_start", 0)) if answers else 0
                    context = _around(str(paragraph["context"]), start)
                    found[question["id"]] = (("question", shorten(str(question["question"]))), ("context", context))
    except Exception:  # other JSON than that
        return nothing
    return lambda item: found.get(aligned.ids[item], ())


def _around(text: str, start: int) -> str:
    begin = max(0, min(start, len(text)) - _LONG // 2)
    return ("… " if begin else "") + shorten(text[begin:])


def shorten(text: str, length: int = _LONG) -> str:
    """The text, cut at a space where it is long."""
    if len(text) <= length:
        return text
    cut = text[:length]
    return (cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut) + " …"
