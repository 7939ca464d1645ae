"""A board as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import re
from importlib.resources import files

from harness.leaderboard.board import MARKS, Board
from harness.leaderboard.schema import Row
from harness.report.board import cell_text, legend, parameters, source


def board_page(board: Board) -> str:
    """The page; text of rows is escaped by the template engine wherever it stands."""
    from jinja2 import Environment

    template = (files("harness.report") / "board.html.jinja").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals |= {"cell_text": cell_text, "parameters": parameters, "source": source, "arxiv": arxiv}
    page: str = environment.from_string(template).render(board=board, legend=legend(board.sections), marks=MARKS)
    return page


def arxiv(row: Row) -> str:
    """The address of a published row's paper, or "": only what is an arXiv number becomes a link."""
    number = str(row.get("source", {}).get("arxiv") or "")
    return f"https://arxiv.org/abs/{number}" if re.fullmatch(r"[0-9]{4}\.[0-9]{4,5}", number) else ""
