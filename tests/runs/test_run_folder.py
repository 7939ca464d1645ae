"""What happens to a run folder: torn and edited records, data that vanish, and what counts as done."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import harness
from harness.core.errors import DataError, HarnessError, UsageError
from harness.registry.default import get_registry
from harness.run import Run
from harness.runs.record import UnsoundRecord, load_record, new_record, save_record
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.units import Unit


class Heard(ProgressListener):
    """Which units were computed and which were kept."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.computed: list[str] = []
        self.kept: list[str] = []
        self.then = then

    def unit(self, unit: Unit, entry: dict[str, Any], *, cached: bool) -> None:
        (self.kept if cached else self.computed).append(unit.key)
        self.then()


TASKS = ["tatoeba[de,fr]", "xnli[en,de]"]
KEYS = ["xnli/en/test", "xnli/de/test", "tatoeba/de/test", "tatoeba/fr/test"]


def run(model: Path, data: Path, out: Path, tasks: list[str] = TASKS, **changes: Any) -> tuple[Run, Heard]:
    heard = changes.pop("heard", Heard())
    overrides = {"max_steps": 2, **changes.pop("overrides", {})}
    options = EvalOptions(data_dir=str(data), offline=True, train_limit=8, limit=8, overrides=overrides, **changes)
    return harness.evaluate(str(model), tasks, out=out, options=options, reporter=heard), heard


