"""The shell of every page: templates that escape all texts, one style sheet, scripts by their hashes, and no network.

The content-security policy names the hash of each script, so that no other can run. Styles may stand in attributes,
which the plot library needs. Libraries are compressed within the page and started when a chart is to be drawn.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from harness.core.safe_text import safe, sanitise
from harness.report.pages.language_tiles import language_tiles
from harness.report.table import Cell, Column, PageText, Value, show
from harness.results.run_view import language_of

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_SCRIPTS = ("tips", "tabs", "copy", "tables", "charts", "examples")
_PLOT = ("d3.min.js", "plot.umd.min.js")
_LONGEST = 4000


def render_page(template: str, values: Mapping[str, Any], *, charts: Sequence[Any] = ()) -> str:
    """The page of a template that extends ``page.html``; ``charts`` are what ``charts.js`` draws, by their number."""
    script, plot = _script(), _plot_library() if charts else ""
    sources = " ".join(f"'sha256-{_sha256(text)}'" for text in (script, plot) if text)
    policy = f"default-src 'none'; script-src {sources}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    shell = {
        "policy": policy,
        "script": script,
        "plot": pack(plot.encode()) if plot else "",
        "charts": embedded(list(charts)),
    }
    return page_template(template).render({**values, **shell}).rstrip("\n") + "\n"


def page_template(name: str) -> Template:
    """The template in the file of this name."""
    return _environment().get_template(name)


def pack(content: bytes) -> str:
    """Bytes compressed (gzip) as base64, for an element that a script reads; equal bytes give equal text."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode("ascii")


def packed(value: Any) -> str:
    """A plain value as compressed JSON, with all of its texts made safe to show."""
    return pack(json.dumps(_safe(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())


def embedded(value: Any) -> str:
    """A plain value as JSON within a script element: no text of it can end the element, or be a control character."""
    text = json.dumps(_safe(value), separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _safe(value: Any) -> Any:
    if isinstance(value, str):
        return sanitise(value, _LONGEST)
    if isinstance(value, Mapping):
        return {sanitise(name, _LONGEST): _safe(each) for name, each in value.items()}
    return [_safe(each) for each in value] if isinstance(value, list | tuple) else value


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _file(*parts: str) -> str:
    return resources.files("harness.report.pages").joinpath(*parts).read_text(encoding="utf-8")


@cache
def _script() -> str:
    """The page's own scripts, after the library that sorts tables."""
    library = _file("vendor", "tablesort.min.js")
    return "\n".join([library, *(_file("scripts", f"{name}.js") for name in _SCRIPTS)])


@cache
def _plot_library() -> str:
    return "\n".join(_file("vendor", name) for name in _PLOT)


def _show(cell: Cell, column: Column) -> str:
    return show(cell, column).replace("-", "−") if isinstance(cell, Value) else show(cell, column)


def _classes(cell: Cell, column: Column) -> str:
    """The classes of a cell: "n" of a number, "up" or "down" and "sure" of a difference, its own."""
    found = ["n"] if column.numeric else []
    if column.kind == "difference" and isinstance(cell, Value):
        found += ["up" if cell.value > 0 else "down", *(["sure"] if cell.mark else [])]
    return " ".join([*found, *([cell.style] if isinstance(cell, PageText) and cell.style else [])])


def _sort_key(cell: Cell, column: Column) -> str:
    """The number that a column is sorted by; nothing where its cells are sorted by their texts."""
    if isinstance(cell, Value):
        return repr(cell.value)
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, PageText):
        return cell.order
    return "" if cell is not None or not column.numeric else "-1e9"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def finalize(value: Any) -> Any:
        """Removes control characters from everything that the template prints; line ends stay, for hints."""
        if not isinstance(value, str) or isinstance(value, Markup):
            return value
        return "\n".join(safe(line) for line in value[:_LONGEST].split("\n"))

    environment = Environment(
        loader=PackageLoader("harness.report.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "show": _show,
        "classes": _classes,
        "sort_key": _sort_key,
        "markup": Markup,
        "language_of": language_of,
        "language_tiles": language_tiles,
    }
    environment.tests["page_text"] = lambda cell: isinstance(cell, PageText)
    return environment
