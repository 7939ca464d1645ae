"""The typed examples that tasks yield, one class for each shape of input.

An ``id`` is unique within a (task, language, split); parallel data keeps one id over languages where the source has one.
A missing label is ``None``: such examples are predicted but not scored. A family may define its own class: a frozen
dataclass derived from :class:`Example`, with an ``id``. What a class says here is all that limits, fingerprints, objectives,
perturbations, breakdowns, reports and checks know of it: none of them asks which class it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from harness.core.errors import DataError, UsageError
from harness.types.pictures import Picture
from harness.types.shuffled_labels import permuted, random_span, random_tags

if TYPE_CHECKING:
    from numpy.random import Generator

Described = tuple[tuple[str, str], ...]
"""Labelled texts, as a list of mistakes shows an example."""


@dataclass(frozen=True, slots=True)
class PoolRole:
    """Part that an example plays in a split whose examples belong together: a search, or two pools to mine.

    ``pool`` is the pool in which it may be found, "" where it is in none. ``links`` are the members of pools that belong to
    it, each as (pool, id): the candidates that answer a query, both sentences of a gold pair. ``counts`` is False for what
    comes along with the examples that are limited: candidates, the other side of a pool, labels such as gold pairs.
    """

    pool: str = ""
    links: tuple[tuple[str, str], ...] = ()
    counts: bool = True


ALONE = PoolRole()
"""The role of an example that is predicted by itself."""


class Example:
    """Base of all classes of examples.

    ``query_fields`` are the texts that are asked about, which a perturbation may change: never what answers are read from.
    ``paired_fields`` are those that may be in another language than the rest (``--perturb mixed``). A class label is called
    ``label``, tags of words ``tags``; ``label_field`` is the field of whatever is learned, "" for text without labels.
    ``word_field`` has a sentence as words, where the source has taken it apart, ``written_field`` the same words with the
    spaces before them: that field is no part of the fingerprint of the data, as only some models see it.
    """

    __slots__ = ()

    query_fields: ClassVar[tuple[str, ...]] = ()
    paired_fields: ClassVar[tuple[str, ...]] = ()
    label_field: ClassVar[str] = "label"
    word_field: ClassVar[str] = ""
    written_field: ClassVar[str] = ""

    def texts(self) -> dict[str, str]:
        """The texts in the language of the unit, by field: by default all strings but ``id`` and the label."""
        names: list[str] = [field.name for field in fields(self)] if is_dataclass(self) else []
        values = {name: getattr(self, name) for name in names if name not in ("id", "label", self.label_field)}
        return {name: value for name, value in values.items() if isinstance(value, str)}

    def shared_text(self) -> str:
        """The text that it shares with the examples that belong to it: by default the first of its texts.

        Examples with one shared text are held out together: hypotheses of one premise, questions about one passage.
        """
        return next(iter(self.texts().values()), "")

    def asked_texts(self) -> dict[str, str]:
        """The texts of ``query_fields``."""
        texts = self.texts() if self.query_fields else {}
        return {name: texts[name] for name in self.query_fields if name in texts}

    def split_words(self) -> Sequence[str]:
        """The words of ``word_field``; none where the source has not taken the text apart."""
        return getattr(self, self.word_field) if self.word_field else ()

    def written_words(self) -> Sequence[str]:
        """The words of ``written_field``; none where the source does not tell."""
        return getattr(self, self.written_field) if self.written_field else ()

    def with_texts(self, **texts: str) -> Self:
        """A copy with other texts; the label, and what labels point into, must stay right."""
        return replace(self, **texts)  # type: ignore[type-var]

    def in_place_of(self, original: Self) -> Self:
        """This translation, to be scored in place of its original: under its id, with its label.

        DataError where labels cannot be carried over: tags of words, and what has no label at all.
        """
        if not self.label_field or self.word_field or not hasattr(self, self.label_field):
            raise DataError(
                f"example {getattr(original, 'id', '')!r}: a translation cannot take its place, as labels do not carry over"
            )
        kept = {"id": getattr(original, "id", None), self.label_field: getattr(original, self.label_field)}
        return replace(self, **kept)  # type: ignore[type-var]

    def pool_role(self) -> PoolRole:
        """Its part in a split whose examples belong together; by default it is predicted by itself."""
        return ALONE

    def has_label(self) -> bool:
        """Tells whether it says what is learned from it."""
        return bool(self.label_field) and getattr(self, self.label_field, None) is not None

    def unique_key(self) -> Hashable:
        """Key that is unique in its split; None where nothing need be unique."""
        return getattr(self, "id", None)

    def find_problem(self, labels: frozenset[str]) -> str:
        """Finds why it cannot be used, "" if it can: wrong types, or labels that are none of the task's, if it declares any."""
        label = getattr(self, self.label_field, None)
        if isinstance(label, str) and labels and label not in labels:
            return f"unknown label {label!r}, expected one of {', '.join(sorted(labels))}"
        return ""

    def describe(self, gold: Any, predicted: Any) -> Described:
        """Describes it for a list of mistakes: by default its texts under the names of their fields."""
        return tuple(self.texts().items())

    def answer_spans(self) -> tuple[str, Sequence[Answer]]:
        """The context and the spans of it that answer: by default none, as where nothing is read from a context."""
        return "", ()

    @classmethod
    def in_file_order(cls, examples: Sequence[Self]) -> Sequence[Self]:
        """The examples of a split in the order of its prediction file, where that has no ids."""
        return examples

    @classmethod
    def with_shuffled_labels(cls, examples: Sequence[Self], rng: Generator) -> list[Self]:
        """The examples with labels that do not depend on them (the control ``shuffled``): by default those of others.

        Examples without a label keep none. The same ``rng`` gives the same labels.
        """
        return permuted(examples, cls.label_field, rng)

    @classmethod
    def with_mismatched_images(cls, examples: Sequence[Self], rng: Generator) -> list[Self]:
        """The examples with the pictures of others (the control ``mismatched``). UsageError where there are none."""
        raise UsageError(f"objective 'mismatched': {cls.__name__} examples have no pictures")


