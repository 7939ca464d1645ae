"""A few of the attacks on the harness, always the same; ``make torture MINUTES=60`` before a release makes many more."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from harness.cli.main import main
from tests.torture.__main__ import KINDS
from tests.torture.verdict import Done, NotHeld, done_or_refused

CHOSEN = (
    "kill eval",
    "kill mine",
    "mutant of parquet",
    "mutant of record.json",
    "mutant of stage.json",
    "damage of a stage",
    "closed streams",
    "full disk under mine",
)
"""One kind of each sort: all of them would take longer than every other test."""
TRIALS = 1
SEED = 2026


def test_the_harness_holds_against_an_attack_of_every_sort() -> None:
    """One process makes all of them: it imports, and makes the undisturbed outcomes, once."""
    command = [sys.executable, "-m", "tests.torture", "--trials", str(TRIALS), "--seed", str(SEED), "--json"]
    kinds = [word for kind in CHOSEN for word in ("--kind", kind)]
    done = subprocess.run([*command, *kinds], stdout=subprocess.PIPE, text=True)
    assert json.loads(done.stdout) == {kind: {"tried": TRIALS, "not_held": {}} for kind in CHOSEN}


def test_the_chosen_kinds_are_among_those_that_there_are() -> None:
    assert set(CHOSEN) <= set(KINDS)


@pytest.mark.parametrize(
    "words",
    ["strike", "cache strike", "cache ls --strike", "leaderboard export runs/none", "plugins --plugin x.py", "cache"],
)
def test_an_attack_with_words_that_no_command_takes_is_not_held(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(words.split())
    with pytest.raises(NotHeld):
        done_or_refused(Done(tuple(words.split()), code, *capsys.readouterr()))


def test_a_clear_error_about_what_was_asked_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["tasks", "show", "nothing-of-this-name"])
    assert not done_or_refused(Done(("tasks", "show"), code, *capsys.readouterr()))
