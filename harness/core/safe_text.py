"""Texts from outside (names, records, files, errors), made safe to show: terminal control codes are removed.

Control characters are shown, never sent: an escape sequence in a plugin's name cannot clear the screen or fake a line.
"""

from __future__ import annotations

import re

UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, direction marks and lone surrogates; joiners stay, as Persian and Hindi need them."""
_UNSAFE_IN_LINES = re.compile(UNSAFE.pattern.replace("\x09", "\x08"))
_UNSAFE_OR_NEWLINE = re.compile(f"{UNSAFE.pattern}|\n")


def safe(text: object, *, lines: bool = False) -> str:
    """The text with control characters shown as escapes (``\\x1b``); line ends and tabs too, unless ``lines``."""
    pattern = _UNSAFE_IN_LINES if lines else _UNSAFE_OR_NEWLINE
    return pattern.sub(lambda match: _escaped(match[0]), str(text))


def sanitise(text: object, length: int = 80) -> str:
    """The safe text on one line, cut where it is long."""
    shown = safe(text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
