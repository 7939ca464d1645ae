"""Plugins: found, loaded, called and checked one by one; what goes wrong stays with the plugin that caused it."""

from __future__ import annotations

import ast
import inspect
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness
from harness.core.errors import PluginError, UsageError
from harness.core.imports import load_object
from harness.registry import hookspecs
from harness.registry.default import get_registry
from harness.registry.registry import PluginStatus, Registry
from harness.registry.validation import check
from harness.training.sources import training_tasks
from harness.types.benchmarks import Benchmark, Recipe
from harness.types.sources import Split
from harness.types.tasks import Family, IntermediateTask, TargetTask

ROOT = Path(__file__).resolve().parents[2]

TASK = """
from harness import DatasetsData, HubData, Pair, Split, TargetTask, hookimpl, splits

def task(name="mine", **changes):
    fields = dict(
        name=name, version=1, family="classification", metric="accuracy", labels=("no", "yes"),
        languages=splits("en sw", test=lambda code: Split(HubData("me/mine", code, "test"), rows=3)),
        example=lambda row: Pair(row["id"], row["a"], row["b"], row["label"]),
    )
    return TargetTask(**{**fields, **changes})

"""
GOOD = TASK + "@hookimpl\ndef harness_target_tasks():\n    yield task()\n"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HARNESS_DISABLE_PLUGINS", "HARNESS_PLUGINS_AUTOLOAD", "HARNESS_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)


def write(folder: Path, name: str, source: str) -> Path:
    path = folder / name
    path.write_text(dedent(source), encoding="utf-8")
    return path


def install(folder: Path, distribution: str, plugins: dict[str, str], version: str = "1.0") -> None:
    """What an installer leaves behind: modules, and a .dist-info folder with METADATA and entry_points.txt."""
    prefix = distribution.replace("-", "_")
    info = folder / f"{prefix}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = ["[harness.plugins]"]
    for name, source in plugins.items():
        module = f"{prefix}_{name}_module"
        write(folder, f"{module}.py", source)
        lines.append(f"{name} = {module}")
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def status(registry: Registry, name: str, distribution: str = "file") -> PluginStatus:
    return next(p for p in registry.plugins() if (p.name, p.distribution) == (name, distribution))


def test_every_first_party_plugin_loads() -> None:
    registry = get_registry()
    first_party = [p for p in registry.plugins() if p.kind == "first-party"]
    assert {p.name: p.reason for p in first_party if p.status != "ok"} == {}
    assert all(p.provides and p.distribution == "xtreme-harness" for p in first_party)
    assert registry.task("xnli").provider == "xtreme-harness:xnli"
    assert registry.intermediate("mnli").provider == "xtreme-harness:mnli"
    assert {"classification", "tagging", "span_qa", "multiple_choice"} <= set(registry.families())
    for task in registry.tasks().values():
        training_tasks(task, registry)


def test_tasks_come_in_benchmark_order_then_by_name(tmp_path: Path) -> None:
    source = TASK + "@hookimpl\ndef harness_target_tasks():\n    return [task('zebra'), task('aardvark')]\n"
    names = list(Registry([write(tmp_path, "animals.py", source)]).tasks())
    known = get_registry().tasks()
    listed = [name for benchmark in get_registry().benchmarks().values() for name in benchmark.tasks if name in known]
    benchmark = list(dict.fromkeys(listed))
    assert benchmark[:2] == ["pawsx", "xnli"]
    assert names == [*benchmark, *sorted({*known, "aardvark", "zebra"} - set(benchmark))]


def test_a_loose_file_provides_a_task(tmp_path: Path) -> None:
    registry = Registry([write(tmp_path, "mine.py", GOOD)])
    registry.check()
    assert registry.task("mine").provider == "file:mine"
    found = status(registry, "mine")
    assert (found.kind, found.status, found.provides) == ("file", "ok", ("target task mine",))
    assert "mine" not in get_registry().tasks()


