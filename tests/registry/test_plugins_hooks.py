"""Choosers and observers: asked and told one by one, with the arguments they name; and the list of hooks is complete."""

from __future__ import annotations

import inspect
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from own_task import PLUGIN, write_data

from harness import hookimpl
from harness.api import evaluate, train
from harness.cli.hook_reference import SECTIONS, hooks, reference
from harness.core.errors import DataError, PluginError
from harness.registry import hookspecs
from harness.registry.calls import OBSERVERS
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.registry.validation import KINDS
from harness.testing.model import small_model
from harness.types.options import EvalOptions

ROOT = Path(__file__).resolve().parents[2]
HOOKS = [name for name in vars(hookspecs) if name.startswith("harness_")]
NAMED = ("HARNESS_TRACK", "HARNESS_TRACE_PLUGINS", "HARNESS_STRICT_PLUGINS")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMED:
        monkeypatch.delenv(name, raising=False)


def registry(folder: Path, **sources: str) -> Registry:
    files = []
    for name, source in sources.items():
        path = folder / f"{name}.py"
        path.write_text("from harness import *\n" + source, encoding="utf-8")
        files.append(path)
    found = Registry(files)
    found.check()
    return found


def options(data: Path, **more: Any) -> EvalOptions:
    return EvalOptions(data_dir=str(data), offline=True, device="cpu", recipe="tiny", **more)


# The hooks themselves.


def test_the_three_kinds_are_told_apart_by_grammar() -> None:
    sections = hooks()
    assert list(sections) == list(SECTIONS) and [name for table in sections.values() for name in table] == HOOKS
    assert all(name.endswith("s") for name in sections["Collectors"]) and set(sections["Collectors"]) == set(KINDS)
    assert all(
        name.removeprefix("harness_").split("_")[0] in ("resolve", "load", "build") for name in sections["Choosers"]
    )
    assert set(sections["Observers"]) == set(OBSERVERS)
    for name, spec in vars(hookspecs).items():
        if name in HOOKS:
            assert spec.harness_spec["firstresult"] == (name in sections["Choosers"])
            assert spec.harness_spec["historic"] == (name == "harness_configure")


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_typed_and_tested(hook: str) -> None:
    spec = getattr(hookspecs, hook)
    assert inspect.signature(spec).return_annotation is not inspect.Signature.empty
    assert all(p.annotation is not p.empty for p in inspect.signature(spec).parameters.values())
    text, _, example = (inspect.getdoc(spec) or "").partition("Example::")
    assert len(text) > 20 and f"def {hook}(" in example
    for argument in re.findall(rf"def {hook}\((.*)\)", example)[0].split(", "):
        assert not argument or argument in inspect.signature(spec).parameters
    assert f"def {hook}(" in (ROOT / "docs" / "plugins.md").read_text() or hook in (
        "harness_configure",
        "harness_step_trained",
    )
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_plugins_*.py"))
    assert f"def {hook}(" in tests or f"def {hook}(" in (ROOT / "docs" / "plugins.md").read_text()