def pool_role(example: Any) -> PoolRole:
    """The role of an example; one of a class that is not derived from :class:`Example` is predicted by itself."""
    return example.pool_role() if isinstance(example, Example) else ALONE


def unlabelled(examples: Sequence[Any]) -> bool:
    """Tells whether these are text without labels."""
    return bool(examples) and not getattr(examples[0], "label_field", Example.label_field)


def _no_strings(what: str, *values: Any) -> str:
    return "" if all(isinstance(value, str) for value in values) else f"{what} must be strings"


def _no_string(what: str, value: Any) -> str:
    return "" if isinstance(value, str) else f"{what} must be a string"


@dataclass(frozen=True, slots=True)
class Pair(Example):
    """Two texts and the relation between them; ``b`` may be empty for single-text classification."""

    id: str
    a: str
    b: str
    label: str | None

    query_fields = ("a", "b")
    paired_fields = ("b",)

    def find_problem(self, labels: frozenset[str]) -> str:
        """Texts and label, see :class:`Example`."""
        wrong = _no_strings("its texts", self.a, self.b) or _no_string("its label", self.label or "")
        return wrong or Example.find_problem(self, labels)

    def describe(self, gold: Any, predicted: Any) -> Described:
        """Both texts, or the only one."""
        return (("first", self.a), ("second", self.b)) if self.b else (("text", self.a),)