def test_a_file_edited_within_the_second_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's cache of compiled files knows them by their size and second."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    source = (
        "from harness import Recipe, hookimpl\n@hookimpl\ndef harness_recipes():\n    yield Recipe({!r}, 1, {{}})\n"
    )
    file = tmp_path / "plugin.py"
    for name in ("one", "two"):
        file.write_text(source.format(name))
        os.utime(file, (10**9, 10**9))
        assert Registry([file]).recipe(name).name == name


def test_a_plugin_may_be_an_object_and_may_be_written_for_this_api(tmp_path: Path) -> None:
    install(tmp_path, "objects", {"unused": ""})
    (tmp_path / "objects-1.0.dist-info" / "entry_points.txt").write_text(
        "[harness.plugins]\nthing = objects_thing:plugin\n"
    )
    body = "HARNESS_API = 1\n@hookimpl\ndef harness_target_tasks(self):\n    yield task()\n"
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    write(tmp_path, "objects_thing.py", TASK + f"class Thing:\n{indented}\nplugin = Thing()\n")
    found = listed(tmp_path)["objects:thing"]
    assert (found["status"], found["provides"]) == ("ok", ["target task mine"]), found["reason"]


BROKEN: dict[str, tuple[str, str]] = {
    "import_error": ("import no_such_package_anywhere", "No module named 'no_such_package_anywhere'"),
    "syntax_error": ("def broken(:\n    pass", "SyntaxError"),
    "exits": ("import sys\nsys.exit(3)", "SystemExit"),
    "empty": ("", "implements no hook"),
    "misspelt": (
        TASK + "@hookimpl\ndef harness_target_task():\n    yield task()",
        "did you mean 'harness_target_tasks'",
    ),
    "unmarked": (TASK + "def harness_target_tasks():\n    yield task()", "decorate it with @hookimpl"),
    "argument": (TASK + "@hookimpl\ndef harness_target_tasks(config):\n    yield task()", "no argument 'config'"),
    "wrapper": (TASK + "@hookimpl(wrapper=True)\ndef harness_target_tasks():\n    return (yield)", "wrapper"),
    "raises": (TASK + "@hookimpl\ndef harness_target_tasks():\n    yield task()\n    1 / 0", "ZeroDivisionError"),
    "newer": ("HARNESS_API = 9\n" + GOOD, "written for plugin API 9"),
    "api_text": ("HARNESS_API = 'one'\n" + GOOD, "HARNESS_API must be a whole number"),
    "none": (TASK + "@hookimpl\ndef harness_target_tasks():\n    task()", "returned NoneType"),
    "single": (TASK + "@hookimpl\ndef harness_target_tasks():\n    return task()", "returned TargetTask"),
    "text": (TASK + "@hookimpl\ndef harness_target_tasks():\n    return 'mine'", "returned str"),
    "wrong_type": (TASK + "@hookimpl\ndef harness_recipes():\n    yield task()", "expected Recipe values"),
    "clash": (
        TASK + "@hookimpl\ndef harness_target_tasks():\n    yield task('xnli')",
        "belongs to xtreme-harness:xnli",
    ),
    "twice": (TASK + "@hookimpl\ndef harness_target_tasks():\n    return [task(), task()]", "more than once"),
}
FIELDS: dict[str, tuple[str, str]] = {
    "language": ("languages={'swahili': task().languages['sw']}", "unknown language 'swahili'"),
    "family": ("family='clasification'", "did you mean 'classification'?"),
    "labels": ("labels=('yes', 'no', 'yes')", "'yes' more than once"),
    "labels_text": ("labels='yes'", "labels must be a tuple of strings"),
    "entities": ("family='tagging', metric='ner_f1', labels=('O', 'PERSON')", "labels: 'PERSON' is not an entity tag"),
    "positive": (
        "metric='accuracy_f1'",
        "labels: none of 'no', 'yes' is the positive label of the metric 'accuracy_f1'",
    ),
    "positive_named": (
        "metric='accuracy_f1:maybe'",
        "('maybe'); name it in the task's metric, such as accuracy_f1:yes",
    ),
    "options": ("options={'layer': {1, 2}}", "options['layer'] must be a plain value"),
    "options_nan": ("options={'margin': float('nan')}", "options['margin'] must be a plain value"),
    "name": ("name='My task'", "lower-case letters"),
    "name_number": ("name=7", "must be a string"),
    "version": ("version='1'", "version must be a positive whole number"),
    "no_languages": ("languages={}", "languages is empty"),
    "split": ("languages={'en': {'test': 'me/mine'}}", "must be a Split"),
    "sources": ("languages={'en': {'test': Split()}}", "has no source"),
    "example": ("example=None", "example must be a function"),
    **{
        f"datasets_{name}": (f"languages={{'en': {{'test': Split(DatasetsData({given}))}}}}", reason)
        for name, (given, reason) in {
            "format": ("'pandas', ('a.pkl',), 'x'", "must be one of 'csv', 'tsv', 'text', 'json', 'parquet', 'arrow'"),
            "no_files": ("'csv', (), 'x'", "has no files"),
            "files": ("'csv', 'a.csv', 'x'", "must be a tuple of strings"),
            "obtain": ("'csv', ('a.csv',)", "obtain of a source of languages['en']['test'] must be a non-empty string"),
            "json_options": ("'json', ('a.json',), 'x', options={'field': 'data'}", "are read without options"),
            "options": ("'csv', ('a.csv',), 'x', options={'sep': {1}}", "must be a plain value"),
            "load": ("load='mine:load'", "must be a function"),
            "both": ("'csv', ('a.csv',), 'x', load=print", "one or the other"),
            "origin": ("load=print, origin='robots'", "origin of a source of"),
        }.items()
    },
}
for _name, (_change, _reason) in FIELDS.items():
    BROKEN[f"field_{_name}"] = (
        TASK + f"@hookimpl\ndef harness_target_tasks():\n    yield task(**dict({_change}))",
        _reason,
    )
