"""Writes the sample corpus: every data set that first-party tasks read, in the layout of the Hub."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from harness.core.errors import UsageError, did_you_mean
from harness.core.files import write_atomic
from harness.data.sample.bitext import parallel
from harness.data.sample.choices import STORIES, copa
from harness.data.sample.grammar import join_texts
from harness.data.sample.intermediate import write_intermediate
from harness.data.sample.lexicon import LANGUAGES, synonyms, table
from harness.data.sample.questions import questions
from harness.data.sample.search import TASKS as SEARCH_TASKS
from harness.data.sample.search import write_search
from harness.data.sample.sizes import Size
from harness.data.sample.tables import write_lines
from harness.data.sample.targets import TASKS, write_targets
from harness.data.sample.topics import write_topics
from harness.data.sample.world import World

VERSION = 5
MARKER = "sample-corpus.json"
CORPUS = "harness sample corpus"


def sample_languages() -> tuple[str, ...]:
    """The ten languages of the sample corpus, in six scripts."""
    return LANGUAGES


def sample_text(language: str, *, seed: int = 0, size: str | float = "default") -> list[str]:
    """Plain sentences of a language, for a tokenizer and for masked language modelling.

    Statements, then questions: the same in all languages, line by line. English, Swahili and Chinese continue with the
    everyday stories of the choice tasks.
    """
    if language not in LANGUAGES:
        raise UsageError(f"the sample corpus has no {language!r}", hint=did_you_mean(language, LANGUAGES))
    return list(_text(seed, Size.of(size))[language])


def synonym_table() -> dict[str, list[str]]:
    """The English forms of the corpus's verbs, each with the same form of the verbs that mean the same."""
    verbs = table("verbs")
    found: dict[str, set[str]] = {}
    for concept, entry in verbs.items():
        for other in synonyms(concept):
            for form, same in zip(entry.forms("en"), verbs[other].forms("en"), strict=True):
                found.setdefault(form, set()).add(same)
    return {form: sorted(same - {form}) for form, same in sorted(found.items())}


def write_sample_corpus(folder: Path, *, seed: int = 0, size: str | float = "default") -> None:
    """Writes the corpus under ``folder``: the same bytes for the same seed and size.

    ``size`` is "default" (2,400 English training examples a task), "tiny", or a factor. The marker file
    ``sample-corpus.json``, by which the harness detects that scores are not benchmark scores, is there from the first
    moment, and describes the corpus once it is whole.
    """
    folder = Path(folder)
    sizes = Size.of(size)
    write_atomic(folder / MARKER, json.dumps({"corpus": CORPUS, "unfinished": True}) + "\n")
    write_targets(folder, seed, sizes)
    write_intermediate(folder, seed, sizes)
    write_search(folder, seed, sizes)
    write_topics(folder, seed, sizes)
    texts = _text(seed, sizes)
    for language in LANGUAGES:
        write_lines(folder / "text" / f"{language}.txt", texts[language])
    write_atomic(folder / "synonyms" / "en.json", json.dumps(synonym_table(), indent=1) + "\n")
    marker = {
        "corpus": CORPUS,
        "version": VERSION,
        "seed": seed,
        "size": {"train": sizes.train, "dev": sizes.dev, "test": sizes.test},
        "languages": list(LANGUAGES),
        "tasks": {task: codes.split() for task, codes in (TASKS | SEARCH_TASKS).items()},
    }
    write_atomic(folder / MARKER, json.dumps(marker, indent=2) + "\n")


def has_sample_corpus(folder: Path) -> bool:
    """Tells whether the folder holds a whole sample corpus: a killed process leaves part of one."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(marker, dict) and marker.get("version") == VERSION


@lru_cache(maxsize=1)
def _text(seed: int, size: Size) -> dict[str, list[str]]:
    statements = list(parallel(World(seed, "text"), size.text, LANGUAGES))
    asked = list(questions(World(seed, "text/questions"), size.text // 4))
    texts = {
        language: [line[language] for line in statements] + [question.text(language) for question in asked]
        for language in LANGUAGES
    }
    stories = list(copa(World(seed, "text/stories"), size.text // 8, *STORIES))
    for language in STORIES:
        for rows in stories:
            row = rows[language]
            texts[language].append(join_texts(language, row["premise"], row[f"choice{row['label'] + 1}"]))
    return texts
