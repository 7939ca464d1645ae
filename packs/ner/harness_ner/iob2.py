"""Files of Universal NER: number, word, tag, and two columns about the annotation; an empty line after each sentence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness import DataError, readers

TEXT = "# text = "


def iob2(*paths: Path) -> Iterator[dict[str, Any]]:
    """Rows ``{"tokens", "ner_tags", "written"}``; ``written`` has each word with the space before it, as ``# text`` has it.

    Raises DataError, naming file and line, where a line has no five columns.
    """
    for path in paths:
        tokens: list[str] = []
        tags: list[str] = []
        text = ""
        for number, line in (*readers.lines(path), (0, "")):
            if not line.strip():
                if tokens:
                    yield {"tokens": tokens, "ner_tags": tags, "written": as_written(tokens, text)}
                tokens, tags, text = [], [], ""
            elif line.startswith("#") and "\t" not in line:
                text = line.removeprefix(TEXT) if line.startswith(TEXT) else text
            else:
                columns = line.split("\t")
                if len(columns) != 5:
                    raise DataError(f"{path}:{number}: expected five columns, found {len(columns)}: {line[:60]!r}")
                tokens.append(columns[1])
                tags.append(columns[2])


def as_written(tokens: list[str], text: str) -> list[str]:
    """The words with the spaces of the text between them; nothing where the text has other words."""
    written: list[str] = []
    rest = text
    for token in tokens:
        begun = rest.lstrip()
        if not begun.startswith(token):
            return []
        written.append(f" {token}" if written and begun != rest else token)
        rest = begun[len(token) :]
    return [] if rest.strip() else written