BROKEN["group"] = (
    "from harness import Benchmark, hookimpl\n@hookimpl\ndef harness_benchmarks():\n"
    "    yield Benchmark('b', 1, 'B', tasks={'xnli': ('sw',)}, groups={'g': ('xnil',)}, rule='mean')",
    "did you mean 'xnli'?",
)


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_file_fails_alone_and_says_why(tmp_path: Path, name: str) -> None:
    source, reason = BROKEN[name]
    registry = Registry(
        [write(tmp_path, f"{name}.py", source), write(tmp_path, "good.py", GOOD.replace("mine", "fine"))]
    )
    found = status(registry, name)
    assert found.status == "failed" and reason in found.reason
    assert "\n" not in found.reason
    assert found.provides == ()
    assert "mine" not in registry.tasks()
    assert registry.task("fine").provider == "file:good"
    assert registry.task("xnli").provider == "xtreme-harness:xnli"
    with pytest.raises(PluginError) as caught:
        registry.check()
    assert caught.value.exit_code == 3 and f"file:{name}" in str(caught.value) and "file:good" not in str(caught.value)


@pytest.mark.parametrize(
    ("metric", "labels"), [("accuracy_f1", ("0", "1")), ("accuracy_f1:yes", ("no", "yes")), ("accuracy_f1", ())]
)
def test_a_task_whose_labels_hold_the_positive_one_or_are_not_declared_is_loaded(
    metric: str, labels: tuple[str, ...]
) -> None:
    qqp = replace(get_registry().intermediate("qqp"), name="mine", metric=metric, labels=labels)
    assert check("harness_intermediate_tasks", qqp) is qqp


def test_the_reason_names_the_line_of_the_plugin(tmp_path: Path) -> None:
    path = write(tmp_path, "deep.py", "import json\n\njson.loads('{')\n")
    assert f"{path}, line 3" in status(Registry([path]), "deep").reason
    path = write(tmp_path, "ours.py", "from harness import splits\nsplits('en en')\n")
    assert f"{path}, line 2" in status(Registry([path]), "ours").reason


