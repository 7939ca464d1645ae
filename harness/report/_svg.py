"""A sheet to draw on with matplotlib, and its SVG as part of a page: text as text, colours from the page's style sheet.

Charts are drawn in a few marker colours; :meth:`Sheet.svg` turns these into CSS variables, so that one drawing reads
in light and dark and on paper. Coordinates are CSS pixels from the upper left corner.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

from harness.core.safe_text import sanitise

INK, MUTED, LINE = "#010101", "#020202", "#030303"
SERIES = ("#040101", "#040102", "#040103", "#040104", "#040105", "#040106")
_VARIABLES = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    **{color: f"var(--series-{i})" for i, color in enumerate(SERIES, 1)},
}

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "harness",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.parse_math": False,  # names are text, never formulas
    "text.usetex": False,
    "axes.unicode_minus": True,
}


class Sheet:
    """A transparent sheet of ``width`` x ``height`` pixels."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        with rc_context(_STYLE):
            self._figure = Figure(figsize=(width / 72, height / 72), dpi=72)
            self._axes = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))
            self._axes.set_xlim(0, width)
            self._axes.set_ylim(height, 0)
            self._axes.set_axis_off()

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        color: str = INK,
        size: float = 11,
        align: str = "left",
        bold: bool = False,
        slanted: bool = False,
    ) -> None:
        """A text with its middle at ``y``; ``align`` says which of its ends is at ``x``. ``slanted`` rises by 45°."""
        weight = "bold" if bold else "normal"
        # the middle of digits and lower-case letters: layout must not depend on which letters a name has
        drop = 0 if slanted else 0.36 * size
        self._axes.text(
            x, y + drop, sanitise(text), color=color, fontsize=size, fontweight=weight, ha=align, va="baseline",
            rotation=45 if slanted else 0, rotation_mode="anchor", parse_math=False,
        )  # fmt: skip

    def box(self, x: float, y: float, width: float, height: float, color: str) -> None:
        """A filled rectangle."""
        from matplotlib.patches import Rectangle

        self._axes.add_patch(Rectangle((x, y), width, height, facecolor=color, linewidth=0))

    def line(
        self, xs: Sequence[float], ys: Sequence[float], color: str, width: float = 1, *, faint: bool = False
    ) -> None:
        """A polyline."""
        self._axes.plot(
            xs, ys, color=color, linewidth=width, alpha=0.45 if faint else None,
            solid_capstyle="butt", solid_joinstyle="round",
        )  # fmt: skip

    def dots(self, xs: Sequence[float], ys: Sequence[float], color: str, size: float = 6, marker: str = "o") -> None:
        """Dots of ``size`` pixels."""
        self._axes.plot(xs, ys, linestyle="none", marker=marker, markersize=size, color=color, markeredgewidth=0)

    def svg(self, label: str) -> str:
        """The sheet as an ``<svg>`` element; ``label`` says to screen readers what it shows."""
        import warnings

        from markupsafe import escape
        from matplotlib import rc_context

        out = io.StringIO()
        with rc_context(_STYLE), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the page has more fonts than matplotlib's own
            self._figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        inner = out.getvalue().partition("<svg ")[2].partition(">")[2]
        inner = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<defs>\s*</defs>", "", inner, flags=re.S)
        inner = _in_tags(inner)
        head = f'<svg viewBox="0 0 {self.width:g} {self.height:g}" width="{self.width:g}" height="{self.height:g}"'
        return f'{head} role="img" aria-label="{escape(sanitise(label, 200))}">{inner}'


def _in_tags(svg: str) -> str:
    """Within tags only, never in text: marker colours to variables, the page's font, no ids but those referred to."""
    referred = set(re.findall(r'(?:href="|url\()#([\w-]+)', svg))

    def rewrite(match: re.Match[str]) -> str:
        tag = match[0]
        for color, variable in _VARIABLES.items():
            tag = tag.replace(color, variable)
        tag = re.sub(r"'DejaVu Sans'(?:, [^;\"]*)?", "var(--font)", tag)
        tag = tag.replace("xlink:href", "href").replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "")
        return re.sub(r' id="([\w-]+)"', lambda found: found[0] if found[1] in referred else "", tag)

    return re.sub(r"<[^>]*>", rewrite, svg)
