"""Languages of plugins: everything knows them, and nobody changes those of the harness."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest
from wheels import harness, install

from harness import types as harness_types
from harness.core.errors import PluginError, UsageError
from harness.registry.registry import Registry
from harness.registry.select import select
from harness.registry.validation import check, check_languages
from harness.testing import check_plugin
from harness.types.languages import Language, first_party_languages, language, languages

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


def test_a_task_may_be_in_any_language_without_a_plugin_that_adds_it(tmp_path: Path) -> None:
    plain = Registry([plugin(tmp_path, "other", task("gd"), hook="harness_target_tasks")])
    plain.check()
    [unit] = select(plain, tasks=["weather[family:Celtic]"])
    assert unit.language == "gd"
    assert [unit.language for unit in select(plain, tasks=["weather"], languages=["script:Latn"])] == ["gd"]
    with pytest.raises(UsageError, match="'gd' in 'xnli\\[gd\\]' is not among the languages"):
        select(plain, tasks=["xnli[gd]"])
    unknown = Registry([plugin(tmp_path, "unknown", task("qx"), hook="harness_target_tasks")])
    with pytest.raises(PluginError, match="target task 'weather': unknown language 'qx'; a BCP 47 code"):
        unknown.check()


def test_names_scripts_and_families_of_the_world_are_those_of_their_sources() -> None:
    known = languages()
    shown = {code: (known[code].name, known[code].script, known[code].family, known[code].genus) for code in FACTS}
    assert shown == FACTS
    assert known["ig"].iso639_3 == "ibo" and known["ig"].resource_class is None


FACTS = {
    "am": ("Amharic", "Ethi", "Afro-Asiatic", "Semitic"),
    "ig": ("Igbo", "Latn", "Niger-Congo", "Volta-Congo"),
    "gn": ("Guarani", "Latn", "Tupian", "Maweti-Guarani"),
    "yue": ("Cantonese", "Hant", "Sino-Tibetan", "Sinitic"),
    "bho": ("Bhojpuri", "Deva", "Indo-European", "Indo-Aryan"),
    "io": ("Ido", "Latn", "unknown", "unknown"),
    "zh-TW": ("Chinese (TW)", "Hant", "Sino-Tibetan", "Sinitic"),
    "sr-Latn": ("Serbian (Latn)", "Latn", "Indo-European", "Slavic"),
    "pa-PK": ("Punjabi (PK)", "Arab", "Indo-European", "Indo-Aryan"),
    "de-CH-1996": ("German (CH, 1996)", "Latn", "Indo-European", "Germanic"),
    "sw": ("Swahili", "Latn", "Niger-Congo", "Narrow Bantu"),
}


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("Igbo", "ig"),
        ("ibo", "ig"),
        ("swa", "sw"),
        ("zh_TW", "zh-TW"),
        ("SR-latn", "sr-Latn"),
        ("zho-hans", "zh-Hans"),
        ("german", "de"),
    ],
)
def test_another_spelling_of_a_code_leads_to_it(code: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"unknown language '{code}'") as caught:
        language(code)
    assert caught.value.hint == f"did you mean '{meant}'?"


@pytest.mark.parametrize("code", ["qx", "qaa", "mul", "x-mine", "iw", "", "en-", "EN", "deu", "zh-hans", 3, None])
def test_what_is_no_code_of_bcp_47_is_no_language(code: object) -> None:
    assert code not in languages()


def test_every_row_of_the_table_is_a_language_that_a_plugin_could_add() -> None:
    table = (Path(harness_types.__file__).parent / "world_languages.tsv").read_text(encoding="utf-8").splitlines()[1:]
    codes = [line.split("\t")[0] for line in table]
    assert len(codes) == len(set(codes)) > 7_800 and codes == sorted(codes, key=lambda code: (len(code), code))
    for code in codes:
        found = languages()[code]
        assert check("harness_languages", found) is found and found.code == code
    assert set(first_party_languages()) <= set(codes)


def test_a_task_may_be_in_a_language_of_another_plugin(tmp_path: Path) -> None:
    files = [plugin(tmp_path, "a_task", task("gd"), hook="harness_target_tasks"), plugin(tmp_path, "tongues", GAELIC)]
    found = Registry(files)
    found.check()
    assert list(found.task("weather").languages) == ["gd"]
    assert found.get(Language, "gd").provider == "file:tongues"
    assert found.languages().keys() == {*first_party_languages(), "gd"}


def test_plugins_that_describe_one_language_fail_and_take_nobody_along(tmp_path: Path) -> None:
    files = [
        plugin(tmp_path, "a_task", task("gd"), hook="harness_target_tasks"),
        plugin(tmp_path, "one", GAELIC),
        plugin(tmp_path, "two", GAELIC),
    ]
    reasons = {p.name: p.reason for p in Registry(files).plugins() if p.status == "failed"}
    both = "the language 'gd' is provided by file:one and file:two: none of them is loaded"
    assert reasons["one"] == reasons["two"] == both
    assert len(reasons) == 2


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
    for entry in first_party_languages().values():
        assert check("harness_languages", entry) is entry
        check_languages(entry, languages())


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
