"""A report as a LaTeX document that compiles as it is, every table ready to be copied into a paper (booktabs)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.report.provenance import caveats, headline
from harness.report.table import DASH, Table

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
    "…": r"\ldots{}",
    DASH: "--",
}

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
    spec = "".join("r" if column.numeric else "l" for column in table.columns)
    head = " & ".join(escape(name) for name in table.head) + r" \\"
    lines = [
        rf"% {table.name}",
        rf"\subsection*{{{escape(table.title)}}}",
        rf"\begin{{longtable}}{{{spec}}}",
        r"\toprule",
        head,
        r"\midrule",
        r"\endhead",
        *(" & ".join(escape(_number(text)) for text in row) + r" \\" for row in table.texts()),
        r"\bottomrule",
        r"\end{longtable}",
    ]
    notes = [rf"\noindent {escape(note)}\par" for note in table.notes]
    return "\n".join([*lines, *notes, ""])


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
