"""A report in LaTeX: tables for a paper to ``\\input``, systems as rows, or a document that compiles as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from harness.core.safe_text import safe
from harness.report._language_scores import systems_by_language
from harness.report._task_scores import CHANCE, PARTIAL, systems_by_task
from harness.report.provenance import caveats, headline
from harness.report.table import DASH, Table, Value
from harness.scoring.chance import MEANINGS
from harness.scoring.scale import shown

if TYPE_CHECKING:
    from harness.report.report import Report

_COMMANDS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": "{-}",
    ",": r",\allowbreak{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "?": "{?}",
    "!": "{!}",
    "±": r"$\pm$",
    "−": "$-$",
    "†": r"$^\dagger$",
    "§": r"$^{\S}$",
    "¶": r"$^{\P}$",
    "…": r"\ldots{}",
    DASH: "--",
}

_LONG, _SHORT, _PAGE = 48, 24, 120
"""Letters from which on a text is broken into lines, in a column of a part of the page; in a table wider than so many
letters the second number counts."""
_MARKS = "".join(["±*", PARTIAL, *MEANINGS])
"""The first letters of the notes that explain a mark."""
_HEAD = r"""\documentclass[10pt]{article}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{booktabs}
\usepackage{longtable}
\begin{document}
\footnotesize
"""


def to_latex(report: Report) -> str:
    """Fragments for ``\\input``, which need the package booktabs: scores with systems as rows, the best in bold.

    Whatever has no system to a row is as in the other formats. Titles, notes and caveats are comments.
    """
    comments = [headline(report.runs), *(f"{run.name}: {line}" for run in report.runs for line in caveats(run))]
    tables: list[Table] = []
    for table in report.tables:
        if table.name == "by-task":
            tables.append(systems_by_task(report.runs, report.compared))
        elif table.name != "by-language":
            tables.append(table)
        elif not any(other.name.startswith("by-language-") for other in tables):
            tables += systems_by_language(report.runs, report.compared)
    parts = [*map(_comment, [*comments, "needs \\usepackage{booktabs}"]), ""]
    return "\n".join([*parts, *(latex_fragment(table) for table in tables if table.rows)])


def latex_fragment(table: Table) -> str:
    """One table as a tabular; of several systems, the best scores of a column are bold, but for those at chance.

    The meaning of every mark is printed below it. Other notes are comments.
    """
    lines = [_comment(f"{table.name}: {table.title}"), *_rows("tabular", table, _best(table))]
    used = "".join(text for row in table.texts() for text in row)
    marks = [note for note in table.notes if note[0] in _MARKS and note[0] in used]
    below = ["", r"\smallskip", rf"{{\footnotesize {'; '.join(map(escape, marks))}.\par}}"] if marks else []
    comments = [_comment(note) for note in table.notes if note[0] not in _MARKS]
    return "\n".join([*lines, *below, *comments, ""])


def to_latex_document(report: Report) -> str:
    """A document of longtables; packages geometry, fontenc, inputenc, textcomp, booktabs and longtable."""
    parts = [_HEAD, rf"\section*{{{escape(headline(report.runs))}}}"]
    lines = [(run.name, line) for run in report.runs for line in caveats(run)]
    if lines:
        parts.append(r"\begin{itemize}")
        parts += [rf"\item {escape(f'{name}: {line}')}" for name, line in lines]
        parts.append(r"\end{itemize}")
    parts += ["", *(latex_table(table) for table in report.tables if table.rows)]
    return "\n".join([*parts, r"\end{document}", ""])


def latex_table(table: Table) -> str:
    """One table, as wide as its columns, broken over pages where it is long."""
    title = [_comment(table.name), rf"\subsection*{{{escape(table.title)}}}"]
    notes = [rf"\noindent {escape(note)}\par" for note in table.notes]
    return "\n".join([*title, *_rows("longtable", table, set()), *notes, ""])


def _rows(environment: str, table: Table, bold: Collection[tuple[int, int]]) -> list[str]:
    """The table between its rules; ``bold`` are rows and columns of cells."""
    lines = [rf"\begin{{{environment}}}{{{_columns(table)}}}", r"\toprule", _line(map(escape, table.head)), r"\midrule"]
    lines += [r"\endhead"] if environment == "longtable" else []
    for place, row in enumerate(table.texts()):
        cells = [escape(_number(text)) for text in row]
        lines.append(
            _line(rf"\textbf{{{cell}}}" if (place, column) in bold else cell for column, cell in enumerate(cells))
        )
    return [*lines, r"\bottomrule", rf"\end{{{environment}}}"]


def _columns(table: Table) -> str:
    """Numbers to the right, texts to the left; columns with long texts share a part of the line."""
    rows = table.texts()
    longest = [max((len(row[place]) for row in rows), default=0) for place in range(len(table.columns))]
    limit = _SHORT if sum(longest) > _PAGE else _LONG
    long = [length >= limit and not column.numeric for length, column in zip(longest, table.columns, strict=True)]
    share = min(0.4, (0.6 if limit == _SHORT else 0.8) / max(sum(long), 1))
    wide = f"p{{{share:.2f}\\linewidth}}"
    kinds = zip(table.columns, long, strict=True)
    return "".join("r" if column.numeric else wide if broken else "l" for column, broken in kinds)


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _comment(text: str) -> str:
    """A comment, which no name of a run can end: control characters arrive as visible escapes."""
    return f"% {safe(text)}"


def _best(table: Table) -> set[tuple[int, int]]:
    """Rows and columns of the largest scores as they are printed, where there are several systems to choose from.

    A score at chance, or below it, is not the best of anything.
    """
    found: set[tuple[int, int]] = set()
    systems = [row for row in table.rows if row[0] != CHANCE]
    if table.columns[0].name != "system" or len(systems) < 2:
        return found
    for place, column in enumerate(table.columns):
        cells = [row[place] for row in systems]
        values = {row: cell for row, cell in enumerate(cells) if isinstance(cell, Value)}
        if column.kind == "number" and values:
            best = shown(max(cell.value for cell in values.values()), values[min(values)].scale)
            found |= {
                (row, place)
                for row, cell in values.items()
                if shown(cell.value, cell.scale) == best and not set(MEANINGS) & set(cell.mark)
            }
    return found


def _number(text: str) -> str:
    """A minus sign where a number has a hyphen."""
    return f"−{text[1:]}" if text[:1] == "-" and text[1:2].isdigit() else text


def escape(text: str) -> str:
    """The text as LaTeX that prints it; a letter that T1 fonts lack as its code point, so that any text compiles."""
    return "".join(_COMMANDS.get(character) or _letter(character) for character in text)


def _letter(character: str) -> str:
    if " " <= character <= "~" or ("À" <= character <= "ÿ" and character not in "×÷"):
        return character
    return rf"\texttt{{U+{ord(character):04X}}}"