@dataclass(frozen=True, slots=True)
class Tagged(Example):
    """A sentence as words, with one tag a word.

    ``written`` has the words as the running text spells them, each with the space before it, if there is one; () where
    the source does not tell. It is no part of the data's fingerprint: only some tokenizers need it.
    """

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...] | None
    written: tuple[str, ...] = ()

    query_fields = ("words",)
    label_field = "tags"
    word_field = "words"
    written_field = "written"

    def texts(self) -> dict[str, str]:
        """The words, each on a line."""
        return {"words": "\n".join(self.words)}

    def with_texts(self, **texts: str) -> Self:
        """Each word keeps its place and its tag: the same sentence where that cannot be."""
        words = texts["words"].split("\n")
        if len(words) != len(self.words):
            return self
        words = [new or old for new, old in zip(words, self.words, strict=True)]
        return replace(self, words=tuple(words), written=self._rewritten(words))

    def _rewritten(self, words: Sequence[str]) -> tuple[str, ...]:
        """The new words with the spaces before the old ones; words that stay as they were stay as they are written."""
        return tuple(
            text if new == old else text[: len(text) - len(text.lstrip())] + new
            for text, new, old in zip(self.written, words, self.words, strict=False)
        )

    def find_problem(self, labels: frozenset[str]) -> str:
        """Words, and a known tag for each."""
        words, tags = self.words, self.tags
        wrong = _no_strings("its words", *words) or _no_strings("its tags", *(tags or ()))
        if not wrong and tags is not None and len(tags) != len(words):
            return f"{len(words)} words but {len(tags)} tags"
        if not wrong and tags is not None and labels and not labels.issuperset(tags):
            return f"unknown tag {next(tag for tag in tags if tag not in labels)!r}"
        return wrong

    def describe(self, gold: Any, predicted: Any) -> Described:
        """The sentence, with the words that are tagged otherwise."""
        wrong = [
            f"{word} ({right} → {guess})"
            for word, right, guess in zip(self.words, gold, predicted, strict=False)
            if right != guess
        ]
        return (("sentence", " ".join(self.words)), ("words", ", ".join(wrong)))

    @classmethod
    def with_shuffled_labels(cls, examples: Sequence[Self], rng: Generator) -> list[Self]:
        """Tags drawn for each word type from the distribution of tags."""
        tag_of = random_tags([(example.words, example.tags) for example in examples], rng)
        return [
            replace(example, tags=tuple(tag_of[word] for word in example.words))
            if example.tags is not None
            else example
            for example in examples
        ]


@dataclass(frozen=True, slots=True)
class Answer:
    """A span of a context: ``context[start:start + len(text)] == text``, in characters."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question(Example):
    """A question about a context. No answers and ``impossible`` set: the context holds none (SQuAD v2.0)."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    impossible: bool = False

    query_fields = ("question",)
    paired_fields = ("question",)
    label_field = "answers"

    def find_problem(self, labels: frozenset[str]) -> str:
        """Texts, and answers with offsets."""
        if not all(isinstance(answer, Answer) and type(answer.start) is int for answer in self.answers):
            return "its answers must have whole numbers as offsets"
        wrong = _no_strings("question and context", self.question, self.context)
        return wrong or _no_strings("its answers", *(answer.text for answer in self.answers))

    def shared_text(self) -> str:
        """The context."""
        return self.context

    def in_place_of(self, original: Self) -> Self:
        """This translation under the id of its original; the answers are those of the translation."""
        return replace(self, id=original.id)

    def has_label(self) -> bool:
        """An answer, or that the context holds none."""
        return bool(self.answers) or self.impossible

    def answer_spans(self) -> tuple[str, Sequence[Answer]]:
        """The context and the answers; none where the context holds none."""
        return self.context, self.answers

    @classmethod
    def with_shuffled_labels(cls, examples: Sequence[Self], rng: Generator) -> list[Self]:
        """Questions with one random answer each, a stretch of the context as long as their first one."""
        return [example._with_other_answer(rng) if example.answers else example for example in examples]

    def _with_other_answer(self, rng: Generator) -> Self:
        start, end = random_span(self.context, self.answers[0].text, rng)
        return replace(self, answers=(Answer(self.context[start:end], start),))


@dataclass(frozen=True, slots=True)
class Choice(Example):
    """A prompt and its possible continuations; ``answer`` indexes ``options``."""

    id: str
    prompt: str
    options: tuple[str, ...]
    answer: int | None

    query_fields = ("prompt",)
    label_field = "answer"

    def find_problem(self, labels: frozenset[str]) -> str:
        """Texts, and an answer that is one of the options."""
        wrong = _no_strings("its prompt and options", self.prompt, *self.options)
        right = self.answer is None or (isinstance(self.answer, int) and 0 <= self.answer < len(self.options))
        return wrong or ("" if right else f"answer {self.answer!r} is not one of its {len(self.options)} options")

    def describe(self, gold: Any, predicted: Any) -> Described:
        """The prompt, the right option and the chosen one."""

        def option(index: Any) -> str:
            return self.options[index] if isinstance(index, int) and 0 <= index < len(self.options) else str(index)

        return (("prompt", self.prompt), ("right option", option(gold)), ("chosen option", option(predicted)))

    @classmethod
    def with_shuffled_labels(cls, examples: Sequence[Self], rng: Generator) -> list[Self]:
        """Answers of others with as many options."""
        return permuted(examples, cls.label_field, rng, alike=lambda example: len(example.options))


