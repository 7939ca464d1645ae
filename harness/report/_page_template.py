"""The templates of HTML pages: every text is escaped and control characters are removed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from harness.core.safe_text import sanitise
from harness.report.table import Cell, Column, PageText, Value, show
from harness.results.run_view import language_of

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def page_template(name: str) -> Template:
    """The template in the file of this name."""
    return _environment().get_template(name)


def _show(cell: Cell, column: Column) -> str:
    return show(cell, column).replace("-", "−") if isinstance(cell, Value) else show(cell, column)


def _classes(cell: Cell, column: Column) -> str:
    """The classes of a cell: "n" of a number, "up" or "down" and "sure" of a difference, its own."""
    found = ["n"] if column.numeric else []
    if column.kind == "difference" and isinstance(cell, Value):
        found += ["up" if cell.value > 0 else "down", *(["sure"] if cell.mark else [])]
    return " ".join([*found, *([cell.style] if isinstance(cell, PageText) and cell.style else [])])


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        """Removes control characters from everything that the template prints."""
        return sanitise(value, 4000) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "show": _show,
        "classes": _classes,
        "svg": Markup,
        "language_name": lambda code: language_of(code).name,
    }
    environment.tests["page_text"] = lambda cell: isinstance(cell, PageText)
    return environment
