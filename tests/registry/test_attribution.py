"""What goes wrong in a plugin's code during a run, or behind a reference, is named: plugin, distribution, value, field."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_task import PLUGIN, write_data

from harness.api import evaluate
from harness.cli.main import main
from harness.core.errors import PluginError
from harness.data.subset import limited
from harness.registry.attribution import attributing_errors
from harness.registry.registry import Registry
from harness.scoring.aggregate import aggregate
from harness.testing.model import small_model
from harness.types.options import EvalOptions

FAMILY = """
from dataclasses import replace
from harness.families.classification import Classification

class Broken(Classification):
    def decode(self, features, outputs, examples):
        return 1 / 0

class Infinite(Classification):
    def predict(self, forward, units):
        for found in super().predict(forward, units):
            yield replace(found, facts={{"margin": float("inf")}})

@hookimpl
def harness_families():
    yield Family("own", (Pair,), {implementation}, "harness.scoring.formats.labels:Labels")

@hookimpl(specname="harness_target_tasks")
def more():
    yield TargetTask(**{{**FIELDS, "name": "theirs", "family": "own"}})
"""


def registry(folder: Path, source: str) -> Registry:
    path = folder / "own.py"
    path.write_text(PLUGIN + source, encoding="utf-8")
    found = Registry([path])
    found.check()
    return found


def options(folder: Path) -> EvalOptions:
    data = str(write_data(folder / "data"))
    return EvalOptions(data_dir=data, offline=True, device="cpu", recipe="tiny", overrides={"max_steps": 2})


def test_a_family_that_raises_fails_its_own_units_only(tmp_path: Path) -> None:
    found = registry(tmp_path, FAMILY.format(implementation='f"{__name__}:Broken"'))
    model = str(small_model(tmp_path / "model"))
    chosen = EvalOptions(**{**vars(options(tmp_path)), "overrides": {"max_steps": 2, "select": "last"}})
    run = evaluate(model, ["mine[sw]", "theirs"], out=tmp_path / "run", options=chosen, registry=found)
    assert set(run.failed) == {"theirs/en/test", "theirs/sw/test"}
    reason = run.failed["theirs/sw/test"]
    assert "plugin file:own: family 'own': implementation: ZeroDivisionError: division by zero" in reason
    assert f"{tmp_path / 'own.py'}, line " in reason
    assert run.record["units"]["mine/sw/test"]["score"]["n"] == 8


def test_a_fact_that_no_record_can_hold_fails_its_own_units_and_loses_no_other(tmp_path: Path) -> None:
    found = registry(tmp_path, FAMILY.format(implementation='f"{__name__}:Infinite"'))
    model = str(small_model(tmp_path / "model"))
    chosen = options(tmp_path)
    kept = []
    for _ in range(2):
        run = evaluate(model, ["theirs", "mine[sw]"], out=tmp_path / "run", options=chosen, registry=found)
        assert set(run.failed) == {"theirs/en/test", "theirs/sw/test"}
        assert "gave a value that is not a finite number" in run.failed["theirs/sw/test"]
        assert list(run.record["units"]) == ["mine/sw/test"]
        kept.append(run.record["units"]["mine/sw/test"])
    assert kept[0] == kept[1], "scored again"
    assert not list((tmp_path / "run").glob("*.unsound"))


def test_a_family_that_is_not_there_matters_only_to_who_uses_it(tmp_path: Path) -> None:
    found = registry(tmp_path, FAMILY.format(implementation='"no_such_module:Broken"'))
    chosen = options(tmp_path)
    run = evaluate("baseline:majority", ["mine"], out=tmp_path / "run", options=chosen, registry=found)
    assert run.failed == {}
    with pytest.raises(PluginError, match="plugin file:own: family 'own': implementation: cannot load 'no_such_module"):
        evaluate("baseline:majority", ["theirs"], out=tmp_path / "other", options=chosen, registry=found)


BENCHMARK = """
from harness import Benchmark
def overall(tasks):
    return {body}
@hookimpl
def harness_benchmarks():
    yield Benchmark("b", 1, "B", tasks={{"mine": ("en",)}}, groups={{}}, rule="the maximum", overall=f"{{__name__}}:overall")
"""


def test_an_overall_score_of_its_own(tmp_path: Path) -> None:
    benchmark = registry(tmp_path, BENCHMARK.format(body="max(task.score for task in tasks.values())")).benchmark("b")
    complete = {"mine": {"en": _score(40.0)}}
    assert aggregate(benchmark, complete, {"mine": ("accuracy",)}).overall == 40.0
    assert aggregate(benchmark, {}, {"mine": ("accuracy",)}).overall is None
    benchmark = registry(tmp_path, BENCHMARK.format(body="tasks['yours']")).benchmark("b")
    with pytest.raises(PluginError, match="plugin file:own: benchmark 'b': overall: KeyError: 'yours'"):
        aggregate(benchmark, complete, {"mine": ("accuracy",)})
    benchmark = registry(tmp_path, BENCHMARK.format(body="float('inf')")).benchmark("b")
    with pytest.raises(PluginError, match="benchmark 'b': overall: ValueError: inf is not a finite number"):
        aggregate(benchmark, complete, {"mine": ("accuracy",)})


def _score(value: float) -> object:
    from harness.scoring.scores import Estimate, UnitScore

    return UnitScore(10, {"accuracy": Estimate(value)})


@pytest.mark.parametrize(
    ("source", "arguments", "code", "message"),
    [
        ('Command("own", "no_such_module:run")', ["own"], 3, "command 'own': run: cannot load 'no_such_module:run'"),
        ('Command("own", "json:loads")', ["own"], 3, "command 'own': run: function is not a click command"),
        ('Command("eval", "json:loads")', ["tasks", "list"], 3, "the harness has a command of this name"),
        ('Command("own", "nonsense")', ["tasks", "list"], 3, "run must be of the form 'module:name'"),
    ],
)
def test_a_plugins_command_that_cannot_be_run_is_an_error_that_names_the_plugin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, arguments: list[str], code: int, message: str
) -> None:
    path = tmp_path / "own.py"
    path.write_text(f"from harness import Command, hookimpl\n@hookimpl\ndef harness_commands():\n    yield {source}\n")
    assert main(["--plugin", str(path), *arguments]) == code
    error = capsys.readouterr().err
    assert message in error and "file:own" in error


def test_an_error_in_a_class_of_examples_is_that_of_its_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_kinds.py").write_text(
        "from dataclasses import dataclass\n"
        "from harness import Example\n"
        "@dataclass(frozen=True)\n"
        "class Theirs(Example):\n"
        "    id: str\n"
        "    def pool_role(self):\n"
        "        return self.pool\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    source = FAMILY.format(implementation='"harness.families.classification:Classification"')
    found = registry(tmp_path, "from their_kinds import Theirs\n" + source.replace("(Pair,)", "(Theirs,)"))
    family = found.family("own")
    with (
        pytest.raises(PluginError, match=r"family 'own': examples: AttributeError: .*their_kinds\.py"),
        attributing_errors(found.task("theirs"), found),
    ):
        limited([family.examples[0](str(number)) for number in range(9)], 3)