@dataclass(frozen=True, slots=True)
class Text(Example):
    """Running text without any label: a sentence, or a stretch of a document (masked language modelling)."""

    id: str
    text: str

    query_fields = ("text",)
    label_field = ""

    def find_problem(self, labels: frozenset[str]) -> str:
        """The text."""
        return _no_string("its text", self.text)


@dataclass(frozen=True, slots=True)
class Source(Example):
    """A text, and the text that is to be written for it: an answer, a summary, the sentence without noise.

    ``language`` is the code of the language that the target is to be in, "" where that is the language of the unit.
    """

    id: str
    text: str
    target: str | None
    language: str = ""

    query_fields = ("text",)
    label_field = "target"

    def texts(self) -> dict[str, str]:
        """The text that is read."""
        return {"text": self.text}

    def find_problem(self, labels: frozenset[str]) -> str:
        """Text, target and language."""
        wrong = _no_string("its text", self.text) or _no_string("its target", self.target or "")
        return wrong or _no_string("its language", self.language)

    def in_place_of(self, original: Self) -> Self:
        """This translation under the id of its original; the target is that of the translation."""
        return replace(self, id=original.id)

    def describe(self, gold: Any, predicted: Any) -> Described:
        """The text, its target, and what was written."""
        return (("text", self.text), ("target", str(gold)), ("written", "" if predicted is None else str(predicted)))


@dataclass(frozen=True, slots=True)
class Captioned(Example):
    """A picture and what a caption says of it.

    ``others`` are further captions of the picture in the same language that are as true. ``spans`` are the stretches of the
    caption, (start, end) in characters, that only the picture tells: those that are to be filled in where a caption is
    predicted; () where nobody has marked them. ``facts`` describe the picture for a metric, as JSON; "" without any.
    """

    id: str
    image: Picture
    caption: str
    language: str
    others: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    facts: str = ""

    label_field = "caption"

    def texts(self) -> dict[str, str]:
        """The caption."""
        return {"caption": self.caption}

    def shared_text(self) -> str:
        """The name of the picture: all of its captions, in any language, are held out together."""
        return self.image.name

    def find_problem(self, labels: frozenset[str]) -> str:
        """A picture, texts, and spans that are in the caption, one after the other."""
        if not isinstance(self.image, Picture):
            return "its image must be a Picture"
        wrong = _no_strings("caption, language and facts", self.caption, self.language, self.facts)
        wrong = wrong or _no_strings("its other captions", *self.others)
        places = [place for span in self.spans for place in span]
        if not wrong and (places != sorted(places) or any(not 0 <= place <= len(self.caption) for place in places)):
            return "its spans must be in the caption, one after the other"
        return wrong

    def describe(self, gold: Any, predicted: Any) -> Described:
        """The name of the picture, its caption and the predicted one."""
        return (("image", self.image.name), ("caption", self.caption), ("predicted", str(predicted)))

    @classmethod
    def with_shuffled_labels(cls, examples: Sequence[Self], rng: Generator) -> list[Self]:
        """Captions with the pictures of others, so that all that is known of a caption stays with it."""
        return permuted(examples, "image", rng)

    @classmethod
    def with_mismatched_images(cls, examples: Sequence[Self], rng: Generator) -> list[Self]:
        """Captions of which none has its own picture; those of one picture share another one."""
        pictures = list({example.image.identity: example.image for example in examples}.values())
        if len(pictures) < 2:
            raise UsageError("objective 'mismatched': captions of two pictures or more expected")
        order = rng.permutation(len(pictures)).tolist()
        others = {
            pictures[own].identity: pictures[other] for own, other in zip(order, order[-1:] + order[:-1], strict=True)
        }
        return [replace(example, image=others[example.image.identity]) for example in examples]


