"""The tasks of captions: read from the data folder in any language, and trained on from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.errors import DataError
from harness.data.scenes.write import write_scenes
from harness.data.sources import load_examples
from harness.registry.default import get_registry
from harness.training.via import via_tasks

Cli = Callable[..., tuple[int, str, str]]
MULTI30K = Path(__file__).parents[2].parent / "shared" / "data" / "extra" / "multi30k" / "val.jsonl"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_scenes(folder, 30)
    captions = folder / "captions" / "mine" / "captions.jsonl"
    captions.parent.mkdir(parents=True)
    lines = [{"image": f"{number}.jpg", "en": f"{number} dogs", "de": f"{number} Hunde"} for number in range(50)]
    captions.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def test_scenes_are_read_in_the_languages_that_are_asked_for(data: Path) -> None:
    [english] = via_tasks("scenes", get_registry())
    assert len(load_examples(english, english.train, data_dir=data, offline=True).examples) == 30
    [several] = via_tasks("scenes[en,sw,zh]", get_registry())
    train = load_examples(several, several.train, data_dir=data, offline=True)
    assert [example.language for example in train.examples[::30]] == ["en", "sw", "zh"]
    assert [part.origin for part in train.provenance] == ["generated"] * 3
    assert len(load_examples(several, several.dev, data_dir=data, offline=True).examples) == 20


def test_captions_hold_the_same_pictures_out_in_every_language(data: Path) -> None:
    [task] = via_tasks("captions[en,de]", get_registry())
    train, dev = (load_examples(task, split, data_dir=data, offline=True) for split in (task.train, task.dev))
    names = {example.image.name for example in dev.examples}
    assert len(train.examples) == 90 and len(names) == 5
    assert not names & {example.image.name for example in train.examples}
    assert any("captions without pictures" in note for note in train.notes)


def test_captions_and_scenes_that_are_not_there_say_how_to_get_them(tmp_path: Path) -> None:
    for name, hint in (("scenes", "harness data scenes --out DATA_DIR"), ("captions", "DATA_DIR/captions/<set>")):
        task = get_registry().intermediate(name)
        with pytest.raises(DataError, match=f"{name}/.*captions.jsonl") as raised:
            load_examples(task, task.train, data_dir=tmp_path, offline=True)
        assert hint in raised.value.hint


def test_a_stage_on_scenes_says_that_it_saw_pictures_and_one_on_their_text_does_not(
    cli: Cli, data: Path, small_model: Path, tmp_path: Path
) -> None:
    found = {}
    for expression in ("scenes", "scenes@masked"):
        out = tmp_path / expression
        more = () if "@" in expression else ("--set", "head=tied")
        command = ("train", "--model", str(small_model), "--task", expression, "--data-dir", str(data))
        few = ("--set", "max_steps=1", "--set", "batch=8", "--recipe", "tiny")
        code, _, said = cli(*command, *few, *more, "--out", str(out))
        assert code == 0, said
        found[expression] = json.loads((out / "stage.json").read_text(encoding="utf-8"))
    assert found["scenes"]["resources"]["images"] == ["en"]
    assert found["scenes@masked"]["resources"]["images"] == []
    assert 0 <= found["scenes"]["dev_score"] <= 100


def test_captions_without_pictures_are_refused_with_their_folder_unless_they_are_trained_on_as_text(
    cli: Cli, data: Path, small_model: Path, tmp_path: Path
) -> None:
    command = (
        "train",
        "--model",
        str(small_model),
        "--data-dir",
        str(data),
        "--recipe",
        "tiny",
        "--set",
        "max_steps=1",
    )
    code, _, said = cli(*command, "--task", "captions", "--out", str(tmp_path / "plain"))
    assert code == DataError.exit_code and "captions/mine/images/" in said and "this picture is not there" in said
    assert cli(*command, "--task", "captions@masked", "--out", str(tmp_path / "masked"))[0] == 0


def test_multi30k_has_captions_in_four_languages(tmp_path: Path) -> None:
    if not MULTI30K.is_file():
        pytest.skip("the excerpt of Multi30k is not at hand")
    place = tmp_path / "captions" / "multi30k" / "captions.jsonl"
    place.parent.mkdir(parents=True)
    place.write_bytes(MULTI30K.read_bytes())
    [task] = via_tasks("captions[en,de,fr,cs]", get_registry())
    train = load_examples(task, task.train, data_dir=tmp_path, offline=True)
    assert len(train.examples) == 4 * 450
    assert {example.language for example in train.examples} == {"en", "de", "fr", "cs"}
