"""Paragraphs about two people and an organisation, with questions whose answers are spans (SQuAD, XQuAD, MLQA, TyDiQA).

Each paragraph holds facts of the same kinds about different people, so that a question's type alone does not find the
answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.data.sample.grammar import Utterance, ask, join, realise
from harness.data.sample.lexicon import table
from harness.data.sample.meaning import Fact, Ref
from harness.data.sample.tables import Row
from harness.data.sample.world import World

# Frame of the fact -> questions about it: (question, slot it asks for, role of the answer, slots it leaves out)
ASKED = {
    "born": (("born.where", "L"), ("born.when", "T")),
    "lives": (("lives.where", "L"),),
    "works": (("works.what", "O"),),
    "based": (("based.where", "L"),),
    "founded": (("founded.who", "A"), ("founded.what", "O"), ("founded.when", "T")),
    "did": (("did.who", "A"), ("did.what", "O"), ("did.where", "L"), ("did.when", "T"), ("did.count", "N")),
}


@dataclass(frozen=True)
class Asked:
    """A question about one fact of a paragraph; ``missing`` if the paragraph does not hold the fact."""

    key: str
    facts: tuple[tuple[Fact, str], ...]
    about: int
    question: str
    role: str
    topic: Ref
    missing: Fact | None = None

    def text(self, language: str) -> str:
        """The question."""
        unknown = () if self.role == "N" else (self.role,)
        return ask(self.question, self.missing or self.facts[self.about][0], language, *unknown).text

    def row(self, language: str) -> Row:
        """The question with its paragraph in a language, as columns of SQuAD."""
        sentences = [realise(fact, language, style) for fact, style in self.facts]
        answers: dict[str, list[str] | list[int]] = {"text": [], "answer_start": []}
        if self.missing is None:
            text, start = _answer(sentences, self.about, self.role)
            answers = {"text": [text], "answer_start": [start]}
        return {
            "id": self.key,
            "title": realise(Fact("lives", {"A": self.topic}), language).span("A")[0],
            "context": join(sentences),
            "question": self.text(language),
            "answers": answers,
        }


def _answer(sentences: list[Utterance], index: int, role: str) -> tuple[str, int]:
    text, start = sentences[index].span(role)
    before = join(sentences[:index]) if index else ""
    space = 0 if not index or sentences[0].language == "zh" else 1
    return text, len(before) + space + start


def questions(world: World, count: int, *, unanswerable: float = 0.0) -> Iterator[Asked]:
    """Two or three questions a paragraph until there are ``count``; in a share of the paragraphs one has no answer."""
    made = paragraph = 0
    while made < count:
        facts, left_out = _paragraph(world)
        options = [(i, q, role) for i, (fact, _) in enumerate(facts) for q, role in _answerable(fact)]
        world.rng.shuffle(options)
        topic = next(fact["A"] for fact, _ in facts if "A" in fact)
        for number, (index, question, role) in enumerate(options[: min(3, count - made)]):
            key, missing = f"{paragraph:05d}-{number}", None
            if number == 0 and unanswerable and world.chance(unanswerable):
                missing = left_out
                question, role = world.rng.choice(list(_answerable(missing)))
            yield Asked(key, facts, index, question, role, topic, missing)
            made += 1
        paragraph += 1


def _answerable(fact: Fact) -> Iterator[tuple[str, str]]:
    for question, role in ASKED[fact.frame]:
        if role == "N":
            if fact["O"].count:
                yield question, role
        elif role in fact:
            human = fact.frame == "did" and table("verbs")[fact["V"].key].features["kind"] == "human"
            yield ("did.whom" if human and question == "did.what" else question), role


def _paragraph(world: World) -> tuple[tuple[tuple[Fact, str], ...], Fact]:
    one = world.person()
    two = world.person(one)
    founded = world.life("founded", one)
    rival = world.life("founded", two)
    works = Fact("works", {"A": two, "O": world.organisation(founded["O"], rival["O"])})
    based = Fact("based", {"O": founded["O"], "L": world.place()})
    deeds = [world.deed(human=False, counted=True, where=1, when=0.5) for _ in range(2)]
    # Kinds of verb and object differ between the two deeds, so that every question has one answer.
    deeds[1] = deeds[1].put(
        V=_unlike(world, deeds[0]["V"]), O=Ref("noun", world.thing(deeds[0]["O"]).keys, world.count())
    )
    deeds = [deed.put(A=who) for deed, who in zip(deeds, (one, two), strict=True)]
    pairs = [
        [world.life("born", one), world.life("born", two)],
        [world.life("lives", one), world.life("lives", two)],
        [founded, based, rival],
        deeds,
        [works, founded],
    ]
    chosen: list[Fact] = []
    for group in world.rng.sample(pairs, 3):
        chosen += [fact for fact in group if fact not in chosen]
    world.rng.shuffle(chosen)
    left_out = chosen.pop()
    kept = chosen[: world.rng.randint(3, 6)]
    return tuple((fact, "front" if world.chance(0.3) else "") for fact in kept), left_out


def _unlike(world: World, verb: Ref) -> Ref:
    features = table("verbs")
    other = world.verb("thing", verb)
    while features[other.key].features["same"] == features[verb.key].features["same"]:
        other = world.verb("thing", verb)
    return other