def test_the_reference_of_hooks_is_current() -> None:
    assert (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8") == reference(), "make docs"


NOT_THE_CORE = {
    "scoring/metrics": "some are called like the data set that they were made for",
    "leaderboard": "published systems are rows about tasks",
    "scaffold": "metrics, again",
    "registry/eval_yaml.py": "metrics, again",
    "data/sample": "the corpus is made for these tasks",
    "data/scenes": "the pictures, too",
    "cli/demo.py": "a demonstration chooses",
    "types/keywords.py": "with_mlm names a task",
}

WORDS = {
    "data/readers.py": "captions",  # the reader of captions
    "data/resources.py": "captions",  # in words, those of pictures that were seen
    "report/study/page.py": "captions",  # what stands under a figure
    "scoring/formats/captions.py": "captions",  # in words, what is predicted
}
"""Names of tasks that are words of their own, where they stand for these."""


def test_the_core_names_no_task() -> None:
    """Whatever the harness does for its own tasks it does for everybody's."""
    names = {*get_registry().tasks(), *get_registry().intermediate_tasks()}
    quoted = {name: re.compile(rf"""(?<![\w.:-])["']{re.escape(name)}["'](?![\w-])""") for name in names}
    found = []
    for path in sorted((ROOT / "harness").rglob("*.py")):
        relative = path.relative_to(ROOT / "harness")
        if any(relative.is_relative_to(place) for place in NOT_THE_CORE):
            continue
        for number, line in enumerate(_code(path), start=1):
            asked = names - {WORDS.get(relative.as_posix())}
            found += [f"{relative}:{number}: {line.strip()}" for name in asked if quoted[name].search(line)]
    assert found == []


def _code(path: Path) -> list[str]:
    """The lines of a file without docstrings and comments."""
    import ast

    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return [line.partition("  # ")[0] if not line.strip().startswith("#") else "" for line in lines]


# Choosers.

ONE = '@hookimpl\ndef harness_load_encoder(reference):\n    return {answer!r} if reference == "lab:x" else None\n'


def test_the_first_answer_wins_and_the_last_loaded_is_asked_first(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    found = registry(tmp_path, a=ONE.format(answer=str(one)), b=ONE.format(answer=str(two)))
    assert found.hook.harness_load_encoder(reference="lab:x", offline=True) == two
    assert found.hook.harness_load_encoder(reference="lab:y", offline=True) is None
    assert get_registry().hook.implemented("harness_load_encoder") is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("7", "it returned int, expected the path of a folder or None"),
        ("'/nowhere/at/all'", "which is not a folder"),
    ],
)
def test_a_chooser_that_fails_is_passed_over_once_loudly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, answer: str, reason: str
) -> None:
    bad = f"@hookimpl\ndef harness_load_encoder(reference):\n    return {answer}\n"
    found = registry(tmp_path, good=ONE.format(answer=str(tmp_path)), bad=bad)
    for _ in range(3):
        assert found.hook.harness_load_encoder(reference="lab:x", offline=True) == tmp_path
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1 and "file:bad" in warnings[0] and reason in warnings[0]
    monkeypatch.setenv("HARNESS_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match="file:bad failed in harness_load_encoder"):
        found.hook.harness_load_encoder(reference="lab:x", offline=True)


def test_an_error_that_a_chooser_means_is_the_answer(tmp_path: Path) -> None:
    found = registry(
        tmp_path, mirror='@hookimpl\ndef harness_resolve_data(source):\n    raise DataError("no seat", hint="wait")\n'
    )
    with pytest.raises(DataError, match=r"no seat \(harness_resolve_data of plugin file:mirror\)") as caught:
        found.hook.harness_resolve_data(source=None, data_dir=None, offline=True)
    assert caught.value.hint == "wait"


def test_an_index_is_a_function(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = registry(tmp_path, index="@hookimpl\ndef harness_build_index(name):\n    return [1, 2]\n")
    assert found.hook.harness_build_index(name="x", vectors=None, device="cpu") is None
    assert "expected a search function" in caplog.text


# Observers.

TELL = """
import json
from pathlib import Path
LOG = Path({log!r})
def tell(*what):
    with LOG.open("a") as file:
        file.write(json.dumps(what) + "\\n")
    {then}
@hookimpl
def harness_configure(registry): tell("configure", "mine" in registry.tasks())
@hookimpl
def harness_run_started(folder, model, units, options): tell("run_started", folder.name, units, options["split"])
@hookimpl
def harness_step_trained(folder, task, step, total, loss): tell("step_trained", task, step, total, loss > 0)
@hookimpl
def harness_unit_scored(task, language, split, entry, cached):
    tell("unit_scored", task, language, split, entry["score"]["n"], cached)
@hookimpl
def harness_run_finished(record): tell("run_finished", sorted(record["units"]), record["failed"])
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(small_model(tmp_path_factory.mktemp("model") / "small"))


def run_once(tmp_path: Path, model: str, then: str) -> tuple[dict[str, Any], list[Any]]:
    """A run with an observer that does ``then`` after noting what it heard: the record and the notes."""
    tmp_path.mkdir(exist_ok=True)
    log = tmp_path / "heard.jsonl"
    found = registry(tmp_path, own=PLUGIN, observer=TELL.format(log=str(log), then=then))
    chosen = options(write_data(tmp_path / "data"), overrides={"max_steps": 5})
    run = evaluate(model, ["mine"], out=tmp_path / "run", options=chosen, registry=found)
    evaluate(model, ["mine[sw]"], out=tmp_path / "run", options=chosen, registry=found)
    return run.record, [json.loads(line) for line in log.read_text().splitlines()]


def test_observers_hear_a_run_and_cost_nothing(tmp_path: Path, model: str, caplog: pytest.LogCaptureFixture) -> None:
    record, heard = run_once(tmp_path / "calm", model, "")
    units = ["mine/en/test", "mine/sw/test"]
    assert heard == [
        ["configure", True],
        ["run_started", "run", units, "test"],
        ["step_trained", "mine", 5, 5, True],
        ["unit_scored", "mine", "en", "test", 8, False],
        ["unit_scored", "mine", "sw", "test", 8, False],
        ["run_finished", units, {}],
        ["run_started", "run", ["mine/sw/test"], "test"],
        ["unit_scored", "mine", "sw", "test", 8, True],
        ["run_finished", units, {}],
    ]
    assert not [r for r in caplog.records if "observer" in r.getMessage()]
    same, again = run_once(tmp_path / "raising", model, "raise RuntimeError('no paper')")
    assert again == heard
    assert {key: unit["score"] for key, unit in same["units"].items()} == {
        key: unit["score"] for key, unit in record["units"].items()
    }
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING and "no paper" in r.getMessage()]
    assert len(warnings) == 1 and "file:observer" in warnings[0]


def test_training_a_stage_by_itself_is_heard_too(tmp_path: Path, model: str) -> None:
    heard: list[tuple[str, int]] = []

    class Tracker:
        @hookimpl
        def harness_configure(self, registry: Registry) -> None:
            heard.append(("configured", len(registry.tasks())))

        @hookimpl
        def harness_step_trained(self, task: str, step: int) -> None:
            heard.append((task, step))

    source = PLUGIN.replace("harness_target_tasks", "harness_intermediate_tasks").replace(
        "TargetTask", "IntermediateTask"
    )
    source = source.replace("train=split", "dev=split('dev', 'en'), train=split").replace(
        "languages=splits", "languages={} and splits"
    )
    found = registry(tmp_path, own=source)
    found.add(Tracker(), "tracker")
    train(
        model,
        "mine",
        out=tmp_path / "out",
        options=options(write_data(tmp_path / "data"), overrides={"max_steps": 3}),
        registry=found,
    )
    assert heard == [("configured", len(found.tasks())), ("mine", 3)]
    with pytest.raises(PluginError, match="a plugin called 'tracker' already"):
        found.add(Tracker(), "tracker")
    with pytest.raises(PluginError, match="added:empty: it implements no hook"):
        found.add(object(), "empty")


def test_a_late_plugin_may_bring_values_but_not_take_names(tmp_path: Path) -> None:
    class Late:
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        def harness_recipes(self) -> list[Any]:
            from harness import Recipe

            return [Recipe(self.name, 1, {})]

    found = registry(tmp_path, own=PLUGIN)
    found.add(Late("late"), "late")
    assert found.recipe("late").provider == "added:late"
    with pytest.raises(PluginError, match="the recipe 'late' is there already"):
        found.add(Late("late"), "later")
    assert found.task("mine")
