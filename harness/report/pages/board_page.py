"""A leaderboard as one self-contained page."""

from __future__ import annotations

from harness.leaderboard.board import Board
from harness.report.leaderboard import legend, tables
from harness.report.pages.shell import render_page


def page(board: Board) -> str:
    """The page; every text of a row is escaped."""
    values = {
        "title": f"{board.benchmark} leaderboard",
        "tables": list(tables(board)),
        "legend": legend(board.sections),
    }
    return render_page("leaderboard.html", values)
