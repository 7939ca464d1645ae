"""A class of examples that the harness has never seen is perturbed, checked and shown like one of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness import Example
from harness.analysis._example_text import of_examples
from harness.data._checks import lost_answers, problems, shifted_answers
from harness.data.perturb._variant import applies, make_variant
from harness.scoring.formats.base import Aligned
from harness.scoring.formats.labels import Labels
from harness.types.examples import (
    Answer,
    Candidate,
    Choice,
    GoldPair,
    Match,
    Pair,
    Query,
    Question,
    Sentence,
    Tagged,
    Text,
)


@dataclass(frozen=True, slots=True)
class Review(Example):
    id: str
    title: str
    body: str
    stars: int
    label: str | None = None

    query_fields = ("title", "body")
    paired_fields = ("title",)

    def describe(self, gold: Any, predicted: Any) -> tuple[tuple[str, str], ...]:
        return (("review", f"{self.title}: {self.body}"), ("stars", f"{gold}, not {predicted}"))


@dataclass(frozen=True)
class Bare(Example):
    id: str
    text: str


REVIEWS = [
    Review("1", "A quiet room", "We slept well in this little house by the river.", 5),
    Review("2", "Never again", "The rain came through the ceiling on every single night.", 1),
]
GERMAN = [replace(REVIEWS[0], title="Ein ruhiges Zimmer"), replace(REVIEWS[1], title="Nie wieder")]


@pytest.mark.parametrize("kind", ["drop", "swap", "case"])
def test_noise_changes_what_is_asked_about_and_nothing_else(kind: str) -> None:
    made = make_variant(kind, REVIEWS)
    assert applies(kind, (Review,)) and not applies(kind, (Bare,))
    assert made.facts["perturbed"] == 2
    for new, old in zip(made.examples, REVIEWS, strict=True):
        assert isinstance(new, Review) and (new.id, new.stars, new.label) == (old.id, old.stars, old.label)
        assert new.asked_texts() != old.asked_texts()
    assert list(make_variant(kind, [Bare("1", "text")]).examples) == [Bare("1", "text")]


def test_mixed_languages_take_the_paired_field_from_the_counterpart() -> None:
    assert applies("mixed", (Review,))
    made = make_variant("mixed", REVIEWS, [("de", GERMAN, "f" * 32)])
    assert [(new.title, new.body) for new in made.examples] == [  # type: ignore[attr-defined]
        (other.title, old.body) for other, old in zip(GERMAN, REVIEWS, strict=True)
    ]
    assert made.facts == {"perturbed": 2, "with": "de"}


def test_answers_of_an_own_class_that_are_lost_or_shifted_are_found() -> None:
    @dataclass(frozen=True)
    class Quote(Example):
        id: str
        report: str
        said: str
        start: int

        def answer_spans(self) -> tuple[str, tuple[Answer, ...]]:
            return self.report, (Answer(self.said, self.start),)

    report = "She said it rained."
    quotes = [
        Quote("1", report, "it rained", 9),
        Quote("2", report, "it rained", 3),
        Quote("3", report, "it snowed", 9),
    ]
    assert list(lost_answers([*quotes, *REVIEWS])) == ["example '3': the answer 'it snowed' is not in its context"]
    assert shifted_answers([*quotes, *REVIEWS]) == 1


def test_mistakes_show_what_the_class_says_or_its_texts() -> None:
    aligned = Aligned(["1", "2"], [5, 1], [4, 2])
    assert of_examples(Labels(), REVIEWS, aligned)(1) == (
        ("review", "Never again: The rain came through the ceiling on every single night."),
        ("stars", "1, not 2"),
    )
    bare = [Bare("1", "first"), Bare("2", "word " * 200)]
    assert of_examples(Labels(), bare, aligned)(0) == (("text", "first"),)
    ((_, long),) = of_examples(Labels(), bare, aligned)(1)
    assert long.endswith(" …") and len(long) < 400


def test_checks_find_double_ids_labels_of_no_task_and_what_the_class_refuses() -> None:
    class Strict(Review):
        def find_problem(self, labels: frozenset[str]) -> str:
            return "" if 1 <= self.stars <= 5 else f"{self.stars} stars"

    assert list(problems([*REVIEWS, REVIEWS[0]])) == ["the id '1' occurs twice"]
    assert list(problems([replace(REVIEWS[0], label="bad")], ("good",))) == [
        "example '1': unknown label 'bad', expected one of good"
    ]
    assert list(problems([Strict("1", "", "", 6)])) == ["example '1': 6 stars"]
    assert list(problems([Bare(None, "")])) == ["example None: its id must be a string"]  # type: ignore[arg-type]


def test_a_label_of_another_name_is_no_text_and_must_be_one_of_the_task() -> None:
    @dataclass(frozen=True)
    class Verdict(Example):
        id: str
        text: str
        verdict: str | None

        label_field = "verdict"

    assert Verdict("1", "text", "guilty").texts() == {"text": "text"}
    assert list(problems([Verdict("1", "text", "guilty"), Verdict("2", "text", None)], ("guilty",))) == []
    assert list(problems([Verdict("1", "text", "innocent")], ("guilty",))) == [
        "example '1': unknown label 'innocent', expected one of guilty"
    ]


@pytest.mark.parametrize(
    ("example", "texts", "asked"),
    [
        (Pair("1", "a", "b", "yes"), {"a": "a", "b": "b"}, {"a": "a", "b": "b"}),
        (Tagged("1", ("a", "b"), None), {"words": "a\nb"}, {"words": "a\nb"}),
        (Question("1", "q", "c", (Answer("c", 0),)), {"question": "q", "context": "c"}, {"question": "q"}),
        (Choice("1", "p", ("a", "b"), 0), {"prompt": "p"}, {"prompt": "p"}),
        (Text("1", "t"), {"text": "t"}, {"text": "t"}),
        (Query("1", "t", ()), {"text": "t"}, {"text": "t"}),
        (Candidate("1", "t"), {"text": "t"}, {}),
        (Match("1", "q", "c"), {"query": "q", "candidate": "c"}, {}),
        (Sentence("1", "t", False), {"text": "t"}, {"text": "t"}),
        (Sentence("1", "t", True), {}, {}),
        (GoldPair("1", "2"), {}, {}),
        (Bare("1", "t"), {"text": "t"}, {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Example) else "",
)
def test_the_texts_of_each_class(example: Example, texts: dict[str, str], asked: dict[str, str]) -> None:
    assert (example.texts(), example.asked_texts()) == (texts, asked)
    assert example.with_texts(**dict(texts.items())) == example