@dataclass(frozen=True, slots=True)
class Match(Example):
    """A text and the one that a search for it should find: what a dual encoder is trained on."""

    id: str
    query: str
    candidate: str

    label_field = "candidate"

    def texts(self) -> dict[str, str]:
        """Both texts."""
        return {"query": self.query, "candidate": self.candidate}

    def find_problem(self, labels: frozenset[str]) -> str:
        """Both texts."""
        return _no_strings("its texts", self.query, self.candidate)


@dataclass(frozen=True, slots=True)
class Query(Example):
    """A text to search a pool of candidates with, and the ids of those that answer it (empty: not known)."""

    id: str
    text: str
    relevant: tuple[str, ...]

    query_fields = ("text",)

    def pool_role(self) -> PoolRole:
        """Linked to the candidates that answer it."""
        return PoolRole(links=tuple((_CANDIDATE.pool, name) for name in self.relevant))

    def find_problem(self, labels: frozenset[str]) -> str:
        """The text."""
        return _no_string("its text", self.text)

    def describe(self, gold: Any, predicted: Any) -> Described:
        """The query, what answers it, and what was found first."""
        first = str(predicted[0]) if isinstance(predicted, list | tuple) and predicted else "nothing"
        return (("query", self.text), ("right", ", ".join(map(str, gold))), ("predicted", first))


@dataclass(frozen=True, slots=True)
class Candidate(Example):
    """A text that queries may find."""

    id: str
    text: str

    def pool_role(self) -> PoolRole:
        """A member of the pool that is searched."""
        return _CANDIDATE

    def find_problem(self, labels: frozenset[str]) -> str:
        """The text."""
        return _no_string("its text", self.text)


@dataclass(frozen=True, slots=True)
class Translation(Example):
    """A foreign sentence and its English translation (sentence retrieval: row i answers row i)."""

    id: str
    foreign: str
    english: str

    query_fields = ("foreign",)

    def texts(self) -> dict[str, str]:
        """The foreign sentence."""
        return {"foreign": self.foreign}

    def find_problem(self, labels: frozenset[str]) -> str:
        """Both texts."""
        return _no_strings("its texts", self.foreign, self.english)

    @classmethod
    def in_file_order(cls, examples: Sequence[Self]) -> Sequence[Self]:
        """Sorted by the English side, see :func:`sorted_english`."""
        return [examples[row] for row in sorted_english(examples)]


@dataclass(frozen=True, slots=True)
class Sentence(Example):
    """One sentence of a mining pool, on the foreign or on the English side."""

    id: str
    text: str
    english: bool

    query_fields = ("text",)

    def texts(self) -> dict[str, str]:
        """The text of a foreign sentence."""
        return {} if self.english else {"text": self.text}

    def pool_role(self) -> PoolRole:
        """A member of its side's pool; the foreign side counts."""
        return _ENGLISH if self.english else _FOREIGN

    def unique_key(self) -> Hashable:
        """The id and the side: ids are unique on each."""
        return (self.id, self.english)

    def find_problem(self, labels: frozenset[str]) -> str:
        """The text."""
        return _no_string("its text", self.text)


@dataclass(frozen=True, slots=True)
class GoldPair(Example):
    """A pair of sentence ids (foreign, English) that are translations of each other."""

    foreign: str
    english: str

    def texts(self) -> dict[str, str]:
        """None: these are ids."""
        return {}

    def pool_role(self) -> PoolRole:
        """A label of two sentences."""
        return PoolRole(links=((_FOREIGN.pool, self.foreign), (_ENGLISH.pool, self.english)), counts=False)

    def find_problem(self, labels: frozenset[str]) -> str:
        """Both ids."""
        return _no_strings("its texts", self.foreign, self.english)


_CANDIDATE = PoolRole("candidates", counts=False)
_FOREIGN = PoolRole("foreign")
_ENGLISH = PoolRole("english", counts=False)


def sorted_english(examples: Sequence[Translation]) -> list[int]:
    """The order of the test file: row numbers of the examples, sorted by English sentence (code points).

    XTREME sorts the English side so that the line number does not give the answer away. ``sorted_english(examples)[i]``
    is both the example of line i and its gold label: the 0-based row of the foreign sentence.
    """
    return sorted(range(len(examples)), key=lambda row: examples[row].english)


DEPTH = 20
"""Ranks that count, in LAReQA and Mewsli-X."""
