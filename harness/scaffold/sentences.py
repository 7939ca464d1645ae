"""Twelve parallel sentences in three languages, from which the fixtures of new packages are made."""

from __future__ import annotations

from dataclasses import dataclass

_SUBJECTS = {
    "en": ("the child/DET NOUN", "the teacher/DET NOUN", "the dog/DET NOUN", "the doctor/DET NOUN"),
    "de": ("das Kind/DET NOUN", "der Lehrer/DET NOUN", "der Hund/DET NOUN", "die Ärztin/DET NOUN"),
    "sw": ("mtoto/NOUN", "mwalimu/NOUN", "mbwa/NOUN", "daktari/NOUN"),
}
_PREDICATES = {
    "en": ("reads a book/VERB DET NOUN", "finds the food/VERB DET NOUN", "plays at home/VERB ADP NOUN"),
    "de": ("liest ein Buch/VERB DET NOUN", "findet das Essen/VERB DET NOUN", "spielt zu Hause/VERB ADP NOUN"),
    "sw": ("anasoma kitabu/VERB NOUN", "anaona chakula/VERB NOUN", "anacheza nyumbani/VERB NOUN"),
}
_WHO = {"en": "Who {}?", "de": "Wer {}?", "sw": "Nani {}?"}
TAGS = ("ADP", "DET", "NOUN", "VERB")


@dataclass(frozen=True)
class Simple:
    """A sentence as its two halves, the tags of its words, and the question for its subject."""

    subject: str
    predicate: str
    tags: tuple[str, ...]
    question: str

    @property
    def text(self) -> str:
        """The sentence."""
        return f"{self.subject} {self.predicate}"


def sentences(code: str) -> list[Simple]:
    """Sentence i of one language translates sentence i of another."""
    found = []
    for subject, subject_tags in (part.split("/") for part in _SUBJECTS[code]):
        for predicate, predicate_tags in (part.split("/") for part in _PREDICATES[code]):
            tags = (*subject_tags.split(), *predicate_tags.split())
            found.append(Simple(subject, predicate, tags, _WHO[code].format(predicate)))
    return found
