"""The reference of hooks as Markdown, from their specs: ``python -m harness.cli.hook_reference > docs/hooks.md``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from harness.registry import hookspecs
from harness.registry.calls import OBSERVERS
from harness.registry.validation import KINDS

INTRODUCTION = """\
# Hooks

Written by `make docs` from `harness/registry/hookspecs.py`. How plugins are written and found, with a whole plugin for every
kind of hook, is in [plugins.md](plugins.md).

A plugin is a module (or an object) with functions of these names, marked with `harness.hookimpl`. A function names only
the arguments it needs.
"""

SECTIONS = {
    "Collectors": (
        "Plural nouns: they return, or yield, frozen values. Each plugin is asked once, when it is loaded, and every\n"
        "field is checked."
    ),
    "Choosers": (
        "Verbs: plugins are asked in turn, the one loaded last first, and the first answer that is not None is used; if all\n"
        "pass, the harness does it itself. A plugin that raises is reported and passed over, unless it raises one of the\n"
        "harness's own errors."
    ),
    "Observers": (
        "In the past tense: they hear what happens and return nothing. What they raise is reported once and costs no\n"
        "result."
    ),
}


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
        yield f"## {section}\n\n{SECTIONS[section]}\n"
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
    """Docstring markup as Markdown."""
    return text.strip().replace("``", "`").replace(":class:`~harness.types.tasks.", "`")


if __name__ == "__main__":
    print(reference(), end="")
