"""Texts for publication: without the folders of a private machine, and without tokens and passwords."""

from __future__ import annotations

import re
from typing import Any, TypeVar

Plain = TypeVar("Plain")

_PATH = re.compile(r"(?<![\w.:/\\])(?:~|[A-Za-z]:)?[/\\](?:[^/\\\s'\"=,;:()\[\]]+[/\\])*([^/\\\s'\"=,;:()\[\]]*)")
"""An absolute path, in a text or as one: of a system with slashes or backslashes, or of a home folder."""
_WHOLE = re.compile(r"(?:~|[A-Za-z]:)?[/\\][^:\n]*")
"""A text that is one absolute path, which may hold spaces."""
_SECRETS = (
    (re.compile(r"\b(hf|ghp|gho|ghs|github_pat|glpat|sk|pypi)([_-])[A-Za-z0-9_-]{16,}"), r"\1\2..."),
    (re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"), "..."),
    (re.compile(r"(?i)\b((?:[A-Z0-9]+[_-])*(?:token|password|secret|api[_-]?key))=\S+"), r"\1=..."),
)
"""Tokens of the Hub and of code hosts, a name and password in an address, and what is called so."""


def without_secrets(text: str) -> str:
    """The text with ``...`` in place of tokens and passwords."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def publishable(value: Plain) -> Plain:
    """Plain values with every absolute path cut to its last part, and without secrets."""
    return _published(value)  # type: ignore[no-any-return]


def _published(value: Any) -> Any:
    if isinstance(value, str):
        value = without_secrets(value)
        if _WHOLE.fullmatch(value):
            return re.split(r"[/\\]", value.rstrip("/\\"))[-1] or value
        return _PATH.sub(lambda match: match[1] or match[0], value)
    if isinstance(value, dict):
        return {_published(name): _published(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_published(each) for each in value]
    return value
