"""Pairs of an example and the same in English, for models and objectives that read two languages at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

from harness.core.errors import DataError
from harness.data.access import DataAccess
from harness.data.locate import Unavailable
from harness.data.provenance import Provenance
from harness.data.sources import LoadedSplit
from harness.data.store import ExampleList
from harness.data.subset import fingerprint
from harness.data.translations import into_english
from harness.types.examples import Example
from harness.types.sources import FileData
from harness.types.tasks import IntermediateTask, TargetTask

PairKind = Literal["translated", "human", "self"]
"""Origin of a pair: a machine translated one from the other, people did, or the text is paired with itself."""

_SHOWN = 3
"""Ids that a message names."""

_OTHER_LABELS = 0.01
"""Share of the pairs, at most, whose labels may differ: more are pairs of examples that do not belong together."""


@dataclass(frozen=True)
class Partners:
    """The English example of each of a sequence of examples, in its order, and how each pair came about.

    ``provenance`` is that of the translations, of test examples into or from English.
    """

    examples: Sequence[Example]
    kinds: Sequence[PairKind]
    provenance: Sequence[Provenance] = ()

    def counts(self) -> dict[PairKind, int]:
        """The number of pairs of each kind, those of none included: an entry of the record."""
        found = Counter(self.kinds)
        return {kind: found[kind] for kind in get_args(PairKind)}

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the examples and the kinds, for keys of stages and units."""
        return fingerprint([*self.examples, *self.kinds])  # type: ignore[list-item]


def training_partners(
    task: IntermediateTask, loaded: LoadedSplit, data: DataAccess, *, split: str = "train"
) -> Partners:
    """The English example of each training example of a task in other languages, ``mnli[de,fr]``, or of each dev example.

    ``loaded`` is the split, read with ``originals``. Examples belong together by the id of the row that a translation
    names as its ``source``, by ids that translations have kept, or by the number of the row where both have as many. An
    English example is its own partner. DataError for an example that translates nothing, or whose original is not there.
    """
    own = task.train if split == "train" else task.dev
    splits = [part.original for part in own.parts or (own,) if part.original is not None]
    if not splits:
        return Partners(loaded.examples, ["self"] * len(loaded.examples))
    english = data.load_once(task, splits[0])
    _check_numbers(loaded, english)
    by_id = _by_id(english.examples)
    kinds = _kinds(loaded)
    examples: list[Example] = []
    found: list[PairKind] = []
    what = "training" if split == "train" else split
    for example, code, original in zip(loaded.examples, loaded.languages, loaded.originals, strict=True):
        if not original and code == "en":
            examples.append(example)
            found.append("self")
            continue
        partner = by_id.get(original)
        if partner is None:
            reason = f"no row {original!r} in {english.source}" if original else f"these {code} data translate nothing"
            raise DataError(
                f"{task.name}: {what} example {_name(example)!r} has no English partner: {reason}",
                hint=f"write translations to DATA_DIR/translated/{task.name.partition('[')[0]}/{code}/{split}.jsonl; "
                "their key 'source' is the id of the English row",
            )
        examples.append(partner)
        found.append(kinds.get(code, "translated"))
    _check_labels(f"{task.name}: {{}} {what} examples", loaded, examples)
    return Partners(examples, found)


def _check_labels(what: str, loaded: LoadedSplit, partners: Sequence[Example]) -> None:
    """DataError where many examples have another class than what they translate."""
    pairs = [(example, _label(example), _label(one)) for example, one in zip(loaded.examples, partners, strict=True)]
    known = [each for each in pairs if each[1] is not None and each[2] is not None]
    other = [each for each in known if each[1] != each[2]]
    if len(other) > _OTHER_LABELS * len(known):
        example, own, english = other[0]
        raise DataError(
            f"{what.format(f'{len(other):,} of {len(known):,}')} have another label than the English ones "
            f"they are paired with: {_name(example)!r} has {own!r}, its English {english!r}",
            hint="the key 'source' of a translation is the id of the English row; without it, rows are in the same order",
        )


def _label(example: Example) -> str | int | None:
    """The class, or the number of the right option; None where there is no one of them."""
    value = getattr(example, example.label_field, None) if example.label_field else None
    return value if isinstance(value, str | int) else None


