"""Standard streams that fail: whoever reads goes away, the disk is full, they were closed, they know ASCII only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from run_folders import EXPORTED_AS_IT_IS

from harness.cli.main import main

pytestmark = pytest.mark.usefixtures("warm_python")

HARNESS = [sys.executable, "-m", "harness.cli"]


def evaluation(corpus: Path, out: Path) -> list[str]:
    where = ["--data-dir", str(corpus), "--offline", "--out", str(out)]
    return ["eval", "--model", "baseline:majority", "--task", "panx[de,sw],xnli[en]", *where]


def mining(model: Path, here: Path) -> list[str]:
    sides = []
    for side, lines in (("source", ["a cat", "the dog"]), ("target", ["eine Katze", "der Hund"])):
        (here / side).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        sides += [f"--{side}", str(here / side)]
    return ["mine", "--model", str(model), *sides, "--out", str(here / "pairs.tsv"), "--device", "cpu"]


def unread(words: list[str], gone: str) -> tuple[int, bytes]:
    """The exit code of a command where nobody reads one of its streams, or both, and what it said on the other."""
    process = subprocess.Popen([*HARNESS, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    streams: dict[str, Any] = {"stdout": process.stdout, "stderr": process.stderr}
    said = b""
    for name in ("stdout", "stderr"):
        if gone in (name, "both"):
            streams[name].close()
    for name in ("stdout", "stderr"):
        if gone not in (name, "both"):
            said = streams[name].read()
            streams[name].close()
    return process.wait(), said


@pytest.mark.parametrize("gone", ["stdout", "stderr", "both"])
def test_a_run_whose_output_nobody_reads_is_completed(gone: str, corpus: Path, tmp_path: Path) -> None:
    code, said = unread(evaluation(corpus, tmp_path / "run"), gone)
    assert code == 141
    assert b"Error" not in said and b"error" not in said
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"record.json", "report.html"}
    assert main(["score", str(tmp_path / "run")]) == 0


def test_other_commands_whose_output_nobody_reads_do_their_work(
    corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    assert unread(mining(small_model, tmp_path), "both")[0] == 141
    assert (tmp_path / "pairs.tsv").is_file()
    assert main(evaluation(corpus, tmp_path / "run")) == 0
    assert unread(["report", str(tmp_path / "run"), "-o", str(tmp_path / "page.html")], "both")[0] == 141
    assert (tmp_path / "page.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    words = ["leaderboard", "export", str(tmp_path / "run"), "-o", str(tmp_path / "row.json"), *EXPORTED_AS_IT_IS]
    assert unread(words, "both")[0] == 141
    assert (tmp_path / "row.json").is_file()


def test_a_failure_is_told_by_its_own_code_though_nobody_reads(tmp_path: Path) -> None:
    assert unread(["score", str(tmp_path)], "both")[0] == 4


def test_a_full_disk_takes_no_output_but_stops_no_work(corpus: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full, a device that refuses what is written, is Linux's")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*HARNESS, *evaluation(corpus, tmp_path / "run")], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 4
    assert "the output could not be written: No space left on device" in done.stderr
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_like_devnull(closed: str, corpus: Path, tmp_path: Path) -> None:
    words = [*HARNESS, *evaluation(corpus, tmp_path / "run")]
    done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    assert (tmp_path / "run" / "report.html").is_file()
    record = (tmp_path / "run" / "record.json").read_text(encoding="utf-8")
    assert record.endswith("}\n")


@pytest.mark.parametrize("ascii_only", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=str)
def test_a_terminal_set_to_ascii_gets_every_table(ascii_only: dict[str, str], corpus: Path, tmp_path: Path) -> None:
    for words in (evaluation(corpus, tmp_path / "run"), ["score", str(tmp_path / "run")], ["leaderboard", "show"]):
        environment = {**os.environ, **ascii_only}
        done = subprocess.run([*HARNESS, *words], capture_output=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert b"+-" in done.stdout + done.stderr
        (done.stdout + done.stderr).decode("ascii")
