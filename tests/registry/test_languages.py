"""Languages of plugins: everything knows them, and nobody changes those of the harness."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest
from wheels import harness, install

from harness.core.errors import PluginError, UsageError
from harness.registry.registry import Registry
from harness.registry.select import select
from harness.registry.validation import check, check_languages
from harness.testing import check_plugin
from harness.types.languages import Language, first_party_languages

CELTIC = Path(__file__).resolve().parents[1] / "sample_plugins" / "sample-celtic"
GAELIC = 'Language("gd", "gla", "Scottish Gaelic", "Latn", "Indo-European", "Celtic", 0)'
LINES = {
    "gd": [("tha i fliuch", "wet"), ("tha i tioram", "dry"), ("tha an t-uisge ann", "wet")],
    "cy": [("mae hi'n wlyb", "wet"), ("mae hi'n sych", "dry"), ("mae hi'n bwrw glaw", "wet")],
    "en": [("it is wet", "wet"), ("it is dry", "dry"), ("it is raining", "wet")],
}


def plugin(folder: Path, name: str, *yields: str, hook: str = "harness_languages") -> Path:
    path = folder / f"{name}.py"
    lines = ["from harness import *", "@hookimpl", f"def {hook}():", *(f"    yield {value}" for value in yields)]
    path.write_text("\n".join(lines) + "\n")
    return path


def task(code: str) -> str:
    source = f"FileData(('{code}.jsonl',), readers.json_lines, 'nowhere')"
    return f"TargetTask('weather', 1, 'classification', splits('{code}', test=lambda c: Split({source})), dict, 'accuracy')"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("celtic") / "data"
    (folder / "weather").mkdir(parents=True)
    for code, lines in LINES.items():
        rows = [{"id": str(i), "text": text, "label": label} for i, (text, label) in enumerate(lines)]
        for split in ("train", "dev", "test"):
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / "weather" / f"{split}-{code}.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install([CELTIC], tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def run(site: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    where = ("--data-dir", str(data), "--offline", "--out", str(out))
    done = harness(site, "-q", "eval", "--model", "baseline:majority", "--benchmark", "celtic", *where)
    assert done.returncode == 0, done.stderr
    return out


def test_a_benchmark_in_new_languages_is_scored_and_reported_by_name(site: Path, run: Path, data: Path) -> None:
    record = json.loads((run / "record.json").read_text())
    assert set(record["units"]) == {"weather/gd/test", "weather/cy/test"} and record["scores"]["overall"] is not None
    done = harness(site, "-q", "report", str(run), "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = {row["language"]: row for row in csv.DictReader(done.stdout.splitlines())}
    assert (rows["gd"]["name"], rows["gd"]["genus"], rows["gd"]["resource_class"]) == ("Scottish Gaelic", "Celtic", "0")
    assert (rows["cy"]["name"], rows["cy"]["script"]) == ("Welsh", "Latn")
    shown = harness(site, "-q", "tasks", "show", "weather", "--data-dir", str(data))
    assert "Scottish Gaelic" in shown.stdout and "Welsh" in shown.stdout


def test_boards_show_the_rows_of_a_plugin_with_its_provider(site: Path, tmp_path: Path) -> None:
    local = ("--rows", str(tmp_path / "none"))
    done = harness(site, "-q", "leaderboard", "show", "--benchmark", "celtic", "--json", *local)
    (row,) = json.loads(done.stdout)
    assert (row["system"], row["provider"]) == ("Druid", "sample-celtic:celtic")
    shown = harness(site, "-q", "leaderboard", "show", "--benchmark", "celtic", "--task", "weather", *local)
    assert "Druid" in shown.stdout and "macdonald2025 (sample-celtic:celtic)" in " ".join(shown.stdout.split())
    others = json.loads(harness(site, "-q", "leaderboard", "show", "--json", *local).stdout)
    assert {row["provider"] for row in others} == {"xtreme-harness:benchmarks"}


def celtic() -> Registry:
    found = Registry([CELTIC / "sample_celtic" / "__init__.py"])
    found.check()
    return found


def test_selectors_find_them_by_script_genus_and_code() -> None:
    registry = celtic()

    def codes(*selectors: str, languages: tuple[str, ...] = ()) -> list[str]:
        return [unit.language for unit in select(registry, tasks=selectors, languages=languages)]

    assert codes("weather[family:Celtic]") == codes("weather[gd,cy]") == ["gd", "cy"]
    assert codes("weather", languages=("script:Latn",)) == ["en", "gd", "cy"]
    with pytest.raises(UsageError, match="unknown language 'Welsh'") as caught:
        codes("weather[Welsh]")
    assert caught.value.hint == "did you mean 'cy'?"


def test_a_registry_without_the_plugin_does_not_know_them(tmp_path: Path) -> None:
    celtic()
    plain = Registry([plugin(tmp_path, "other", task("gd"), hook="harness_target_tasks")])
    with pytest.raises(PluginError, match="target task 'weather': unknown language 'gd'"):
        plain.check()
    with pytest.raises(UsageError, match="unknown language 'gd'"):
        select(plain, tasks=["xnli[gd]"])


def test_a_task_may_be_in_a_language_of_another_plugin(tmp_path: Path) -> None:
    files = [plugin(tmp_path, "a_task", task("gd"), hook="harness_target_tasks"), plugin(tmp_path, "tongues", GAELIC)]
    found = Registry(files)
    found.check()
    assert list(found.task("weather").languages) == ["gd"]
    assert found.get(Language, "gd").provider == "file:tongues"
    assert found.languages().keys() == {*first_party_languages(), "gd"}


def test_a_plugin_that_loses_its_language_fails_and_takes_nobody_along(tmp_path: Path) -> None:
    files = [
        plugin(tmp_path, "a_task", task("gd"), hook="harness_target_tasks"),
        plugin(tmp_path, "one", GAELIC),
        plugin(tmp_path, "two", GAELIC),
    ]
    reasons = {p.name: p.reason for p in Registry(files).plugins() if p.status == "failed"}
    both = "the language 'gd' is provided by file:one and file:two: none of them is loaded"
    assert reasons["one"] == reasons["two"] == both
    assert "unknown language 'gd'" in reasons["a_task"] and len(reasons) == 3


def test_nobody_changes_a_language_of_the_harness(tmp_path: Path) -> None:
    other = plugin(tmp_path, "other", 'Language("de", "deu", "Teutonic", "Latf", "Indo-European", "Germanic")')
    found = Registry([other])
    with pytest.raises(PluginError, match="the language 'de' belongs to xtreme-harness:benchmarks"):
        found.check()
    assert found.languages()["de"].name == "German"
    alone = Registry([other], disabled=["benchmarks"])
    assert alone.languages()["de"].name == "German"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"code": "GD"}, "the code of a language must be a BCP-47 code, such as 'gd' or 'sr-Latn', not str 'GD'"),
        ({"code": 3}, "must be a BCP-47 code"),
        ({"iso639_3": "gl"}, "language 'gd': iso639_3 must be three lower-case letters, such as 'gla', not str 'gl'"),
        ({"script": "latin"}, "language 'gd': script must be an ISO 15924 code, such as 'Latn', not str 'latin'"),
        ({"name": ""}, "language 'gd': name must be a non-empty string"),
        ({"genus": None}, "language 'gd': genus must be a non-empty string"),
        ({"resource_class": 6}, "language 'gd': resource_class must be 0 to 5 or None, not int 6"),
    ],
)
def test_a_field_that_cannot_be_is_named(fields: dict[str, object], message: str) -> None:
    sound = dataclasses.asdict(celtic().get(Language, "gd"))
    with pytest.raises(PluginError) as caught:
        check("harness_languages", Language(**{**sound, **fields}))
    assert message in str(caught.value)
    assert check("harness_languages", Language(**sound)) == Language(**sound)


def test_the_table_of_the_harness_passes_its_own_check() -> None:
    for language in first_party_languages().values():
        assert check("harness_languages", language) is language
        check_languages(language, ())


def test_the_contract_finds_a_language_that_is_there_under_another_code(tmp_path: Path) -> None:
    found = Registry(
        [plugin(tmp_path, "other", 'Language("ger", "deu", "German", "Latn", "Indo-European", "Germanic")')]
    )
    (outcome,) = check_plugin("other", checks=["languages"], registry=found)
    assert (outcome.status, outcome.subject) == ("failed", "language ger")
    assert outcome.detail == "iso639_3 'deu' is that of de and ger"
    found = check_plugin("__init__", checks=["languages"], registry=celtic())
    assert [(o.subject, o.status, o.detail) for o in found[:2]] == [
        ("language cy", "passed", "Welsh"),
        ("language gd", "passed", "Scottish Gaelic"),
    ]
