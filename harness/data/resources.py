"""Resources of a system besides its model and plain English text: languages with labels, translations, unlabelled text.

A value is a plain mapping, as stored in records: ``labels`` and ``text`` are languages, ``images`` those of captions,
``parallel`` the pairs of unlabelled parallel text, ``teacher`` the key of the stage that taught. A translation is
``{"from", "to", "origin", "system"}``; ``from`` is null where that is not known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from harness.data.corpus import Corpus
from harness.data.provenance import Provenance, origin_words
from harness.types.examples import Example, unlabelled
from harness.types.record import ResourcesRecord

if TYPE_CHECKING:
    from harness.data.pairing import Partners
    from harness.data.sources import LoadedSplit
    from harness.types.record import TranslationRecord
    from harness.types.tasks import IntermediateTask, TargetTask

Resources = ResourcesRecord

_LISTS = ("labels", "translations_train", "translations_test", "parallel", "text", "images")
_LANGUAGES = {"labels": "labels", "text": "unlabelled text", "images": "captions"}
_TRANSLATIONS = {"translations_train": "trained on", "translations_test": "tested on"}


def union(values: Iterable[Mapping[str, Any]]) -> Resources:
    """Unites resources, each once and in order; a list that a value lacks is empty."""
    values = list(values)
    found: dict[str, Any] = {}
    for name in _LISTS:
        texts = {json.dumps(item, sort_keys=True) for value in values for item in value.get(name, ())}
        found[name] = [json.loads(text) for text in sorted(texts)]
    found["teacher"] = next((value["teacher"] for value in values if value.get("teacher")), None)
    return cast(Resources, found)


def of_training(task: IntermediateTask, train: LoadedSplit, *, images: bool = False) -> Resources:
    """Resources that training on a split of a task uses: its languages, and the translations among its parts.

    ``images`` says that the pictures of its captions are seen, too.
    """
    read = [(code, part) for part in train.provenance for code in _languages(task, part, train)]
    codes = [code for code, _ in read]
    lacking = set(codes) if unlabelled(train.examples) else without_labels(train)
    translations = [translation(part, code) for code, part in read if part.translated]
    labels, text = [code for code in codes if code not in lacking], [code for code in codes if code in lacking]
    seen = {"images": codes} if images else {}
    return union([{"labels": labels, "text": text, "translations_train": translations, **seen}])


def without_labels(train: LoadedSplit) -> set[str]:
    """Finds the languages of which no example has a label, such as translations of sentences whose words are tagged."""
    lacking = set(train.languages) - {""}
    for place, code in enumerate(train.languages):
        if code in lacking and _has_label(train.examples[place]):
            lacking.remove(code)
        if not lacking:
            break
    return lacking


def _has_label(example: Any) -> bool:
    return not isinstance(example, Example) or example.has_label()


def of_test(language: str, test: LoadedSplit) -> Resources:
    """Resources that scoring on a split uses: translations by machine, and all into another language than the unit's.

    Those by people into the language of the unit are the official test sets.
    """
    parts = [part for part in test.provenance if part.origin == "machine_translation"]
    moved = [
        (part, part.language) for part in test.provenance if part.translated and part.language not in ("", language)
    ]
    return union(
        [
            {"translations_test": [translation(part, code, language) for part, code in moved]},
            {"translations_test": [translation(part, language, None) for part in parts if not part.language]},
        ]
    )


def of_partners(language: str, partners: Partners) -> Resources:
    """Resources that reading a test text beside its English uses: that translation, or the English it was translated from."""
    if set(partners.kinds) == {"self"}:
        return union(())
    pairs = (
        (part, language, "en") if part.language != "en" else (part, "en", language) for part in partners.provenance
    )
    return union([{"translations_test": [translation(*each) for each in pairs]}])


def translation(part: Provenance, target: str, source: str | None = "en") -> TranslationRecord:
    """A translation as stored in resources; what is said to be translated into its own language has no known source."""
    return {"from": source if source != target else None, "to": target, "origin": part.origin, "system": part.system}


def _languages(task: IntermediateTask, part: Provenance, train: LoadedSplit) -> tuple[str, ...]:
    """The languages of a part: its own, those of the text's files, or the task's: English, or all that it mixes."""
    if part.language:
        return (part.language,)
    if isinstance(train.examples, Corpus):
        return train.examples.names
    return own_languages(task)


def own_languages(task: IntermediateTask | TargetTask) -> tuple[str, ...]:
    """The languages of a task's own training data: English, or all that it mixes where it lists English among others."""
    mixed = tuple(code for code, table in task.languages.items() if "train" in table)
    return mixed if "en" in task.languages else ("en",)


def in_words(value: Mapping[str, Any]) -> str:
    """``labels in en, es; trained on machine translation (XNLI-MT), en-es``; "" where nothing was used."""
    return "; ".join([*_language_words(value), *_translation_words(value)])


def _language_words(value: Mapping[str, Any]) -> Iterator[str]:
    for name, words in _LANGUAGES.items():
        if value.get(name):
            yield f"{words} in {', '.join(value[name])}"


def _translation_words(value: Mapping[str, Any]) -> Iterator[str]:
    for name, words in _TRANSLATIONS.items():
        pairs: dict[str, list[str]] = {}
        for each in value.get(name, ()):
            pair = f"{each['from']}-{each['to']}" if each["from"] else each["to"]
            pairs.setdefault(origin_words(each["origin"], each["system"]), []).append(pair)
        for origin, those in pairs.items():
            yield f"{words} {origin}, {', '.join(those)}"
