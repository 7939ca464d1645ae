"""The template of a family's tasks, and the examples that it makes: those that anything about a family can be tried on."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from textwrap import indent
from typing import Any

from harness.core.border import border
from harness.core.errors import PluginError, UsageError
from harness.registry.registry import load_part
from harness.types.examples import Example
from harness.types.task_template import TaskTemplate
from harness.types.tasks import Family


def template_of(family: Family, families: Iterable[Family]) -> TaskTemplate:
    """The template of a family, or that of another one with the same examples. UsageError where there is none."""
    alike = (other for other in families if set(other.examples) == set(family.examples))
    found = next((other for other in (family, *alike) if other.template), None)
    if found is None:
        kinds = ", ".join(kind.__name__ for kind in family.examples)
        raise UsageError(
            f"there is no template for the examples of the family {family.name!r} ({kinds})",
            hint=f"see how {family.provider} provides tasks of its own",
        )
    template = load_part(found, "template")
    if not isinstance(template, TaskTemplate):
        raise PluginError(f"plugin {found.provider}: {found.where}: template: {found.template!r} is no TaskTemplate")
    return template


def template_examples(family: Family, template: TaskTemplate, split: str) -> list[Example]:
    """The examples of one split in the template's first language, read as a task made from it would read them.

    PluginError where its rows cannot be made or read.
    """
    with border(f"plugin {family.provider}: {family.where}: template", PluginError):
        names: dict[str, Any] = {}
        for name in template.imports.split(","):
            names[name.strip()] = getattr(import_module(template.module), name.strip())
        exec(f"def read(row):\n{indent(template.read, '    ')}", names)
        return [names["read"](row) for row in template.rows(template.languages[0], split)]
