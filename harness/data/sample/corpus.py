"""Writes the sample corpus: every data set that first-party tasks read, in the layout of the Hub."""

from __future__ import annotations

import json
from pathlib import Path

from harness.data.sample.bitext import parallel
from harness.data.sample.intermediate import write_intermediate
from harness.data.sample.lexicon import LANGUAGES
from harness.data.sample.sizes import Size
from harness.data.sample.tables import write_bytes, write_lines
from harness.data.sample.targets import TASKS, write_targets
from harness.data.sample.world import World

VERSION = 1
MARKER = "sample-corpus.json"


def sample_languages() -> tuple[str, ...]:
    """The ten languages of the sample corpus, in six scripts."""
    return LANGUAGES


def sample_text(language: str, *, seed: int = 0, size: str | float = "default") -> list[str]:
    """Plain sentences of a language, each different, for a tokenizer and for masked language modelling.

    The sentences of two languages with the same seed and size say the same, line by line.
    """
    return [texts[language] for texts in _text(seed, Size.of(size), language)]


def write_sample_corpus(folder: Path, *, seed: int = 0, size: str | float = "default") -> None:
    """Writes the corpus under ``folder``: the same bytes for the same seed and size.

    ``size`` is "default" (2,400 English training examples a task), "tiny", or a factor. The marker file
    ``sample-corpus.json``, by which the harness knows that scores are not benchmark scores, is written last.
    """
    folder = Path(folder)
    sizes = Size.of(size)
    write_targets(folder, seed, sizes)
    write_intermediate(folder, seed, sizes)
    texts = _text(seed, sizes, *LANGUAGES)
    for language in LANGUAGES:
        write_lines(folder / "text" / f"{language}.txt", [line[language] for line in texts])
    marker = {
        "corpus": "harness sample corpus",
        "version": VERSION,
        "seed": seed,
        "size": {"train": sizes.train, "dev": sizes.dev, "test": sizes.test},
        "languages": list(LANGUAGES),
        "tasks": {task: codes.split() for task, codes in TASKS.items()},
    }
    write_bytes(folder / MARKER, (json.dumps(marker, indent=2) + "\n").encode())


def _text(seed: int, size: Size, *languages: str) -> list[dict[str, str]]:
    return list(parallel(World(seed, "text"), size.text, languages or LANGUAGES))
