"""Runs the pages of docs/how-to as they stand: writes their files, runs their commands, compares what they print.

``python tests/how_to.py`` writes the output into the pages anew. ``...`` on a line stands for lines that are left out.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "how-to"
HOW_TO = [FOLDER / "index.md", *sorted(path for path in FOLDER.glob("*.md") if path.name != "index.md")]
"""The first one writes the corpus that the others use."""
BLOCK = re.compile(r"^```(sh|python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = "..."


@dataclass(frozen=True)
class Command:
    """A command line of a page, and the lines under it."""

    line: str
    shown: tuple[str, ...]


def commands_of(block: str) -> list[Command]:
    found = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        typed = re.match(r"(?:.*\\\n)*.*\n?", part)
        assert typed
        line = re.sub(r"\\\n\s*", " ", typed[0]).rstrip("\n")
        found.append(Command(line, tuple(part[typed.end() :].splitlines())))
    return found


def ran(page: Path, folder: Path) -> Iterator[tuple[Command, int, list[str]]]:
    """Runs a page in a folder: each command, its exit code, and what it printed on either stream."""
    variables: dict[str, str] = {}
    for kind, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if kind == "python":
            name = re.match(r"# (\w+\.py)\n", block)
            assert name, f"{page.name}: the first line of a Python block names its file"
            (folder / name[1]).write_text(block, encoding="utf-8")
        elif kind == "sh":
            subprocess.run(["bash", "-e", "-c", block], cwd=folder, check=True)
        else:
            for command in commands_of(block):
                if assigned := re.fullmatch(r"(\w+)=(\$\(.*\))", command.line):
                    variables[assigned[1]] = in_shell(f"echo {assigned[2]}", folder, variables)[1][0]
                elif command.line.startswith("harness "):
                    words = [os.path.expandvars(word) for word in shlex.split(with_values(command.line, variables))]
                    yield command, *in_process(words[1:], folder)
                else:
                    yield command, *in_shell(command.line, folder, variables)


def with_values(line: str, variables: dict[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda match: shlex.quote(variables.get(match[1], match[0])), line)


def in_shell(line: str, folder: Path, variables: dict[str, str]) -> tuple[int, list[str]]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, env={**os.environ, **variables, "PATH": path}, capture_output=True, text=True
    )
    return done.returncode, (done.stdout + done.stderr).splitlines()


def in_process(words: list[str], folder: Path) -> tuple[int, list[str]]:
    from harness.cli.main import main

    printed = io.StringIO()
    installed = patch("harness.runs.record.git_state", return_value=None)  # a reader's is no checkout
    typed = patch.object(sys, "argv", ["harness", *words])
    with chdir(folder), redirect_stdout(printed), redirect_stderr(printed), installed, typed:
        code = main(words)
    return code, [line.rstrip() for line in printed.getvalue().splitlines()]


def words_of(line: str) -> frozenset[str]:
    """The words of a line: numbers and digests depend on the machine, rules and spaces on the widths of a table."""
    return frozenset(word for word in re.findall(r"[^\W_]{2,}", line) if word.isalpha())


def aligned(shown: tuple[str, ...], printed: list[str]) -> list[str]:
    """The printed lines that take the places of the shown ones, in order; ValueError for one that was not printed.

    Where nothing but the rule of a table is left out, it is put in.
    """
    rest = [line for line in printed if line.strip()]
    taken: list[str] = []
    for line in filter(str.strip, shown):
        if line == LEFT_OUT:
            taken.append(line)
            continue
        at = next((i for i, other in enumerate(rest) if is_like(line, other)), -1)
        if at < 0:
            raise ValueError(f"not printed: {line!r}")
        if taken and taken[-1] == LEFT_OUT and all(map(is_rule, rest[:at])):
            taken[-1:] = rest[:at]
        taken.append(rest[at])
        rest = rest[at + 1 :]
    return taken


def is_like(line: str, other: str) -> bool:
    return words_of(line) <= words_of(other) and is_rule(line) == is_rule(other)


def is_rule(line: str) -> bool:
    return not re.search(r"\w", line)


def written_anew(page: Path, folder: Path) -> str:
    """The page with what its commands print now; a command with nothing under it gets all that it prints."""
    outputs = iter(list(ran(page, folder)))

    def block(match: re.Match[str]) -> str:
        if match[1] != "console":
            return match[0]
        lines = []
        for part in re.split(r"^(?=\$ )", match[2], flags=re.MULTILINE):
            for command in commands_of(part):
                lines += part[: len(part) - len("".join(f"{line}\n" for line in command.shown))].splitlines()
                if re.fullmatch(r"\w+=\$\(.*\)", command.line):
                    continue
                _, code, printed = next(outputs)
                assert code == 0, f"{page.name}: {command.line}: exit code {code}: {printed}"
                lines += (
                    aligned(command.shown, printed) if command.shown else [line for line in printed if line.strip()]
                )
        return "```console\n" + "".join(f"{line}\n" for line in lines) + "```"

    return BLOCK.sub(block, page.read_text(encoding="utf-8"))


def main() -> None:
    chosen = {FOLDER / name for name in sys.argv[1:]} or set(HOW_TO)
    with tempfile.TemporaryDirectory() as scratch:
        for page in HOW_TO:
            if page in chosen or page == HOW_TO[0]:
                page.write_text(written_anew(page, Path(scratch)), encoding="utf-8")
                print(page.name)


if __name__ == "__main__":
    main()
