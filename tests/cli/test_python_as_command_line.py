"""The same call from Python and from the command line is the same run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import harness
from harness.cli.main import cli
from harness.cli.shared_options import eval_options
from harness.core.errors import UsageError
from harness.runs.naming import default_out
from harness.runs.record import load_record
from harness.types.keywords import with_keywords
from harness.types.options import EvalOptions


def called(*words: str) -> None:
    result = CliRunner().invoke(cli, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("changes", [{}, {"recipe": "xtreme", "limit": 4, "via": ("mnli",)}], ids=["defaults", "given"])
def test_evaluate_and_harness_eval_are_one_run(changes: dict[str, Any], corpus: Path, tmp_path: Path) -> None:
    where, work = Path.cwd(), tmp_path / "work"
    work.mkdir()
    words = []
    for name, value in changes.items():
        for each in value if isinstance(value, tuple) else (value,):
            words += [f"--{name}", str(each)]
    os.chdir(work)  # both choose the folder themselves
    try:
        called(
            "eval", "--model", "tiny", "--task", "xnli[sw]", "--data-dir", str(corpus), "--set", "max_steps=1", *words
        )
        options = EvalOptions(data_dir=str(corpus), overrides={"max_steps": 1}, **changes)
        out = default_out("tiny", None, ["xnli[sw]"], options)
        before = load_record(out)
        assert before is not None
        run = harness.evaluate("tiny", ["xnli[sw]"], options=options)
    finally:
        os.chdir(where)
    assert run.path == out and not (work / out / "earlier").exists()
    assert run.record["identity"] == before["identity"]
    assert {**run.record["options"], "overrides": {}} == {**before["options"], "overrides": {}}
    assert run.record["units"] == before["units"], "nothing was computed again"


def test_an_objective_is_one_of_the_options_that_can_be_set() -> None:
    assert "--objective NAME" in CliRunner().invoke(cli, ["eval", "--help"], terminal_width=200).output
    assert eval_options(objective="noise", overrides=("lr=1",)).overrides == {"objective": "noise", "lr": "1"}


@pytest.mark.parametrize("name, one, other", [("objective", "noise", "synonyms"), ("seed", 1, 2), ("layer", 7, 8)])
def test_an_option_given_twice_has_one_value(name: str, one: int | str, other: int | str) -> None:
    assert str(eval_options(**{name: one}, overrides=(f"{name}={one}",)).overrides[name]) == str(one)
    with pytest.raises(UsageError, match=f"{name} is given twice, as {one} .*as {other}"):
        eval_options(**{name: one}, overrides=(f"{name}={other}",))
    with pytest.raises(UsageError, match="given twice"):
        with_keywords(None, {name: one, "overrides": {name: other}})
    before = with_keywords(None, {name: other})
    assert with_keywords(before, {name: one}).overrides == {name: one}, "a later call changes an earlier one"


def test_train_and_harness_train_are_one_stage(corpus: Path, tmp_path: Path) -> None:
    called(
        "train", "--model", "tiny", "--task", "mnli", "--data-dir", str(corpus), "--set", "max_steps=1",
        "--out", str(tmp_path / "one"),
    )  # fmt: skip
    options = EvalOptions(data_dir=str(corpus), overrides={"max_steps": 1})
    two = harness.train("tiny", "mnli", out=tmp_path / "two", options=options)
    one = harness.train("tiny", "mnli", out=tmp_path / "one", options=options)
    assert one.summary["key"] == two.summary["key"]
    assert one.summary["fingerprint"] == two.summary["fingerprint"]
