"""Templates of tasks for the families that come with the harness: how a task reads its rows, and rows for its fixture."""

from __future__ import annotations

from harness.scaffold.sentences import TAGS, sentences
from harness.types.task_template import Rows, TaskTemplate


def _pairs(code: str, split: str) -> Rows:
    found = sentences(code)
    return [
        {
            "id": f"{split}-{i}",
            "a": one.text,
            "b": found[i - i % 2].text,
            "label": "different" if i % 2 else "same",
        }
        for i, one in enumerate(found)
    ]


def _tagged(code: str, split: str) -> Rows:
    return [
        {"id": f"{split}-{i}", "words": one.text.split(), "tags": list(one.tags)}
        for i, one in enumerate(sentences(code))
    ]


def _questions(code: str, split: str) -> Rows:
    found = sentences(code)
    rows = []
    for i, one in enumerate(found):
        others = [other.text for other in found if other.predicate != one.predicate][:2]
        context = f"{'. '.join([others[0], one.text, others[1]])}."
        answers = [{"text": one.subject, "start": len(others[0]) + 2}]
        rows.append({"id": f"{split}-{i}", "question": one.question, "context": context, "answers": answers})
    return rows


def _choices(code: str, split: str) -> Rows:
    found = sentences(code)
    return [
        {
            "id": f"{split}-{i}",
            "prompt": one.subject,
            "options": [found[(i + j) % 3].predicate for j in range(2)],
            "answer": (i // 3) % 2,
        }
        for i, one in enumerate(found)
    ]


def _translations(code: str, split: str) -> Rows:
    both = zip(sentences(code), sentences("en"), strict=True)
    return [
        {"id": f"{split}-{i}", "foreign": foreign.text, "english": english.text}
        for i, (foreign, english) in enumerate(both)
    ]


def _pools(code: str, split: str) -> Rows:
    foreign, english = sentences(code)[:10], sentences("en")[2:]
    rows: Rows = [{"id": f"{code}-{i}", "text": one.text, "english": False} for i, one in enumerate(foreign)]
    rows += [{"id": f"en-{i}", "text": one.text, "english": True} for i, one in enumerate(english, start=2)]
    return rows + [{"pair": [f"{code}-{i}", f"en-{i}"]} for i in range(2, 10)]


def _searches(code: str, split: str) -> Rows:
    found = sentences(code)
    if split != "test":
        return [{"id": f"{split}-{i}", "query": one.question, "candidate": one.text} for i, one in enumerate(found)]
    rows: Rows = [{"candidate": f"{code}-{i}", "text": one.text} for i, one in enumerate(found)]
    return rows + [
        {"query": f"{split}-{i}", "text": one.question, "relevant": [f"{code}-{i}"]} for i, one in enumerate(found)
    ]


def _texts(code: str, split: str) -> Rows:
    return [{"id": f"{split}-{i}", "text": one.text} for i, one in enumerate(sentences(code))]


def _sources(code: str, split: str) -> Rows:
    return [{"id": f"{split}-{i}", "text": one.question, "target": one.text} for i, one in enumerate(sentences(code))]


def _captions(code: str, split: str) -> Rows:
    rows = []
    for i, one in enumerate(sentences(code)):
        pixels = [str((i * 53 + place * 97) % 256) for place in range(2 * 2 * 3)]
        picture = f"P3 2 2 255 {' '.join(pixels)}"
        spans = [[one.text.rfind(" ") + 1, len(one.text)]]
        rows.append({"id": f"{split}-{i}", "picture": picture, "caption": one.text, "language": code, "spans": spans})
    return rows


PAIRS = TaskTemplate(
    imports="Pair",
    returns="Pair",
    read='return Pair(row["id"], row["a"], row["b"], row["label"])',
    rows=_pairs,
    labels=("different", "same"),
)
TAGGED = TaskTemplate(
    imports="Tagged",
    returns="Tagged",
    read='return Tagged(row["id"], tuple(row["words"]), tuple(row["tags"]))',
    rows=_tagged,
    labels=TAGS,
)
QUESTIONS = TaskTemplate(
    imports="Answer, Question",
    returns="Question",
    read="""answers = tuple(Answer(answer["text"], answer["start"]) for answer in row["answers"])
return Question(row["id"], row["question"], row["context"], answers)""",
    rows=_questions,
    metric="squad",
)
CHOICES = TaskTemplate(
    imports="Choice",
    returns="Choice",
    read='return Choice(row["id"], row["prompt"], tuple(row["options"]), row["answer"])',
    rows=_choices,
)
TRANSLATIONS = TaskTemplate(
    imports="Translation",
    returns="Translation",
    read='return Translation(row["id"], row["foreign"], row["english"])',
    rows=_translations,
    languages=("de", "sw"),
    splits=("test",),
    trains=False,
)
POOLS = TaskTemplate(
    imports="GoldPair, Sentence",
    returns="Sentence | GoldPair",
    read="""if "pair" in row:
    return GoldPair(*row["pair"])
return Sentence(row["id"], row["text"], row["english"])""",
    rows=_pools,
    metric="mining_f1",
    languages=("de", "sw"),
    trains=False,
)
SEARCHES = TaskTemplate(
    imports="Candidate, Match, Query",
    returns="Candidate | Match | Query",
    read="""if "relevant" in row:
    return Query(row["query"], row["text"], tuple(row["relevant"]))
if "text" in row:
    return Candidate(row["candidate"], row["text"])
return Match(row["id"], row["query"], row["candidate"])""",
    rows=_searches,
    metric="average_precision",
)
SOURCES = TaskTemplate(
    imports="Source",
    returns="Source",
    read='return Source(row["id"], row["text"], row["target"])',
    rows=_sources,
    metric="generation",
)
TEXTS = TaskTemplate(
    imports="Text",
    returns="Text",
    read='return Text(row["id"], row["text"])',
    rows=_texts,
    metric="harness:MaskedTokens",
)
CAPTIONS = TaskTemplate(
    imports="Captioned, Picture",
    returns="Captioned",
    read="""picture = Picture.of_bytes(row["picture"].encode(), row["id"])
spans = tuple((begin, end) for begin, end in row["spans"])
return Captioned(row["id"], picture, row["caption"], row["language"], spans=spans)""",
    rows=_captions,
    metric="caption_match",
    options={"tower_at_inference": "kept"},
)
