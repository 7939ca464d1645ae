"""Every exit code of the documented table, provoked through the command line, and no other in the table."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli.main import main

pytestmark = pytest.mark.usefixtures("warm_python")

ROOT = Path(__file__).resolve().parents[2]

STOP = """
import os, signal
from harness import hookimpl

@hookimpl
def harness_unit_scored(task):
    os.kill(os.getpid(), signal.{name})
"""
LISTENS = (
    "import signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):\n"
    "    signal.signal(number, signal.SIG_DFL)\n"
    "from harness.cli.main import main; sys.exit(main())"
)
"""The command in a process that listens to the signals, whatever started the tests."""
STOPPED = "stopped, 1 of 2 units are scored and kept; the same command goes on"

Words = Callable[[Path, Path], list[str]]


def evaluate(data: Path, here: Path) -> list[str]:
    """Two units without a model, in about a second."""
    where = ["--data-dir", str(data), "--offline", "--out", str(here / "run")]
    return ["eval", "--model", "baseline:majority", "--task", "panx[de,sw]", *where]


def with_plugin(source: str, *words: str) -> Words:
    def made(data: Path, here: Path) -> list[str]:
        path = here / "odd_plugin_of_this_test.py"
        path.write_text(source, encoding="utf-8")
        return ["--plugin", str(path), *(words or evaluate(data, here))]

    return made


def without_data(data: Path, here: Path) -> list[str]:
    return evaluate(here, here)


def without_model(data: Path, here: Path) -> list[str]:
    return [*evaluate(data, here), "--model", str(here / "nowhere")]


def with_torn_file(data: Path, here: Path) -> list[str]:
    torn = here / "data"
    shutil.copytree(data / "google" / "xtreme", torn / "google" / "xtreme")
    (path,) = (torn / "google" / "xtreme" / "PAN-X.sw").glob("test-*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    return evaluate(torn, here)


PROVOKED: dict[int, tuple[Words, str]] = {
    0: (evaluate, "record:"),
    1: (evaluate, "this is a bug"),
    2: (lambda data, here: ["eval", "--model", "tiny", "--task", "panks"], "did you mean 'panx'"),
    3: (with_plugin("import nothing_of_this_name"), "nothing_of_this_name"),
    4: (without_data, "no data for any selected unit (2 units)"),
    5: (without_model, "no such folder"),
    6: (with_torn_file, "panx/sw/test"),
    75: (with_plugin(STOP.format(name="SIGUSR1")), STOPPED),
    129: (with_plugin(STOP.format(name="SIGHUP")), STOPPED),
    130: (with_plugin(STOP.format(name="SIGINT")), STOPPED),
    143: (with_plugin(STOP.format(name="SIGTERM")), STOPPED),
}


@pytest.mark.parametrize("code", PROVOKED)
def test_each_documented_exit_code_is_provoked_without_a_traceback(
    code: int, corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words, said = PROVOKED[code]
    monkeypatch.syspath_prepend(str(tmp_path))
    arguments = words(corpus, tmp_path)
    if code == 1:
        monkeypatch.setattr("harness.evaluation.evaluate_run.make_plan", lambda *args, **kwargs: 1 / 0)
    if code > 6:  # a signal
        done = subprocess.run([sys.executable, "-c", LISTENS, *arguments], capture_output=True, text=True)
        assert done.returncode == code
        output = done.stdout + done.stderr
    else:
        assert main(arguments) == code
        output = "".join(capfd.readouterr())
    assert said in output and "Traceback" not in output


@pytest.mark.parametrize("code", [code for code in PROVOKED if code > 6])
def test_an_interrupted_run_goes_on(code: int, corpus: Path, tmp_path: Path) -> None:
    stopped = [sys.executable, "-c", LISTENS, *PROVOKED[code][0](corpus, tmp_path)]
    assert subprocess.run(stopped, capture_output=True).returncode == code
    assert main(evaluate(corpus, tmp_path)) == 0


def test_the_documented_tables_hold_these_codes_and_no_others() -> None:
    table = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8").split("## Exit codes")[1].split("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(PROVOKED)
    line = (ROOT / "README.md").read_text(encoding="utf-8").split("## Exit codes")[1].split("\n## ")[0]
    assert [int(code) for code in re.findall(r"(?:^|; )(\d+) ", line.strip())] == list(PROVOKED)
