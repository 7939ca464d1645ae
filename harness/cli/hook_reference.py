"""The reference of hooks as Markdown, from their specs: ``python -m harness.cli.hook_reference > docs/hooks.md``."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from harness.registry import hookspecs
from harness.registry.calls import OBSERVERS
from harness.registry.validation import KINDS

INTRODUCTION = """\
# Hooks

Written by `make docs` from `harness/registry/hookspecs.py`. For how to write a plugin, with a
complete plugin for every kind of hook, see [plugins.md](plugins.md).

A plugin is a module (or an object) with functions of these names, marked with `harness.hookimpl`.
A function lists only the arguments that it needs.
"""

SECTIONS = {
    "Collectors": (
        "Plural nouns. They return or yield frozen values. Each plugin is called once, when it is loaded,\n"
        "and every field is checked."
    ),
    "Choosers": (
        "Verbs. Plugins are called in turn, the last loaded first, and the first answer that is not None is\n"
        "used. If all of them return None, the harness does the work itself. A plugin that raises an exception\n"
        "is reported and skipped, unless it raises one of the harness's own errors."
    ),
    "Observers": (
        "Verbs in the past tense. They are notified of events and return nothing. An exception that they\n"
        "raise is reported once and does not affect the result."
    ),
}

LINE = 100
"""Characters in a line of prose."""


def hooks() -> dict[str, dict[str, Callable[..., Any]]]:
    """The specs by section and name."""
    found: dict[str, dict[str, Callable[..., Any]]] = {name: {} for name in SECTIONS}
    for name, spec in vars(hookspecs).items():
        if name.startswith("harness_"):
            section = "Collectors" if name in KINDS else "Observers" if name in OBSERVERS else "Choosers"
            found[section][name] = spec
    return found


def reference() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for section, table in hooks().items():
        yield f"## {section}\n\n{_plain(SECTIONS[section])}\n"
        for name, spec in table.items():
            text, _, example = (inspect.getdoc(spec) or "").partition("Example::")
            yield f"### {name}\n"
            yield f"```python\n{_signature(name, spec)}\n```\n"
            yield _plain(text) + "\n"
            yield f"```python\n{inspect.cleandoc(example)}\n```\n"


def _signature(name: str, spec: Callable[..., Any]) -> str:
    """As in the source: annotations are strings there."""
    signature = inspect.signature(spec)
    arguments = ", ".join(f"{p.name}: {p.annotation}" for p in signature.parameters.values())
    return f"def {name}({arguments}) -> {signature.return_annotation}"


def _plain(text: str) -> str:
    """Docstring markup as Markdown, each paragraph wrapped."""
    plain = re.sub(r":class:`~?(?:\w+\.)*(\w+)`", r"`\1`", text.strip().replace("``", "`"))
    return "\n\n".join(
        textwrap.fill(paragraph, LINE, break_long_words=False, break_on_hyphens=False)
        for paragraph in plain.split("\n\n")
    )


if __name__ == "__main__":
    print(reference(), end="")