def test_a_failed_plugin_takes_no_part_in_choosing(tmp_path: Path) -> None:
    chosen = write(tmp_path, "chosen.parquet", "")
    chooser = f"@hookimpl\ndef harness_resolve_data(source):\n    return [{str(chosen)!r}]\n"
    good = write(tmp_path, "chooser.py", "from harness import hookimpl\n" + chooser)
    registry = Registry([good])
    assert registry.hook.harness_resolve_data(source=None, data_dir=None, offline=True) == [chosen]
    assert status(registry, "chooser").provides == ("hook harness_resolve_data",)
    bad = write(tmp_path, "late.py", BROKEN["field_language"][0] + "\n" + chooser)
    registry = Registry([bad])
    assert registry.hook.harness_resolve_data(source=None, data_dir=None, offline=True) is None


def test_a_task_goes_when_the_family_it_needs_goes(tmp_path: Path) -> None:
    family = write(
        tmp_path,
        "parsing.py",
        """
        from harness import Family, Recipe, hookimpl

        @hookimpl
        def harness_families():
            yield Family("parsing", (str,), "parsing:Parsing", "parsing:Trees")

        @hookimpl
        def harness_recipes():
            yield Recipe("xtreme", 1, {})
        """,
    )
    task = TASK + "@hookimpl\ndef harness_target_tasks():\n    yield task(family='parsing')\n"
    registry = Registry([family, write(tmp_path, "trees.py", task)])
    assert "recipe 'xtreme' belongs to xtreme-harness:recipes" in status(registry, "parsing").reason
    reason = status(registry, "trees").reason
    assert "no family 'parsing'" in reason and "file:parsing, which was to provide it, failed" in reason


def test_what_a_plugin_prints_does_not_reach_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Registry([write(tmp_path, "chatty.py", "print('hello')\n" + GOOD)])
    captured = capsys.readouterr()
    assert captured.out == "" and "hello" in captured.err


def test_names_that_nobody_provides_are_refused_with_the_nearest_one(tmp_path: Path) -> None:
    registry = get_registry()
    for look_up, name, near in (
        (registry.task, "xnil", "'xnli'"),
        (registry.intermediate, "squda", "'squad'"),
        (registry.family, "taging", "'tagging'"),
        (registry.benchmark, "xtrem", "'xtreme'"),
        (registry.recipe, "stilt", "'stilts'"),
    ):
        with pytest.raises(UsageError) as caught:
            look_up(name)
        assert name in str(caught.value) and f"did you mean {near}" in caught.value.hint


def test_asking_for_what_a_failed_plugin_was_to_provide_is_a_plugin_error(tmp_path: Path) -> None:
    registry = Registry(
        [write(tmp_path, "swahili.py", BROKEN["import_error"][0]), write(tmp_path, "other.py", BROKEN["raises"][0])]
    )
    for name, plugin in (("swahili", "file:swahili"), ("mine", "file:other")):
        with pytest.raises(PluginError, match=plugin) as caught:
            registry.task(name)
        assert caught.value.exit_code == 3
    with pytest.raises(UsageError) as unknown:
        registry.task("unheard-of")
    assert "file:swahili" in unknown.value.hint


def test_training_on_a_task_that_is_not_there_is_found_when_it_is_needed(tmp_path: Path) -> None:
    source = TASK + "@hookimpl\ndef harness_target_tasks():\n    yield task(train='squda')\n"
    registry = Registry([write(tmp_path, "qa.py", source)])
    registry.check()
    with pytest.raises(PluginError, match=r"'mine' \(file:qa\) trains on 'squda'") as caught:
        training_tasks(registry.task("mine"), registry)
    assert "'squad'" in caught.value.hint
    (xquad,) = training_tasks(registry.task("xquad"), registry)
    assert isinstance(xquad, IntermediateTask) and xquad.name == "squad"
    (xnli,) = training_tasks(registry.task("xnli"), registry)
    assert isinstance(xnli.train, Split) and xnli.train is registry.task("xnli").train
    assert training_tasks(registry.task("tatoeba"), registry) == ()


