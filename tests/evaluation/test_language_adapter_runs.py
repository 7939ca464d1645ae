"""Runs with language adapters: which adapter a unit takes, what its key and record say, and what the user sees."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from adapter_files import write_adapter, write_adapters
from published_models import architecture, save_published

import harness
from harness.leaderboard._setting import setting
from harness.report.provenance import data_notes
from harness.run import Run
from harness.types.options import EvalOptions

pytest.importorskip("peft", reason="the extra 'peft' is not installed")

TASKS = ["pawsx[en,de,fr,zh]", "tatoeba[de]", "lareqa[en,de]"]


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_published(architecture("xlm-roberta"), tmp_path_factory.mktemp("models") / "xlmr")


@pytest.fixture(scope="module")
def adapters(xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapters(xlmr, tmp_path_factory.mktemp("adapters"), "en", "de", "es")


def evaluate(model: Path, adapters: Path | None, data: Path, out: Path, **more: Any) -> Run:
    overrides = {"max_steps": 2, "query_length": 32, "candidate_length": 32, "max_length": 48}
    options = EvalOptions(
        recipe="tiny",
        overrides=overrides,
        limit=4,
        train_limit=8,
        data_dir=str(data),
        offline=True,
        language_adapters=None if adapters is None else str(adapters),
        **more,
    )
    return harness.evaluate(str(model), TASKS, out=out, options=options)


@pytest.fixture(scope="module")
def run(xlmr: Path, adapters: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return evaluate(xlmr, adapters, corpus, tmp_path_factory.mktemp("runs") / "run")


def used(run: Run) -> dict[str, dict[str, tuple[str, str]]]:
    return {
        key: {code: (each["adapter"], each["reason"]) for code, each in unit["facts"]["language_adapters"].items()}
        for key, unit in run.record["units"].items()
    }


def test_every_unit_takes_the_adapter_of_each_language_that_it_reads(run: Run) -> None:
    own = {"en": ("en", "own"), "de": ("de", "own")}
    assert (
        used(run)
        == {
            "pawsx/en/test": {"en": own["en"]},
            "pawsx/de/test": {"de": own["de"]},
            "pawsx/fr/test": {"fr": ("es", "branch Romance")},
            "pawsx/zh/test": {"zh": ("en", "source")},
            "tatoeba/de/test": own,
            "lareqa/en/test": {"en": own["en"]},
            "lareqa/de/test": {"de": own["de"]},
        }
        or {key.rpartition("/")[0] for key in used(run)} == set()
    )


def test_the_record_says_what_the_adapters_were_trained_on_and_what_was_trained_with_them(run: Run) -> None:
    resources = run.record["resources"]
    assert resources["text"] == ["de", "en", "es"]
    assert "text:de,en,es" in setting(run.record, resources)
    for stage in run.record["stages"]:
        assert list(stage["language_adapters"]) == ["en"]


def test_languages_without_an_adapter_of_their_own_are_shown(run: Run) -> None:
    notes = data_notes(run.view)
    assert "pawsx[fr]: language adapter: es (branch Romance)" in notes
    assert "pawsx[zh]: language adapter: en (source)" in notes
    assert not any("own" in note for note in notes)
    assert "es (branch Romance)" in harness_report(run)


def harness_report(run: Run) -> str:
    from harness.api import report

    return report([run], "html")


def test_another_adapter_changes_its_own_units_and_no_others(
    run: Run, xlmr: Path, adapters: Path, corpus: Path, tmp_path: Path
) -> None:
    """In the same folder, with the adapters at another place: what they do not change is kept."""
    shutil.copytree(run.path.parent, tmp_path / "runs")
    moved = Path(shutil.copytree(adapters, tmp_path / "moved"))
    before = {key: unit["key"] for key, unit in run.record["units"].items()}

    def keys() -> dict[str, str]:
        again = evaluate(xlmr, moved, corpus, tmp_path / "runs" / run.path.name)
        return {key: unit["key"] for key, unit in again.record["units"].items()}

    assert keys() == before
    shutil.rmtree(moved / "de")
    write_adapter(xlmr, moved / "de", 9)
    write_adapter(xlmr, moved / "sw", 3)
    changed = {key for key, value in keys().items() if value != before[key]}
    # LAReQA searches candidates of all languages, so that its units have each other's data in their keys.
    assert changed == {key for key in before if "/de/" in key or key.startswith("lareqa/")}


def test_a_run_without_adapters_has_other_keys(run: Run, xlmr: Path, corpus: Path, tmp_path: Path) -> None:
    plain = evaluate(xlmr, None, corpus, tmp_path / "plain")
    assert all("language_adapters" not in unit["facts"] for unit in plain.record["units"].values())
    keys = {key: unit["key"] for key, unit in run.record["units"].items()}
    assert not {unit["key"] for unit in plain.record["units"].values()} & set(keys.values())
    assert "language_adapters" not in plain.record["identity"]["measures"]


def test_the_fallback_is_an_option(xlmr: Path, adapters: Path, corpus: Path, tmp_path: Path) -> None:
    source = used(evaluate(xlmr, adapters, corpus, tmp_path / "source", adapter_fallback="source"))
    assert source["pawsx/fr/test"] == {"fr": ("en", "source")}
    none = used(evaluate(xlmr, adapters, corpus, tmp_path / "none", adapter_fallback="none"))
    assert none["pawsx/fr/test"] == {"fr": (None, "no adapter")}


def test_the_command_line_says_which_adapter_each_language_gets(
    cli: Callable[..., tuple[int, str, str]], xlmr: Path, adapters: Path
) -> None:
    code, out, _ = cli("tasks", "show", "pawsx", "--language-adapters", adapters)
    assert code == 0 and "es           branch Romance" in out
    code, out, _ = cli("tasks", "show", "pawsx", "--language-adapters", adapters, "--json")
    assert json.loads(out)[0]["language_adapters"]["zh"]["reason"] == "source"
    code, out, _ = cli("doctor", "--model", xlmr, "--language-adapters", adapters, "--json")
    assert code == 0 and json.loads(out)["language_adapters"]["it"]["adapter"] == "es"
    assert cli("doctor", "--language-adapters", adapters)[0] == 2
    assert cli("tasks", "show", "pawsx", "--language-adapters", adapters / "none")[0] == 2


def test_the_command_trains_adapters_that_eval_takes(
    cli: Callable[..., tuple[int, str, str]], xlmr: Path, corpus: Path, tmp_path: Path
) -> None:
    small = ["--recipe", "tiny", "--set", "max_steps=1", "--set", "lora_rank=2", "--set", "max_length=48"]
    words = ["--model", xlmr, "--data-dir", corpus, "--offline", *small]
    code, out, err = cli("adapters", *words, "--language", "en,sw", "--out", tmp_path / "ad")
    assert code == 0, err
    assert "held-out tokens right" in out and str(tmp_path / "ad") in out
    again = [*words, "--language-adapters", tmp_path / "ad", "--task", "pawsx[en]", "--limit", "2"]
    code, _, err = cli("eval", *again, "--out", tmp_path / "run")
    assert code == 0, err
    assert cli("adapters", *words, "--language", "qq", "--out", tmp_path / "other")[0] == 4
    assert cli("adapters", *words, "--data-dir", tmp_path, "--out", tmp_path / "other")[0] == 4
