"""``harness doctor --shared``: what it proves alone and with a partner, and that it finds each fault it looks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main

PROGRAM = """
import errno, fcntl, os, shutil, sys, time
from pathlib import Path
from harness.core import owner, shared_folder

owner.this_machine = lambda: sys.argv[1]
real = {"link": os.link, "utime": os.utime, "touch": Path.touch, "replace": Path.replace, "race": shared_folder._created}

def refused(*words):
    raise OSError(errno.ENOLCK, "No locks available")

def not_permitted(*words):
    raise OSError(errno.EPERM, "Operation not permitted")

def overwrites(source, target):
    if "/link-" in str(target):
        shutil.copyfile(source, target)
    else:
        real["link"](source, target)

def in_pieces(self, target):
    if self.name.startswith("swapped"):
        text = self.read_text()
        target.write_text(text[:100])
        time.sleep(0.001)
        target.write_text(text)
    else:
        real["replace"](self, target)

def dies(folder, who, chance):
    return os._exit(9) if who in ("first", "second") else real["race"](folder, who, chance)

def behind(self, *words, **named):
    real["touch"](self, *words, **named)
    if self.name.startswith("stamp-"):
        real["utime"](self, (time.time() - 100, time.time() - 100))

for fault in sys.argv[2].split():
    if fault == "no-locks":
        fcntl.flock = refused
    elif fault == "no-links":
        os.link = not_permitted
    elif fault == "links-overwrite":
        os.link = overwrites
    elif fault == "torn-renames":
        Path.replace = in_pieces
    elif fault == "no-times":
        os.utime = lambda path, *words, **named: os.stat(path) and None
    elif fault == "own-clock":
        Path.touch = behind
    elif fault == "own-locks":
        fcntl.flock = lambda *words: None
    elif fault == "dies":
        shared_folder._created = dies
from harness.cli.main import main
shared_folder.ANSWER = 60.0 if "impatient" not in sys.argv[2] else 2.0
sys.exit(main(["doctor", "--shared", sys.argv[3], "--wait", sys.argv[4], "--json"]))
"""


def start(machine: str, faults: str, folder: Path, wait: float = 300) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, machine, faults, str(folder), str(wait)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def told(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    out, err = process.communicate()
    assert out, err
    return process.returncode, {check["name"]: check for check in json.loads(out)}


def met(folder: Path, one: str = "", two: str = "") -> list[tuple[int, dict[str, Any]]]:
    """The codes and checks of two machines with such faults."""
    both = [start("one", one, folder), start("two", two, folder)]
    return [told(process) for process in both]


def test_two_machines_prove_a_folder_and_leave_nothing(tmp_path: Path) -> None:
    found = met(tmp_path, "no-locks")
    for code, checks in found:
        assert code == 0 and {check["status"] for check in checks.values()} == {"ok"}, checks
        assert "each was created once, file, folder, link" in checks["exclusive creation, both"]["detail"]
        assert "not there (No locks available)" in checks["flock, both"]["detail"]
        assert list(checks)[-7:] == [
            "two machines",
            "visibility",
            "exclusive creation, both",
            "rename, both",
            "beats, both",
            "one clock",
            "flock, both",
        ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("faults", "name", "status", "said"),
    [
        ("links-overwrite", "exclusive creation, both", "failed", "names some were not created exactly once: link"),
        ("torn-renames", "rename, both", "failed", "torn"),
        ("own-clock", "one clock", "warning", "stamps files with its own clock, and these are"),
        ("no-links", "exclusive creation, both", "ok", "files are created exclusively instead"),
        ("own-locks", "flock, both", "ok", "do not hold between the two"),
    ],
)
def test_faults_between_machines_are_found_by_both(
    faults: str, name: str, status: str, said: str, tmp_path: Path
) -> None:
    for code, checks in met(tmp_path, faults, "" if faults == "own-clock" else faults):
        assert checks[name]["status"] == status and said in checks[name]["detail"], checks
        assert code == (4 if status == "failed" else 0)


def test_a_partner_that_disappears_is_waited_for_no_longer_than_an_answer_takes(tmp_path: Path) -> None:
    """The next one is not confused by what the dead one left."""
    dying, other = start("one", "dies", tmp_path), start("two", "impatient", tmp_path)
    assert dying.wait() == 9
    dying.communicate()
    code, checks = told(other)
    assert code == 4 and "was there, and its files are not seen" in checks["two machines"]["detail"]
    environment = {"HARNESS_CLAIM_BEAT": "0.1", "HARNESS_CLAIM_PATIENCE": "1"}
    os.environ.update(environment)
    try:
        again = met(tmp_path)
    finally:
        for variable in environment:
            del os.environ[variable]
    assert [code for code, _ in again] == [0, 0]


def test_alone_it_says_what_is_not_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--shared", str(tmp_path), "--wait", "0"]) == 0
    out, err = capsys.readouterr()
    assert "nobody else came within 0 s: nothing is proved of what holds between machines" in out
    assert "run the same command on another machine at the same time" in err
    assert list(tmp_path.iterdir()) == []


def test_two_on_one_machine_prove_nothing_between_machines(tmp_path: Path) -> None:
    for code, checks in [told(process) for process in [start("one", "", tmp_path), start("one", "", tmp_path)]]:
        assert code == 0 and checks["two machines"]["status"] == "warning"
        assert "nothing is proved of what holds between machines" in checks["two machines"]["detail"]
        assert checks["rename, both"]["status"] == "ok"


def test_a_file_system_that_keeps_old_times_fails(tmp_path: Path) -> None:
    code, checks = told(start("one", "no-times", tmp_path, 0))
    assert code == 4 and checks["beats"]["status"] == "failed"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--shared", "nowhere"], 2, "nowhere: no such folder"),
        (["--wait", "3"], 2, "options that go with --shared FOLDER: --wait"),
        (["--shared", ".", "--limit", "3"], 2, "options that have no effect with --shared: --limit"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", *words]) == code
    assert said in capsys.readouterr().err
