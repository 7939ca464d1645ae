"""Seeds that a task recommends are those of ``harness eval``, unless it is told others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.core.errors import PluginError
from harness.registry.default import get_registry
from harness.run import load_seeds
from harness.types.task_key import task_key

PLUGIN = """
from dataclasses import replace
from harness import FileData, Pair, Split, TargetTask, hookimpl, readers, splits

def part(file):
    return Split(FileData((file,), readers.tab_separated, "make it"))

SMALL = TargetTask(
    name="small", version=1, family="classification", labels=("a", "b"), train=part("en.tsv"),
    languages=splits("en sw", dev=lambda code: part(f"{code}.tsv"), test=lambda code: part(f"{code}.tsv")),
    example=lambda row: Pair(str(row["_row"]), row["text"], "", row["label"]),
    metric="accuracy", seeds=(3, 5), summary="s", licence="l", citation="c",
)

@hookimpl
def harness_target_tasks():
    yield SMALL
    yield replace(SMALL, name="large", seeds=())
"""


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """``harness eval`` of a model on tasks that the plugin has, with its output."""
    (tmp_path / "plugin.py").write_text(PLUGIN)
    rows = "".join(
        f"{word} {number}\t{label}\n" for number in range(4) for word, label in (("good", "a"), ("bad", "b"))
    )
    for code in ("en", "sw"):
        (tmp_path / f"{code}.tsv").write_text(f"text\tlabel\n{rows}")

    def run(*arguments: str, model: str = "tiny") -> tuple[int, str, str]:
        given = ["--model", model, "--data-dir", str(tmp_path), "--out", str(tmp_path / "run"), *arguments]
        code = main(("--plugin", str(tmp_path / "plugin.py"), "eval", *given))
        return code, *capsys.readouterr()

    return run


def test_a_run_is_made_for_each_seed_and_said_before(call: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, out, err = call("--task", "small", "--device", "cpu", "--set", "epochs=1", "--json")
    assert code == 0, err
    assert "a run for each of the seeds 3,5, the default of small; --seed 3 makes one" in err
    found = load_seeds(tmp_path / "run", get_registry([tmp_path / "plugin.py"]))
    assert (found.seeds, [run.path.name for run in found]) == ((3, 5), ["seed-3", "seed-5"])
    assert json.loads(out)["seeds"] == [3, 5]


@pytest.mark.parametrize(
    ("arguments", "model", "seeds", "said"),
    [
        (["--task", "small"], "tiny", [3, 5], "the default of small"),
        (["--task", "small[sw]"], "tiny", [3, 5], "the default of small"),
        (["--task", "small", "--seed", "7"], "tiny", [], ""),
        (["--task", "small", "--set", "small.seed=7"], "tiny", [], ""),
        (["--task", "small", "--seeds", "1,2,4"], "tiny", [1, 2, 4], ""),
        (["--task", "small"], "baseline:majority", [], ""),
        (["--task", "large"], "tiny", [], ""),
        (["--task", "small", "--task", "large"], "tiny", [], "for small, --seeds 3,5 makes several"),
    ],
)
def test_the_plan_has_the_seeds(
    call: Callable[..., tuple[int, str, str]], arguments: list[str], model: str, seeds: list[int], said: str
) -> None:
    code, out, err = call(*arguments, "--dry-run", "--json", model=model)
    assert (code, json.loads(out)["seeds"]) == (0, seeds), err
    assert said in err if said else "seeds" not in err
    code, out, err = call(*arguments, "--dry-run", model=model)
    assert (f"{len(seeds)} runs, with the seeds {', '.join(map(str, seeds))}" in out) is bool(seeds)


def test_seeds_are_whole_numbers_and_no_part_of_a_key(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    registry = get_registry([tmp_path / "plugin.py"])
    assert {**task_key(registry.task("small")), "name": "large"} == task_key(registry.task("large"))
    (tmp_path / "plugin.py").write_text(PLUGIN.replace("(3, 5)", "(3, 3)"))
    with pytest.raises(PluginError, match="seeds lists a seed more than once"):
        get_registry([tmp_path / "plugin.py"])
