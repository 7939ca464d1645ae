"""Multiple choice from everyday scripts (what causes what, how it feels, what comes next) and from knowledge of things.

The wrong options are right ones of other rows, so that only the prompt tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.data.sample.lexicon import records, table
from harness.data.sample.meaning import Ref
from harness.data.sample.morphology import gender, name
from harness.data.sample.tables import Row
from harness.data.sample.world import World

Record = dict[str, str]
STORIES = ("en", "sw", "zh")  # the languages of scripts.tsv
FRAMES = {"en": "{} {}.", "sw": "{} {}.", "zh": "{}{}。"}
SUBJECTS = {"en": "He She", "sw": "Yeye Yeye", "zh": "他 她"}


def _distinct(world: World, count: int, draw: Callable[[], Row], *key: str) -> Iterator[Row]:
    seen: set[str] = set()
    while len(seen) < count:
        row = draw()
        text = str([row[column] for column in key])
        if text not in seen:
            seen.add(text)
            yield row


def _given(world: World) -> tuple[Ref, int]:
    """Somebody known by the given name, and which pronoun fits."""
    who = Ref("person", (world.person().key, ""))
    return who, int(gender("en", who) == "f")


def _options(world: World, rows: tuple[Record, ...], right: Record, column: str, count: int) -> tuple[list[str], int]:
    """``count`` values of a column in random order, and the place of the right one."""
    wrong = world.rng.sample([row[column] for row in rows if row[column] != right[column]], count - 1)
    place = world.rng.randrange(count)
    return [*wrong[:place], right[column], *wrong[place:]], place


def hellaswag(world: World, count: int, split: str) -> Iterator[Row]:
    """Asks which ending follows."""
    scripts = records("scripts")

    def draw() -> Row:
        script = world.rng.choice(scripts)
        who, female = _given(world)
        subject = SUBJECTS["en"].split()[female]
        context = f"{table('names')[who.key].cells['en']} {script['cause']}. {subject} {script['event']}."
        then = f"then {subject.lower()}"
        endings, place = _options(world, scripts, script, "effect", 4)
        return {
            "activity_label": script["concept"].capitalize(),
            "ctx_a": context,
            "ctx_b": then,
            "ctx": f"{context} {then}",
            "endings": [f"{ending}." for ending in endings],
            "source_id": "",
            "split": split,
            "split_type": "indomain",
            "label": str(place),
        }

    for index, row in enumerate(_distinct(world, count, draw, "ctx", "endings")):
        yield {"ind": index, **row}


def cosmosqa(world: World, count: int) -> Iterator[Row]:
    """Asks why, and what next, of a short story that tells only one thing."""
    scripts = records("scripts")
    asked = {
        "cause": "Why did this happen ?",
        "effect": "What may have happened next ?",
        "feeling": "How did {} feel ?",
    }

    def draw() -> Row:
        script = world.rng.choice(scripts)
        column = world.rng.choice(list(asked))
        who, female = _given(world)
        subject = SUBJECTS["en"].split()[female]
        person = table("names")[who.key].cells["en"]
        told = f"{subject} told me that {subject.lower()} {script['event']} ."
        context = f"I met {person} on {world.day().key.capitalize()} . {told}"
        options, place = _options(world, scripts, script, column, 4)
        answers = options if column == "feeling" else [f"{subject} {option} ." for option in options]
        return {"context": context, "question": asked[column].format(person), "label": place} | {
            f"answer{i}": answer for i, answer in enumerate(answers)
        }

    for index, row in enumerate(_distinct(world, count, draw, "context", "question", "answer0", "answer1")):
        yield {"id": f"sample-{index:05d}", **row}


def social_iqa(world: World, count: int) -> Iterator[Row]:
    """Feelings, next wishes and earlier deeds of a person in a story."""
    scripts = records("scripts")
    asked = {
        "feeling": "How would {} feel afterwards?",
        "next": "What will {} want to do next?",
        "effect": "What will happen to {}?",
    }

    def draw() -> Row:
        script = world.rng.choice(scripts)
        column = world.rng.choice(list(asked))
        person = table("names")[_given(world)[0].key].cells["en"]
        (one, two, three), place = _options(world, scripts, script, column, 3)
        return {
            "context": f"{person} {script['event']}.", "question": asked[column].format(person),
            "answerA": one, "answerB": two, "answerC": three, "label": str(place + 1),
        }  # fmt: skip

    return _distinct(world, count, draw, "context", "question", "answerA", "answerB", "answerC")


def commonsenseqa(world: World, count: int) -> Iterator[Row]:
    """Texts about where things are, what they are for, and what they have."""
    things = records("knowledge")
    asked = {
        "place": ("Where would {} find the {}?", "Where did {} most likely see the {}?"),
        "use": ("What does {} use the {} for?", "What can {} do with the {}?"),
        "part": ("What part of the {1} did {0} touch?", "What does the {1} of {0} have?"),
    }

    def draw() -> Row:
        thing = world.rng.choice(things)
        column = world.rng.choice(list(asked))
        person = table("names")[_given(world)[0].key].cells["en"]
        options, place = _options(world, things, thing, column, 5)
        return {
            "question": world.rng.choice(asked[column]).format(person, thing["concept"]),
            "question_concept": thing["concept"],
            "choices": {"label": list("ABCDE"), "text": options},
            "answerKey": "ABCDE"[place],
        }

    for index, row in enumerate(_distinct(world, count, draw, "question", "choices")):
        yield {"id": f"sample-{index:05d}", **row}


def copa(world: World, count: int, *languages: str) -> Iterator[dict[str, Row]]:
    """Asks which of two is the cause, or the effect: a row a language, all saying the same."""
    scripts = records("scripts")

    def draw() -> Row:
        right, wrong = world.rng.sample(scripts, 2)
        asked = world.rng.choice(("cause", "effect"))
        who, female = _given(world)
        label = world.rng.randrange(2)
        rows: Row = {}
        for language in languages:
            suffix = "" if language == "en" else f".{language}"
            person = name(language, who.key, "", "")[0].text
            subject = SUBJECTS[language].split()[female]
            texts = [FRAMES[language].format(subject, script[asked + suffix]) for script in (right, wrong)]
            rows[language] = {
                "premise": FRAMES[language].format(person, right["event" + suffix]),
                "choice1": texts[label], "choice2": texts[1 - label],
                "question": asked, "label": label,
            }  # fmt: skip
        return rows

    for index, rows in enumerate(_distinct(world, count, draw, languages[0])):
        yield {language: {**row, "idx": index} for language, row in rows.items()}
