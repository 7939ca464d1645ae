"""Whatever stands in a record, row, file name or file, no command sends a control character to the terminal."""

from __future__ import annotations

import copy
import io
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_folders import nli, rewrite, write_run

from harness.cli.console import print_table
from harness.cli.main import main
from harness.leaderboard.export import export_row
from harness.registry.default import get_registry
from harness.report.table import Table, number
from harness.results.rescore import score_run

NASTY = "\x1b[2J\x1b]0;x\x07\x00\r\x9b31m\u202e\u2066\ud83d\nerror: faked"
SHOWN = r"\x1b[2J"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = np.random.default_rng(0)
    units = {"xnli": {code: tuple(nli(generator, 30, 0.8)) for code in ("en", "sw")}}
    missing = {"xnli/ur/test": "no data"}
    notes = {"partial": ["a note"], "missing": missing, "failed": {"xnli/th/test": "no reason"}}
    folder = write_run(tmp_path_factory.mktemp("runs") / "run", units, **notes)
    scores = score_run(folder, get_registry()).to_dict()
    rewrite(folder, lambda record: record.update(scores=scores, primary={"xnli": ["accuracy"]}))
    return folder


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where a JSON value holds texts, keys of objects included (they end in ""); of an array, its first item."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, list):
        yield from places(value[0], (*path, 0)) if value else ()
    elif isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key, "")
            yield from places(item, (*path, key))


def changed(value: Any, path: tuple[Any, ...], text: str) -> Any:
    made = copy.deepcopy(value)
    if path[-1] == "":
        *path_, key, _ = path
        holder = made
        for step in path_:
            holder = holder[step]
        holder[text] = holder.pop(key)
    else:
        holder = made
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = text
    return made


def said(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    main([str(word) for word in words])
    output = "".join(capsys.readouterr())
    assert not CONTROL.search(output), (words, CONTROL.search(output), output[-2000:])
    return output


def test_records_send_nothing_to_the_terminal(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    run = shutil.copytree(run, tmp_path / "run")
    shown = 0
    for path in places(record):
        if path[:1] == ("environment",):
            continue
        text = changed(
            record, path, NASTY.replace("/", "").replace("\ud83d", "")
        )  # a record with a surrogate is not read
        (run / "record.json").write_text(json.dumps(text), encoding="utf-8")
        output = [
            said(capsys, *words)
            for words in (
                ["runs", "list", run.parent],
                ["runs", "show", run],
                ["report", run],
                ["score", run],
                ["leaderboard", "export", run, "-o", tmp_path / "row.json"],
            )
        ]
        shown += SHOWN in "".join(output)
        assert "\nerror: faked" not in "".join(output)
    assert shown > 15, output


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "{run}", "{run}2"],
        ["breakdown", "{run}"],
        ["report", "{run}", "--format", "md"],
        ["report", "{run}", "--format", "csv"],
        ["report", "{run}", "--format", "json"],
        ["report", "{run}", "--format", "html"],
        ["report", "{run}", "--format", "latex"],
        ["runs", "show", "{run}", "--json"],
        ["runs", "rm", "{run}"],
        ["cache", "ls", "{folder}"],
        ["checklist", "--model", "{run}"],
        ["eval", "--model", "tiny", "--task", "xnli", "--out", "{run}", "--dry-run"],
        ["--traceback", "score", "{run}/none"],
        ["mine", "--model", "{run}", "--source", "{run}/a", "--target", "{run}/b", "--out", "{run}/c.tsv"],
        ["data", "verify", "xnli", "--data-dir", "{run}"],
        ["data", "unbundle", "{run}/labels/xnli/test-en.tsv", "{run}/there"],
        ["study", "run", "{run}"],
    ],
    ids=lambda words: " ".join(words),
)
def test_names_of_folders_and_texts_of_records_send_nothing(
    words: list[str], run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / NASTY.replace("\x00", "").replace("\ud83d", "")
    for name in ("run", "run2"):
        shutil.copytree(run, folder / name)
    change = {"partial": [NASTY], "command": [NASTY]}
    rewrite(folder / "run", lambda record: record.update(change))
    filled = [word.replace("{run}", str(folder / "run")).replace("{folder}", str(folder)) for word in words]
    output = said(capsys, *filled)
    assert output and "shows what it takes" not in output  # that is said of words that no command takes


@pytest.mark.parametrize(
    "words", [[NASTY], ["runs", NASTY], ["runs", "list", f"--{NASTY}"]], ids=["first", "second", "option"]
)
def test_words_that_no_command_takes_send_nothing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "shows what it takes" in said(capsys, *words)


def test_rows_send_nothing_to_the_terminal(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = export_row(run, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    row["benchmark"] = "xtreme"
    path = tmp_path / "row.json"
    shown = 0
    for place in places(row):
        if place[:2] in (("run", "environment"), ("run", "lineage"), ("run", "options"), ("run", "data")):
            continue  # no command shows them but as JSON
        path.write_text(json.dumps(changed(row, place, NASTY)), encoding="utf-8")
        output = said(capsys, "leaderboard", "validate", path)
        if "valid: 1 file" in output:  # else the other commands say no more than this one
            for more in ([], ["--markdown"]):
                output += said(capsys, "leaderboard", "show", "--rows", tmp_path / "none", "--row", path, *more)
        shown += SHOWN in output or r"\u001b[2J" in output  # the schema's messages show values as JSON
        assert "\nerror: faked" not in output
    assert shown > 15, output


def test_a_setting_of_a_row_is_shown_and_not_sent(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = export_row(run, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    row |= {"benchmark": "xtreme", "setting": NASTY, "system": NASTY}
    (tmp_path / "row.json").write_text(json.dumps(row), encoding="utf-8")
    output = said(capsys, "leaderboard", "show", "--rows", tmp_path / "none", "--row", tmp_path / "row.json")
    assert output.count(SHOWN) >= 1
    assert "\nerror: faked" not in output
    words = ["--rows", tmp_path / "none", "--row", tmp_path / "row.json", "--json"]
    assert json.loads(said(capsys, "leaderboard", "show", *words))


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("xnli/test-en.tsv", "\x1b[2J\u202e\n"),
        ("panx/test-en.tsv", "B-\x1b[2J\n"),
        ("bucc2018/test-de.tsv", "\x1b[2J\n"),
        ("tatoeba/test-de.tsv", "\x1b[2J\n"),
        ("xquad/test-en.json", '{"data": [{"paragraphs": [{"context": "", "qas": [{"id": "\\u001b[2J"}]}]}]}'),
        ("mlqa/test-en.json", '{"\\u001b[2J": 1, "\\u001b[2J": 2}'),
    ],
)
def test_what_stands_in_files_is_shown_and_not_sent(
    unit: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in ("predictions", "labels"):
        path = tmp_path / side / unit
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    task, code = unit.partition("/")[0], unit.partition("-")[2].partition(".")[0]
    words = ["--predictions", tmp_path / "predictions", "--labels", tmp_path / "labels"]
    assert SHOWN in said(capsys, "score", *words, "--task", f"{task}[{code}]")


def test_a_table_on_a_terminal_has_colours_and_nothing_else_that_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Terminal())
    print_table(Table.of(NASTY, ["name", number(NASTY)], [(NASTY, 12)]))
    written = sys.stdout.getvalue()
    assert "\x1b[1mname" in written, "the head is bold, and its colours are not spelled out"
    assert SHOWN in written
    assert not CONTROL.search(re.sub(r"\x1b\[[0-9;]*m", "", written))
