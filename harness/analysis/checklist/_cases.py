"""Fills templates: a case is one choice of names and values, with every context and every question about it.

A value is drawn by its row, which means the same in every language; then, of each text, the wordings that are for the
drawn values are used. The published generator has its own rules for every language and draws names from the package
``checklist``: its cases differ from these, but come from the same templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.analysis.checklist._names import names
from harness.analysis.checklist._templates import Row, Template, Wording
from harness.core.errors import DataError
from harness.types.examples import Answer, Question

SEED = 42
_SLOT = re.compile(r"\{(?:(\w+):)?([a-z_]+?)(\d*)(?:\.(\w+)|\[(\d+)\])?\}")
_PARTS = re.compile(r"\s*[,،，၊]\s*")
_ALIASES = {"s": "state"}
_NAMES = ("first_name", "male", "female")
_ATTEMPTS = 200


@dataclass(frozen=True)
class Case:
    """Questions that pass or fail together."""

    questions: tuple[Question, ...]


def make_cases(template: Template, english: Template, language: str, count: int) -> list[Case]:
    """At most ``count`` different cases of a test in a language: the same for the same template and count.

    ``english`` gives rows their meaning.
    """
    random = np.random.RandomState(SEED)
    values = template.arguments
    found: dict[tuple[tuple[str, str, str], ...], Case] = {}
    misses = 0
    while len(found) < count and misses < _ATTEMPTS:
        texts = _draw(template, english, values, language, random)
        if not texts or tuple(texts) in found:
            misses += 1
            continue
        misses = 0
        questions = [
            Question(f"{len(found)}/{index}", question, context, (Answer(answer, context.find(answer)),))
            for index, (context, question, answer) in enumerate(texts)
        ]
        found[tuple(texts)] = Case(tuple(questions))
    if not found:
        raise DataError(f"{template.name!r} in {language}: no case can be made of the templates")
    return list(found.values())


def _draw(
    template: Template,
    english: Template,
    values: Mapping[str, Sequence[Row]],
    language: str,
    random: np.random.RandomState,
) -> list[tuple[str, str, str]]:
    """Contexts, questions and answers of one filling; none where it has no wording for the drawn values.

    A question whose answer does not occur in the context is left out.
    """
    filling = _Filling(values, random.permutation(names(language)).tolist())
    properties = _properties(values)
    for name in values:
        if name not in ("property", *properties) and (
            usable := [index for index, row in enumerate(values[name]) if row]
        ):
            index = int(random.choice(usable))
            filling.drawn[name] = (name, index)
            filling.meaning |= _meanings(_english(english, name, index))
    for place, which in enumerate(random.permutation(len(properties))[:2], start=1):
        name = properties[int(which)]
        usable = [index for index, row in enumerate(values[name]) if row]
        filling.drawn[f"p{place}"] = ("property", _row_of(english, name))
        filling.drawn[f"v{place}"] = (name, int(random.choice(usable)) if usable else 0)
        filling.properties[str(place)] = name
    contexts = list(filling.texts(template.contexts))
    asked = [
        (question, answer)
        for questions, answers in zip(template.questions, template.answers, strict=True)
        for answer in list(filling.texts([answers]))[:1]
        for question in filling.texts([questions], beside=answers)
    ]
    return [
        (context, question, _as_in(context, answer))
        for context in contexts
        for question, answer in asked
        if _as_in(context, answer) in context
    ]


@dataclass
class _Filling:
    """Drawn values: for each slot an argument and its row, names in their order, and their meanings in English."""

    values: Mapping[str, Sequence[Row]]
    people: list[str]
    drawn: dict[str, tuple[str, int]] = field(default_factory=dict)
    meaning: set[str] = field(default_factory=set)
    properties: dict[str, str] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def texts(self, rows: Sequence[Row], beside: Row = ()) -> Iterator[str]:
        """The wordings that are for the drawn values, filled; ``beside`` are texts that belong to them."""
        for row in rows:
            for wording in row:
                meaning = self._meaning([wording.text, *(other.text for other in beside)])
                if not wording.only or any(item in meaning for item in wording.only):
                    text = self._filled(wording.text, meaning)
                    if text:
                        yield text[:1].upper() + text[1:]

    def _meaning(self, texts: Sequence[str]) -> set[str]:
        """Drawn values, without a property that the texts are not about."""
        about = {number for text in texts for number in re.findall(r"\.[pv](\d)", text)}
        return self.meaning | {name for number, name in self.properties.items() if not about or number in about}

    def _filled(self, text: str, meaning: set[str]) -> str:
        """The text with its slots filled; "" where a value has no wording."""
        parts, done = [], 0
        for match in _SLOT.finditer(text):
            found = self._value(match, meaning)
            if not found:
                return ""
            parts += [text[done : match.start()], found]
            done = match.end()
        return "".join([*parts, text[done:]])

    def _value(self, match: re.Match[str], meaning: set[str]) -> str:
        form, name, number, attribute, part = match.groups()
        if name in _NAMES:
            if name + number not in self.named:
                self.named[name + number] = self.people[len(self.named)]
            return self.named[name + number]
        argument, index = self.drawn.get(attribute or _ALIASES.get(name, name), ("", 0))
        wording = _choose(self.values[argument][index], meaning) if argument else None
        if wording is None:
            return ""
        if part is None:
            return _formed(wording.text, form)
        pieces = _PARTS.split(wording.text)
        pieces = pieces if len(pieces) > 1 else wording.text.split()
        return _formed(pieces[min(int(part), len(pieces) - 1)], form)


def _as_in(context: str, answer: str) -> str:
    if answer in context:
        return answer
    lower = answer[:1].lower() + answer[1:]
    return lower if lower in context else answer


def _choose(row: Row, meaning: set[str]) -> Wording | None:
    """The wording for what was drawn, rather than one for everything."""
    fitting = [wording for wording in row if any(item in meaning for item in wording.only)]
    general = [wording for wording in row if not wording.only]
    return next(iter([*fitting, *general]), None)


def _meanings(value: str) -> set[str]:
    """The English value, its parts, and their last words: conditions name any of these."""
    parts = [value, *_PARTS.split(value)]
    return {meaning for part in parts for meaning in (part, *part.split()[-1:])}


def _english(english: Template, name: str, index: int) -> str:
    rows = english.arguments.get(name, ())
    return rows[index][0].text if index < len(rows) and rows[index] else ""


def _properties(values: Mapping[str, Sequence[Row]]) -> list[str]:
    """The arguments that are properties ("color", "size"): all except the objects, in the test that has properties."""
    return [name for name in values if name not in ("property", "obj")] if "property" in values else []


def _row_of(english: Template, prop: str) -> int:
    rows = english.arguments.get("property", ())
    return next((index for index, row in enumerate(rows) if row and row[0].text == prop), 0)


def _formed(text: str, form: str | None) -> str:
    """``{a:x}`` with the English article, ``{c:x}`` with a capital."""
    if form == "a":
        return f"{'an' if text[:1].lower() in 'aeiou' else 'a'} {text}"
    return text[:1].upper() + text[1:] if form == "c" else text