def test_plugins_can_be_disabled_by_name(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    registry = get_registry(disabled=("pawsx",))
    assert "pawsx" not in registry.tasks() and "pawsx" in get_registry().tasks()
    assert status(registry, "pawsx", "xtreme-harness").status == "disabled"
    with pytest.raises(UsageError, match="xtreme-harness:pawsx is disabled") as caught:
        registry.task("pawsx")
    assert "--no-plugin" in caught.value.hint
    with pytest.raises(UsageError, match="no plugin is called 'pawx'") as typo:
        get_registry(disabled=("pawx",))
    assert "'pawsx'" in typo.value.hint
    monkeypatch.setenv("HARNESS_DISABLE_PLUGINS", "xtreme-harness:panx, gone")
    assert "panx" not in get_registry().tasks()
    assert "names 'gone'" in caplog.text


def test_first_party_names_stay_reserved_while_their_plugin_is_disabled(tmp_path: Path) -> None:
    registry = Registry([write(tmp_path, "mine.py", GOOD.replace("task()", "task('xnli')"))], disabled=("xnli",))
    assert "belongs to xtreme-harness:xnli" in status(registry, "mine").reason
    assert "xnli" not in registry.tasks()


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not found: .*absent\.py"):
        get_registry([tmp_path / "absent.py"])


def test_the_registry_is_built_once() -> None:
    assert get_registry() is get_registry()


def test_a_reference_loads_its_object_and_a_wrong_one_is_refused() -> None:
    assert load_object("harness.types.tasks:TargetTask") is TargetTask
    assert load_object("harness.types.tasks:TargetTask.__name__") == "TargetTask"
    for wrong in (
        "harness.types.tasks",
        "harness.types.tasks:",
        ":x",
        "harness.types.tasks:Nothing",
        "harness.nothing:Thing",
    ):
        with pytest.raises(PluginError):
            load_object(wrong)


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from harness.cli.main import main; sys.exit(main())"
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "HARNESS_PLUGINS_AUTOLOAD": "1", "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
    )


