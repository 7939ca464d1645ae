"""Third-party distributions, good and bad, built into wheels and installed: what is wrong with one stays with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from wheels import harness, install, plugins

SAMPLES = Path(__file__).resolve().parents[1] / "sample_plugins"

FAILURES = {
    "sample-impostor:xnli": "the plugin name 'xnli' is reserved for xtreme-harness",
    "sample-clash-one:shared": "claimed by sample-clash-one and sample-clash-two",
    "sample-clash-two:shared": "claimed by sample-clash-one and sample-clash-two",
    "sample-same-task-one:first_reviews": "sample-same-task-one:first_reviews and sample-same-task-two:second_reviews",
    "sample-same-task-two:second_reviews": "sample-same-task-one:first_reviews and sample-same-task-two:second_reviews",
    "sample-duplicate:duplicate": "the target task 'xnli' belongs to xtreme-harness:xnli",
    "sample-import-error:import_error": "No module named 'a_package_that_nobody_has'",
    "sample-misspelt-hook:misspelt_hook": "did you mean 'harness_target_tasks'",
    "sample-unknown-argument:unknown_argument": "harness_target_tasks has no argument 'config'",
    "sample-raises:raises": "RuntimeError: the review server is down",
    "sample-wrong-type:wrong_type": "expected TargetTask values",
    "sample-newer-api:newer_api": "written for plugin API 9",
    "sample-unknown-language:unknown_language": "unknown language 'swa'",
}
"""Plugin to what its reason must say."""

ASKED = {
    "xnli": (0, "xtreme-harness:xnli"),
    "reviews": (0, "sample-good:reviews"),
    "shared": (3, "sample-clash"),
    "contested": (3, "sample-same-task"),
    "import_error": (3, "sample-import-error:import_error"),
    "misspelt_hook": (3, "sample-misspelt-hook:misspelt_hook"),
    "unknown_argument": (3, "sample-unknown-argument:unknown_argument"),
    "raising": (3, "sample-raises:raises"),
    "wrong_type": (3, "sample-wrong-type:wrong_type"),
    "newer_api": (3, "sample-newer-api:newer_api"),
    "lost": (3, "sample-unknown-language:unknown_language"),
    "nobody_has_this": (2, "unknown task"),
}
"""What is asked for to the exit code and what the output must name."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = sorted(path for path in SAMPLES.iterdir() if (path / "pyproject.toml").is_file())
    return install(
        [path for path in sources if path.name not in ("sample-slow", "sample-celtic")],
        tmp_path_factory.mktemp("samples"),
    )


@pytest.fixture(scope="module")
def listed(site: Path) -> dict[str, dict[str, Any]]:
    return plugins(site)


def test_every_installed_sample_has_its_status_and_first_party_plugins_are_ok(
    listed: dict[str, dict[str, Any]],
) -> None:
    samples = {name for name in listed if name.startswith("sample-")}
    assert samples == {*FAILURES, "sample-good:reviews"}
    assert {p["status"] for p in listed.values() if p["kind"] == "first-party"} == {"ok"}


def test_the_good_one_is_there_with_its_version(listed: dict[str, dict[str, Any]]) -> None:
    good = listed["sample-good:reviews"]
    assert (good["status"], good["version"], good["kind"]) == ("ok", "1.2.3", "third-party")
    assert good["provides"] == ["target task reviews"]
    assert good["reason"].startswith("slow: ") or good["reason"] == ""  # a busy machine may load anything slowly


def test_a_plugin_that_imports_slowly_is_reported_with_its_seconds(tmp_path: Path) -> None:
    site = install([SAMPLES / "sample-slow"], tmp_path)
    slow = plugins(site)["sample-slow:slow"]
    assert slow["status"] == "ok" and slow["seconds"] > 1.2 and slow["reason"].startswith("slow: ")
    done = harness(site, "-q", "doctor", "--json")
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert found["plugin sample-slow:slow"]["status"] == "warning"


@pytest.mark.parametrize("name", FAILURES)
def test_a_bad_one_fails_alone_with_its_reason(listed: dict[str, dict[str, Any]], name: str) -> None:
    found = listed[name]
    assert found["status"] == "failed" and FAILURES[name] in found["reason"]
    assert found["version"] and found["provides"] == []


@pytest.mark.parametrize("name", ASKED)
def test_only_who_asks_for_what_failed_is_refused(site: Path, name: str) -> None:
    done = harness(site, "-q", "tasks", "show", name)
    code, named = ASKED[name]
    assert done.returncode == code, done.stderr
    assert named in (done.stderr if code else done.stdout)
    assert "Traceback" not in done.stderr


def test_everything_else_goes_on_with_one_warning_each(site: Path) -> None:
    done = harness(site, "tasks", "list", "--json")
    assert done.returncode == 0
    names = [task["name"] for task in json.loads(done.stdout)]
    assert {"xnli", "reviews"} <= set(names) and "contested" not in names and "raising" not in names
    for provider in FAILURES:
        assert sum(line.startswith(f"warning: plugin {provider} ") for line in done.stderr.splitlines()) == 1


def test_doctor_reports_plugins_that_fail(site: Path) -> None:
    done = harness(site, "-q", "doctor", "--json")
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert done.returncode in (1, 3)
    assert found["plugin sample-raises:raises"]["status"] == "failed"


def test_a_plugin_that_fails_is_an_error_in_strict_mode(site: Path) -> None:
    done = harness(site, "-q", "tasks", "list", HARNESS_STRICT_PLUGINS="1")
    assert done.returncode == 3 and all(provider in done.stderr for provider in FAILURES)


def test_plugins_left_out_by_option_or_environment_are_disabled(site: Path) -> None:
    done = harness(site, "-q", "--no-plugin", "reviews", "tasks", "show", "reviews")
    assert done.returncode == 2 and "sample-good:reviews is disabled" in done.stderr and "--no-plugin" in done.stderr
    alone = plugins(site, HARNESS_PLUGINS_AUTOLOAD="0")
    assert {p["status"] for name, p in alone.items() if name.startswith("sample-")} == {"disabled"}
    without = plugins(site, HARNESS_DISABLE_PLUGINS="raises,sample-clash-two:shared")
    assert without["sample-raises:raises"]["status"] == "disabled"
    assert without["sample-clash-two:shared"]["status"] == "disabled"


def test_tracing_says_what_each_plugin_provides_and_which_is_not_loaded(site: Path) -> None:
    done = harness(site, "tasks", "list", "--json", HARNESS_TRACE_PLUGINS="1")
    assert done.returncode == 0 and json.loads(done.stdout)
    traced = [line for line in done.stderr.splitlines() if line.startswith("plugins: ")]
    assert any("sample-good:reviews in " in line and "target task reviews" in line for line in traced)
    assert any("sample-impostor:xnli is not loaded" in line for line in traced)
    assert "plugins: " not in harness(site, "tasks", "list", "--json").stderr