def unit_partners(
    task: TargetTask,
    language: str,
    split: str,
    loaded: LoadedSplit,
    data: DataAccess,
    *,
    missing: Literal["error", "self"] = "error",
) -> Partners:
    """The English of each test example of a language: its translation or, where people translated the English set, that.

    ``loaded`` is the split of the language. A translation is read by
    :func:`~harness.data.translations.into_english`. Of a set whose source says that people translated it, the English
    examples with the same ids are the partners. An English example is its own. DataError, which names the file to
    write, for examples without a partner; with ``missing`` "self" each of them is paired with itself.
    """
    if language == "en":
        return Partners(loaded.examples, ["self"] * len(loaded.examples))
    try:
        by_id, kind, origin = _english(task, language, split, loaded, data)
    except Unavailable:
        if missing == "error":
            raise
        by_id, kind, origin = {}, "self", ()
    absent = [_name(example) for example in loaded.examples if _name(example) not in by_id]
    if absent and missing == "error":
        raise lacking(task, language, split, absent)
    partners = [by_id.get(_name(example), example) for example in loaded.examples]
    kinds = [kind if _name(example) in by_id else "self" for example in loaded.examples]
    return Partners(partners, kinds, origin)


def translation_of(
    task: TargetTask, language: str, split: str, original: LoadedSplit, data: DataAccess
) -> tuple[LoadedSplit, dict[str, Example]]:
    """The English of a language's test text, and its examples by the ids of ``original``, the split that they translate.

    :class:`~harness.data.locate.Unavailable`, which says which file to write, where there is none.
    """
    english = data.load(task, into_english(task, language, split), originals=True)
    _check_numbers(english, original)
    by_id = dict(zip(english.originals, english.examples, strict=True))
    if len(by_id) < len(english.examples):
        [(twice, _)] = Counter(english.originals).most_common(1)
        raise DataError(
            f"{english.files[0]}: the row {twice!r} is translated twice",
            hint="'source' is the id of the row in the other language: keep one translation of each",
        )
    return english, by_id


def translated_test(
    task: TargetTask, language: str, split: str, original: LoadedSplit, data: DataAccess
) -> LoadedSplit:
    """The English of a language's test text, to be scored in its place (``--test-on translated``), with its ids and labels.

    The answers to questions are those of the translation. DataError, which names the file and the first of the ids, for
    text that is not translated.
    """
    english, by_id = translation_of(task, language, split, original, data)
    absent = [_name(example) for example in original.examples if _name(example) not in by_id]
    if absent:
        raise lacking(task, language, split, absent)
    examples = ExampleList(by_id[_name(example)].in_place_of(example) for example in original.examples)
    return replace(
        english,
        examples=examples,
        rows=original.rows,
        expected=original.expected,
        files=[*original.files, *english.files],
        fingerprint=examples.fingerprint,
        languages=["en"] * len(examples),
        originals=(),
        by_number=(),
        in_place_of=original.fingerprint,
    )


def lacking(task: TargetTask, language: str, split: str, absent: Sequence[str]) -> DataError:
    """The error that names the file in which translations of these ids are missing."""
    file = next(s.files[0] for s in into_english(task, language, split).sources if isinstance(s, FileData))
    shown = ", ".join(absent[:_SHOWN]) + (" ..." if len(absent) > _SHOWN else "")
    return DataError(
        f"{task.name}/{language}/{split}: {len(absent):,} examples have no English translation: {shown}",
        hint=f"add them to DATA_DIR/{file}, their ids as 'source'",
    )


def _english(
    task: TargetTask, language: str, split: str, loaded: LoadedSplit, data: DataAccess
) -> tuple[dict[str, Example], PairKind, Sequence[Provenance]]:
    """English examples by the ids of the language's, how they came about, and the provenance of what was translated."""
    try:
        english, by_id = translation_of(task, language, split, loaded, data)
    except Unavailable as absent:
        own = task.languages.get("en", {}).get(split)
        if own is None or not loaded.provenance or any(p.origin != "human_translation" for p in loaded.provenance):
            raise
        try:
            originals = data.load_once(task, own)
        except Unavailable:
            raise absent from None
        if originals.rows != loaded.rows and all(_name(example).isdigit() for example in loaded.examples):
            raise absent from None  # ids are numbers of rows, of which one of the two sets lacks some
        return _by_id(originals.examples), "human", loaded.provenance
    return by_id, _kinds(english).get("en", "translated"), english.provenance


def _by_id(examples: Sequence[Example]) -> dict[str, Example]:
    return {_name(example): example for example in examples}


def _name(example: Example) -> str:
    return str(getattr(example, "id", ""))


def _kinds(loaded: LoadedSplit) -> dict[str, PairKind]:
    """The kind of the pairs of each language."""
    return {
        part.language: "human" if part.origin == "human_translation" else "translated" for part in loaded.provenance
    }


def _check_numbers(translation: LoadedSplit, original: LoadedSplit) -> None:
    """Rows pair by number only where there are as many."""
    for name, rows in translation.by_number:
        if rows != original.rows:
            raise DataError(
                f"{name}: {rows:,} rows, and {original.source} has {original.rows:,}: which belong together is not known",
                hint="give each row of the translation the id of its original as 'source'",
            )