@pytest.fixture(scope="module")
def finished(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    assert sorted(run(small_model, corpus, out)[1].computed) == sorted(KEYS)
    return out


def test_a_finished_folder_holds_results_and_nothing_else(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == {"record.json", "predictions", "labels"}


WRONG: list[dict[str, Any]] = [
    {"via": ("nope",)},
    {"via": ("mnli@nope",)},
    {"overrides": {"nope": 1}},
    {"overrides": {"lr": "fast"}},
    {"split": "nope"},
    {"perturb": ("nope",)},
    {"dtype": "fp12"},
    {"recipe": "nope"},
    {"train": "nope"},
    {"quant": "8bit"},
    {"select_on": ("zz",)},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_usage_error_leaves_no_folder(wrong: dict[str, Any], small_model: Path, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        run(small_model, corpus, tmp_path / "runs" / "deep" / "run", **wrong)
    assert not list(tmp_path.iterdir())


def test_a_selection_of_nothing_is_a_usage_error(small_model: Path, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no task is selected"):
        run(small_model, corpus, tmp_path / "run", [])


def test_a_folder_that_others_made_is_left_even_if_empty(small_model: Path, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(UsageError):
        run(small_model, corpus, tmp_path / "run", via=("nope",))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the run with its stages."""
    shutil.copytree(finished.parent, tmp_path / "runs")
    return tmp_path / "runs" / "run"


def units(out: Path) -> dict[str, Any]:
    record = load_record(out)
    assert record is not None
    return {key: {k: v for k, v in unit.items() if k != "seconds"} for key, unit in record["units"].items()}


def edited(text: str) -> str:
    record = json.loads(text)
    record["units"]["tatoeba/de/test"]["score"]["metrics"]["accuracy"]["value"] = 100.0
    return json.dumps(record)


@pytest.mark.parametrize(
    "damage",
    [edited, lambda text: text[: len(text) // 2], lambda text: "", lambda text: "[" * 100_000, lambda text: "\x00" * 9],
    ids=["edited", "cut", "empty", "deep", "zeros"],
)
def test_a_torn_or_edited_record_is_named_put_aside_and_made_again(
    damage: Callable[[str], str], copy: Path, corpus: Path, small_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, path = units(copy), copy / "record.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(UnsoundRecord, match=r"record\.json"):
        load_record(copy)  # what reports, comparisons and leaderboards read
    _, heard = run(small_model, corpus, copy)
    assert sorted(heard.computed) == sorted(KEYS)
    assert units(copy) == before
    assert "record.json" in caplog.text and "scored again" in caplog.text
    assert (copy / "record.json.unsound").is_file()


def test_another_layout_of_the_same_record_is_no_edit(copy: Path, corpus: Path, small_model: Path) -> None:
    path = copy / "record.json"
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text()).items())), indent=7))
    assert run(small_model, corpus, copy)[1].computed == []


def test_records_without_a_checksum_are_taken(copy: Path, corpus: Path, small_model: Path) -> None:
    path = copy / "record.json"
    record = json.loads(path.read_text())
    del record["sha256"]
    path.write_text(json.dumps(record))
    assert run(small_model, corpus, copy)[1].computed == []


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@example(values=[float("inf")], change=b"\0", place=0.0)
@example(values={"x": float("nan")}, change=b"\0", place=0.0)
@given(values=_values, change=st.binary(min_size=1, max_size=1), place=st.floats(0, 1, exclude_max=True))
def test_whatever_is_in_a_record_comes_back_and_no_change_goes_unseen(
    tmp_path_factory: pytest.TempPathFactory, values: Any, change: bytes, place: float
) -> None:
    folder = tmp_path_factory.mktemp("record")
    save_record(folder, new_record())
    record = {**new_record(), "of another version": values}
    try:
        json.dumps(record, allow_nan=False)
    except ValueError:
        before = (folder / "record.json").read_bytes()
        with pytest.raises(HarnessError, match=r"record\.json: cannot be written"):
            save_record(folder, record)
        assert (folder / "record.json").read_bytes() == before
        return
    save_record(folder, record)
    loaded = load_record(folder)
    assert loaded == json.loads(json.dumps(record))
    path = folder / "record.json"
    blob = bytearray(path.read_bytes())
    blob[int(place * len(blob))] = change[0]
    path.write_bytes(blob)
    try:
        assert load_record(folder) == loaded or b"sha256" not in blob
    except HarnessError as error:
        assert "record.json" in str(error)


def test_a_data_folder_that_is_gone_costs_nothing(copy: Path, corpus: Path, small_model: Path, tmp_path: Path) -> None:
    before = (copy / "record.json").read_bytes()
    with pytest.raises(UsageError, match="data folder not found"):
        run(small_model, tmp_path / "gone", copy)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no data for any selected unit \(4 units\)"):
        run(small_model, tmp_path / "empty", copy)
    assert (copy / "record.json").read_bytes() == before
    assert run(small_model, corpus, copy)[1].computed == []


@pytest.mark.parametrize("part", [".", "google"])
def test_data_that_vanish_on_the_way(
    part: str, corpus: Path, small_model: Path, finished: Path, tmp_path: Path
) -> None:
    """What was scored stays; a run without its data folder stops, units without their data fail; both go on later."""
    data, hidden, out = tmp_path / "data", tmp_path / "hidden", tmp_path / "runs" / "run"
    shutil.copytree(corpus, data)
    heard = Heard(lambda: (data / part).rename(hidden) if not hidden.exists() else None)
    if part == ".":
        with pytest.raises(UsageError, match="data folder not found"):
            run(small_model, data, out, heard=heard)
        assert load_record(out)["failed"] == {}  # type: ignore[index]
    else:
        half, _ = run(small_model, data, out, heard=heard)
        assert sorted([*heard.computed, *half.failed]) == sorted(KEYS)
        assert all(str(data) in reason for reason in half.failed.values())
    assert heard.computed
    hidden.rename(data / part)
    whole, again = run(small_model, data, out)
    assert sorted(again.kept) == sorted(heard.computed)
    assert sorted([*again.kept, *again.computed]) == sorted(KEYS)
    assert not whole.failed
    assert units(out) == units(finished)


def test_the_same_content_elsewhere_is_a_hit(copy: Path, corpus: Path, small_model: Path, tmp_path: Path) -> None:
    """Model, data, stages and run in other places."""
    shutil.copytree(corpus, tmp_path / "data")
    shutil.copytree(small_model, tmp_path / "model")
    _, heard = run(tmp_path / "model", tmp_path / "data", copy)
    assert heard.computed == [] and sorted(heard.kept) == sorted(KEYS)


def changed_tokenizer(model: Path) -> None:
    path = model / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": [tokenizer["normalizer"], {"type": "Lowercase"}]}
    path.write_text(json.dumps(tokenizer))


def changed_configuration(model: Path) -> None:
    path = model / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "layer_norm_eps": 1e-3}))


@pytest.mark.parametrize("change", [changed_tokenizer, changed_configuration])
def test_a_changed_model_folder_is_a_miss(
    change: Callable[[Path], None], copy: Path, corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(small_model, model)
    change(model)
    assert sorted(run(model, corpus, copy)[1].computed) == sorted(KEYS)


def test_one_edited_row_is_a_miss_of_its_unit_alone(
    copy: Path, corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    data = tmp_path / "data"
    shutil.copytree(corpus, data)
    [path] = (data / "google/xtreme/tatoeba.deu").glob("*.parquet")
    harness.evaluate(
        str(small_model), ["tatoeba[de,fr]"], out=copy, options=EvalOptions(data_dir=str(corpus), offline=True)
    )
    table = pq.read_table(path)
    text = table["target_sentence"].to_pylist()
    place = table.column_names.index("target_sentence")
    pq.write_table(table.set_column(place, "target_sentence", [[text[0] + "!", *text[1:]]]), path)
    heard = Heard()
    options = EvalOptions(data_dir=str(data), offline=True)
    harness.evaluate(str(small_model), ["tatoeba[de,fr]"], out=copy, options=options, reporter=heard)
    assert (heard.computed, heard.kept) == (["tatoeba/de/test"], ["tatoeba/fr/test"])


def test_another_layer_or_pooling_is_a_miss_of_what_it_changes(copy: Path, corpus: Path, small_model: Path) -> None:
    for option in ({"layer": 1}, {"pool": "cls"}):
        _, heard = run(small_model, corpus, copy, overrides=option)
        assert sorted(heard.computed) == KEYS[2:]
        assert sorted(heard.kept) == sorted(KEYS[:2])
    assert run(small_model, corpus, copy, ["tatoeba[de,fr]"], dtype="bf16")[1].kept == []


def test_other_training_options_are_another_stage(copy: Path, corpus: Path, small_model: Path) -> None:
    _, heard = run(small_model, corpus, copy, overrides={"lr": 1e-3})
    assert sorted(heard.computed) == sorted(KEYS[:2])
    assert len(list((copy.parent / "stages").iterdir())) == 2


def test_another_version_of_a_task_is_a_miss(copy: Path, corpus: Path, small_model: Path) -> None:
    registry = get_registry()
    tasks = registry.tasks()
    changed = {**tasks, "tatoeba": dataclasses.replace(tasks["tatoeba"], version=tasks["tatoeba"].version + 1)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "tasks", lambda: changed)
        patch.setattr(registry, "task", changed.__getitem__)
        heard = Heard()
        options = EvalOptions(data_dir=str(corpus), offline=True, train_limit=8, limit=8, overrides={"max_steps": 2})
        harness.evaluate(str(small_model), TASKS, out=copy, options=options, reporter=heard, registry=registry)
    assert (sorted(heard.computed), sorted(heard.kept)) == (sorted(KEYS[2:]), sorted(KEYS[:2]))


def test_an_adapter_is_another_stage_and_a_loaded_one_other_weights(
    copy: Path, corpus: Path, small_model: Path
) -> None:
    _, heard = run(small_model, corpus, copy, overrides={"peft": "lora"})
    assert sorted(heard.computed) == sorted(KEYS[:2])  # retrieval is scored with the model as it is

    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel, AutoTokenizer

    from harness.models.loaded import loaded_folder

    def fingerprint(rank: int) -> str:
        torch.manual_seed(0)
        model: Any = AutoModel.from_pretrained(small_model)
        if rank:
            model = get_peft_model(model, LoraConfig(r=rank, target_modules=["query"], init_lora_weights=False))
        with loaded_folder((model, AutoTokenizer.from_pretrained(small_model)), copy) as found:
            assert found is not None
            return found.fingerprint

    assert len({fingerprint(rank) for rank in (0, 2, 4)}) == 3
    assert fingerprint(2) == fingerprint(2)


@pytest.mark.parametrize("year", [1985, 2085])
def test_a_clock_that_was_wrong_changes_nothing(
    year: int, copy: Path, corpus: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is decided by a date: not by those of files, not by the clock's."""
    before = units(copy)
    then = datetime(year, 1, 1, tzinfo=UTC).timestamp()
    for path in [*copy.parent.rglob("*")]:
        os.utime(path, (then, then))
    monkeypatch.setattr(time, "time", lambda: then)
    monkeypatch.setattr("harness.core.clock.now", lambda: datetime.fromtimestamp(then, UTC).isoformat())
    assert run(small_model, corpus, copy)[1].computed == []
    (copy / "predictions" / "tatoeba" / "test-de.tsv").unlink()
    (stage,) = (copy.parent / "stages").iterdir()
    shutil.rmtree(stage)  # trained again, under the wrong clock
    _, heard = run(small_model, corpus, copy, overrides={"max_length": 100})
    assert sorted(heard.computed) == sorted(KEYS)
    shutil.rmtree(copy / "earlier")  # from where the old results would be taken back
    _, heard = run(small_model, corpus, copy)
    assert sorted(heard.computed) == sorted(KEYS)
    assert units(copy) == before