def listed(folder: Path, **environment: str) -> dict[str, dict[str, Any]]:
    plugins = json.loads(run(folder, "plugins", "--json", **environment).stdout)
    return {f"{p['distribution']}:{p['name']}": p for p in plugins}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installed third parties, good and bad, as an installer leaves them."""
    folder = tmp_path_factory.mktemp("site")
    install(folder, "good-tasks", {"good": GOOD.replace("'mine'", "'good'").replace('"mine"', '"good"')})
    for name, (source, _) in BROKEN.items():
        install(folder, f"bad-{name}", {f"bad_{name}": source.replace('"mine"', f'"m_{name}"')})
    install(folder, "impostor", {"xnli": GOOD.replace('"mine"', '"impostor"')})
    install(folder, "one", {"shared": GOOD.replace('"mine"', '"one"'), "one_more": GOOD.replace('"mine"', '"same"')})
    install(folder, "two", {"shared": GOOD.replace('"mine"', '"two"'), "two_more": GOOD.replace('"mine"', '"same"')})
    install(folder, "bad-lines", {"unused": GOOD})
    (folder / "bad_lines-1.0.dist-info" / "entry_points.txt").write_text("[harness.plugins]\ntypo = not a module\n")
    install(folder, "bad-parse", {"unused": GOOD})
    (folder / "bad_parse-1.0.dist-info" / "entry_points.txt").write_text("[harness.plugins]\nno assignment\n")
    install(folder, "nameless", {"unused": GOOD})
    (folder / "nameless-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\n")
    return folder


@pytest.fixture(scope="module")
def plugins(site: Path) -> dict[str, dict[str, Any]]:
    return listed(site)


def test_installed_plugins_are_found_beside_our_own(plugins: dict[str, dict[str, Any]]) -> None:
    good = plugins["good-tasks:good"]
    assert (good["status"], good["kind"], good["version"]) == ("ok", "third-party", "1.0")
    assert good["provides"] == ["target task good"]
    ours = [p for p in plugins.values() if p["kind"] == "first-party"]
    assert ours and {p["status"] for p in ours} == {"ok"}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_an_installed_broken_plugin_fails_alone(plugins: dict[str, dict[str, Any]], name: str) -> None:
    found = plugins[f"bad-{name.replace('_', '-')}:bad_{name}"]
    assert found["status"] == "failed" and BROKEN[name][1] in found["reason"]


def test_names_claimed_by_two_distributions_fail_in_both(plugins: dict[str, dict[str, Any]]) -> None:
    assert "reserved for xtreme-harness" in plugins["impostor:xnli"]["reason"]
    for distribution in ("one", "two"):
        shared = plugins[f"{distribution}:shared"]
        assert shared["status"] == "failed" and "claimed by one and two" in shared["reason"]
        more = plugins[f"{distribution}:{distribution}_more"]
        assert more["status"] == "failed" and "provided by one:one_more and two:two_more" in more["reason"]


@pytest.mark.parametrize("name", ["bad-lines:typo", "bad-parse:bad-parse", "nameless:nameless"])
def test_metadata_that_cannot_be_read_is_a_failed_plugin(plugins: dict[str, dict[str, Any]], name: str) -> None:
    assert plugins[name]["status"] == "failed" and plugins[name]["reason"]


def test_each_failure_is_one_warning_and_nothing_else_stops(site: Path) -> None:
    done = run(site, "tasks", "list", "--json")
    assert done.returncode == 0
    assert {"xnli", "good"} <= {task["name"] for task in json.loads(done.stdout)}
    assert "Traceback" not in done.stderr
    warned = [line for line in done.stderr.splitlines() if line.startswith("warning: plugin bad-raises:bad_raises")]
    assert len(warned) == 1


def test_strict_mode_makes_any_failure_fatal(site: Path) -> None:
    done = run(site, "tasks", "list", HARNESS_STRICT_PLUGINS="1")
    assert done.returncode == 3 and "bad-raises:bad_raises" in done.stderr and done.stdout == ""
    done = run(site, "plugins", "--json", HARNESS_STRICT_PLUGINS="1")
    assert done.returncode == 3 and json.loads(done.stdout)


def test_third_parties_can_be_switched_off_together(site: Path) -> None:
    found = listed(site, HARNESS_PLUGINS_AUTOLOAD="0", HARNESS_STRICT_PLUGINS="1")
    assert {p["status"] for p in found.values() if p["kind"] == "third-party"} == {"disabled"}
    assert {p["status"] for p in found.values() if p["kind"] == "first-party"} == {"ok"}


def test_asking_for_a_broken_plugin_on_the_command_line_exits_with_3(site: Path) -> None:
    done = run(site, "-q", "tasks", "show", "bad_import_error")
    assert done.returncode == 3 and "bad-import-error:bad_import_error failed" in done.stderr
    done = run(site, "-q", "tasks", "show", "good")
    assert done.returncode == 0 and "good-tasks:good" in done.stdout


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.tuples(st.text(max_size=2)),
    st.sets(st.integers(), max_size=2),
    st.dictionaries(st.one_of(st.integers(), st.sampled_from(["en", "qq"])), st.none(), max_size=2),
)
COMPLETE: dict[str, Any] = {
    "harness_target_tasks": lambda: get_registry().task("xnli"),
    "harness_intermediate_tasks": lambda: get_registry().intermediate("mnli"),
    "harness_families": lambda: get_registry().family("tagging"),
    "harness_benchmarks": lambda: get_registry().benchmark("xtreme"),
    "harness_recipes": lambda: get_registry().recipe("xtreme"),
}


@given(st.data())
def test_any_wrong_field_is_a_plugin_error_and_nothing_else(data: st.DataObject) -> None:
    hook = data.draw(st.sampled_from(sorted(COMPLETE)))
    whole = COMPLETE[hook]()
    assert isinstance(whole, TargetTask | IntermediateTask | Family | Benchmark | Recipe)
    assert check(hook, whole) is whole
    field = data.draw(st.sampled_from(sorted(vars(whole))))
    changed = object.__new__(type(whole))
    changed.__dict__.update({**vars(whole), field: data.draw(JUNK)})
    try:
        check(hook, changed)
    except PluginError as error:
        assert str(error)


def plugin_files() -> dict[str, Path]:
    """Module name to path, of every file in plugins/ that implements a hook."""
    files = {}
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        if any(function.name.startswith("harness_") for function in functions):
            parts = path.relative_to(ROOT / "plugins").with_suffix("").parts
            files[".".join(("harness_plugins", *parts))] = path
    return files


def test_every_plugin_file_has_one_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = project["entry-points"]["harness.plugins"]
    assert sorted(table.values()) == sorted(plugin_files())
    assert all(value.rpartition(".")[2] == name for name, value in table.items())


def test_plugin_files_use_public_names_only() -> None:
    files = sorted((ROOT / "plugins").rglob("*.py"))
    assert len(files) > 10
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        late = {
            node
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.Import)  # what an extra installs is imported when it is used
            or (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] != "harness")
        }
        for node in ast.walk(tree):
            if node in late:
                continue
            if isinstance(node, ast.Import):
                modules, names = [alias.name for alias in node.names], []
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}, line {node.lineno}: relative import"
                modules, names = [node.module or ""], [alias.name for alias in node.names]
            else:
                continue
            for module in modules:
                where = f"{path}, line {node.lineno}: {module}"
                own = {"harness", "harness_plugins"}  # any distribution of plugins may share modules among its own
                assert module.partition(".")[0] in {*own, *sys.stdlib_module_names}, where
                assert module == "harness" or not module.startswith("harness."), where
                if module == "harness":
                    assert names and set(names) <= set(harness.__all__), where


def test_type_checkers_see_every_public_name() -> None:
    tree = ast.parse((ROOT / "harness" / "__init__.pyi").read_text(encoding="utf-8"))
    seen = [alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(filter(None, seen)) == sorted(harness.__all__)
    for name in harness.__all__:
        assert getattr(harness, name) is not None


def test_every_hook_is_documented_by_an_example() -> None:
    hooks = [value for name, value in vars(hookspecs).items() if name.startswith("harness_")]
    assert hooks
    for hook in hooks:
        assert "Example::" in (inspect.getdoc(hook) or ""), hook.__name__
        assert hook.__name__ in (inspect.getdoc(hook) or ""), hook.__name__


PLUGIN_FILE = """
from harness import Recipe, hookimpl

@hookimpl
def harness_recipes():
    yield Recipe({name!r}, 1, dict(lr=1e-5))
"""


def test_a_plugin_file_is_read_again_in_another_folder_and_once_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mine.py").write_text(PLUGIN_FILE.format(name=place))
    file = Path("mine.py")
    monkeypatch.chdir(tmp_path / "here")
    first = get_registry([file])
    assert "here" in first.recipes() and get_registry([file]) is first
    monkeypatch.chdir(tmp_path / "there")
    assert {"here", "there"} & get_registry([file]).recipes().keys() == {"there"}
    file.write_text(PLUGIN_FILE.format(name="everywhere"))
    assert {"there", "everywhere"} & get_registry([file]).recipes().keys() == {"everywhere"}


def test_no_hint_is_worked_out_while_nothing_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked_for(*arguments: object, **named: object) -> list[str]:
        raise AssertionError(f"names like {arguments[0]!r} were looked for, which takes longer than the check itself")

    monkeypatch.setattr("difflib.get_close_matches", looked_for)
    assert not [plugin.reason for plugin in Registry().plugins() if plugin.status == "failed"]
