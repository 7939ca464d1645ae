"""Run folders from strangers: no name in a record and no link in a folder makes a command read or write outside of it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_folders import EXPORTED_AS_IT_IS, nli, rewrite, write_run

from harness.analysis.answers import answers
from harness.analysis.checklist.run import model_asker
from harness.api import breakdown, compare
from harness.cli.main import main
from harness.core.errors import DataError
from harness.core.hashing import file_sha256
from harness.leaderboard.export import export_row
from harness.leaderboard.official import export_submission
from harness.registry.default import get_registry
from harness.results.rescore import score_run
from harness.results.seeds import run_folders
from harness.results.systems import load_runs
from harness.run import load
from harness.runs._set_aside import discard, set_aside
from harness.runs.folder import RunFolder
from harness.runs.scored_files import files_of, inside, intact
from harness.types.options import EvalOptions
from harness.types.units import Unit

LANGUAGES = "ar bg de el en es fr hi ru sw th tr ur vi zh".split()
KEY = "xnli/sw/test"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished XNLI run, with a file beside its folder that is none of its business."""
    generator = np.random.default_rng(0)
    units = {"xnli": {code: tuple(nli(generator, 20, 0.8)) for code in LANGUAGES}}
    folder: Path = write_run(tmp_path / "runs" / "run", units)
    scores = score_run(folder, get_registry()).to_dict()
    primary = {"xnli": ["accuracy"]}
    rewrite(folder, lambda record: record.update(scores=scores, primary=primary))
    shutil.copy(folder / "predictions/xnli/test-sw.tsv", outside(folder))
    return folder


def outside(run: Path) -> Path:
    return run.parent.parent / "outside.tsv"


def pointed(run: Path, name: str) -> None:
    """The record's entry of a unit names another file, with its right checksum."""
    entry = {"file": name, "sha256": file_sha256(outside(run))}
    rewrite(run, lambda record: record["units"][KEY].update(predictions=entry))


def linked(run: Path) -> None:
    path = run / "predictions/xnli/test-sw.tsv"
    path.unlink()
    path.symlink_to(outside(run))


def linked_folder(run: Path) -> None:
    elsewhere = run.parent.parent / "elsewhere"
    shutil.move(run / "predictions/xnli", elsewhere)
    (run / "predictions/xnli").symlink_to(elsewhere)


HOSTILE: dict[str, Callable[[Path], None]] = {
    "a path up": lambda run: pointed(run, "../../outside.tsv"),
    "a path up and down": lambda run: pointed(run, "predictions/../../../outside.tsv"),
    "a path that comes back": lambda run: pointed(run, "../run/predictions/xnli/test-sw.tsv"),
    "a whole path": lambda run: pointed(run, str(outside(run))),
    "a NUL": lambda run: pointed(run, "predictions/\0"),
    "the folder": lambda run: pointed(run, "."),
    "a link": linked,
    "a link of a folder": linked_folder,
}

READERS: dict[str, Callable[[Path], Any]] = {
    "compare": lambda run: compare([[str(run)], [str(shutil.copytree(run, run.parent / "other", symlinks=True))]]),
    "breakdown": lambda run: breakdown(run),
    "export a row": lambda run: export_row(run, get_registry(), allow_partial=True),
    "export a submission": lambda run: export_submission(
        run, run.parent / "out", get_registry(), "xtreme", allow_partial=True
    ),
    "score": lambda run: score_run(run, get_registry()),
    "load": lambda run: load(run),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_reader_of_a_run_leaves_its_folder(hostile: str, reader: str, run: Path) -> None:
    HOSTILE[hostile](run)
    with pytest.raises(
        DataError, match=r"outside the run folder|not the file that was scored|not the place of|path expected"
    ):
        READERS[reader](run)
    assert not (run.parent / "out").exists()


@pytest.mark.parametrize("reader", READERS)
def test_the_readers_read_a_sound_run(reader: str, run: Path) -> None:
    if reader == "compare":  # a copy is no other run, which the files are read before
        with pytest.raises(DataError, match="outside"):
            linked(run)
            READERS[reader](run)
    else:
        READERS[reader](run)


@pytest.mark.parametrize("hostile", [name for name in HOSTILE if name != "a NUL"])  # no record is read with one
def test_answers_in_files_outside_are_not_shown(hostile: str, run: Path) -> None:
    HOSTILE[hostile](run)
    (system,) = load_runs([run])
    assert "sw" not in {unit.code for found in answers([system], get_registry()) for unit in found.units}


@pytest.mark.parametrize("name", ["predictions/../x.txt", "predictions/../../x.txt", "labels/xnli/test-sw.tsv"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_submission_is_named_by_task_and_language_alone(name: str, zipped: bool, run: Path, tmp_path: Path) -> None:
    """Whatever the record calls a file that is really there."""
    (run / "x.txt").write_bytes(outside(run).read_bytes())
    if name.startswith("labels"):
        shutil.copy(outside(run), run / name)
    pointed(run, name)
    out = tmp_path / "deep" / "out"
    out.parent.mkdir()
    try:
        written = export_submission(run, out, get_registry(), "xtreme", zipped=zipped, allow_partial=True)
    except DataError:
        assert not out.exists() and not any(out.parent.iterdir())
        return
    wanted = sorted(f"xnli/test-{code}.tsv" for code in LANGUAGES)
    assert written == wanted
    if zipped:
        with zipfile.ZipFile(out) as archive:
            assert sorted(archive.namelist()) == wanted
    else:
        assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == wanted


@pytest.mark.parametrize("hostile", [name for name in HOSTILE if name != "the folder"])
def test_nothing_outside_is_copied_removed_or_taken_back(hostile: str, run: Path, tmp_path: Path) -> None:
    HOSTILE[hostile](run)
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and run not in path.parents}
    assert not intact(run, record["units"][KEY])
    assert not any("sw" in name or ".." in name for name in files_of(run, record, [KEY]) if "labels" not in name)
    record.pop("sha256", None)
    set_aside(run, record, [KEY])
    discard(run, record, [KEY])
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and run not in path.parents}
    assert before == after


@pytest.mark.parametrize("name", [".workers", ".claims", "predictions", "earlier"])
def test_a_run_does_not_write_through_links(name: str, run: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    if name.startswith("."):
        precious.write_text("precious", encoding="utf-8")
    else:
        precious.mkdir()
    if (run / name).is_dir():
        shutil.rmtree(run / name)
    (run / name).symlink_to(precious)
    with pytest.raises(DataError, match="outside the run folder"):
        folder = RunFolder(run)
        with folder.joined("x"):
            folder.file("predictions", Unit("xnli", "sw", "test"), "tsv")
            set_aside(run, folder.record, [KEY])
    assert precious.read_text(encoding="utf-8") == "precious" if precious.is_file() else not any(precious.iterdir())


def test_names_in_a_run_are_relative_and_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "run" / "a").mkdir(parents=True)
    (tmp_path / "run" / "circle").symlink_to("circle")
    (tmp_path / "run" / "own").symlink_to("a")
    assert inside(tmp_path / "run", "a/b") == tmp_path / "run" / "a" / "b"
    assert inside(tmp_path / "run", "own/b") == tmp_path / "run" / "own" / "b"
    for name in ("", ".", "..", "a/../b", "/", "a/../../b", "\0", str(tmp_path / "run" / "a")):
        with pytest.raises(DataError, match="outside"):
            inside(tmp_path / "run", name)


def test_a_folder_of_seeds_has_its_runs_inside(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "seeds"
    folder.mkdir()
    (folder / "seeds.json").write_text('{"seeds": [1]}', encoding="utf-8")
    (folder / "seed-1").symlink_to(run)
    with pytest.raises(DataError, match="outside"):
        run_folders(folder)
    (folder / "seeds.json").write_text('{"seeds": ["../../x"]}', encoding="utf-8")
    with pytest.raises(DataError, match="not a summary of seeds"):
        run_folders(folder)


@pytest.mark.parametrize("key", ["../../stages", "*", "x/../../../y", ""])
def test_a_stage_is_found_by_its_key_alone(key: str, run: Path) -> None:

    def change(record: dict[str, Any]) -> None:
        record["stages"][0]["key"] = key
        record["stages"][0]["tasks"][0]["task"] = "squad"

    rewrite(run, change)
    (run.parent / "stages" / "mine").mkdir(parents=True)
    with pytest.raises(DataError, match="not the key of a stage"):
        model_asker(str(run), get_registry(), EvalOptions(device="cpu", offline=True))


@pytest.mark.parametrize("key", ["xnli/../../x/test", "../x/test", "xnli/../test", "xnli//test"])
def test_names_of_units_that_leave_the_run_folder_are_refused_and_write_nothing(
    key: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(run, lambda record: record["units"].update({key: record["units"].pop(KEY)}))
    before = sorted(tmp_path.rglob("*"))
    export = ["leaderboard", "export", "-o", str(tmp_path / "out"), "--format", "xtreme", *EXPORTED_AS_IT_IS]
    for command in (["score"], export):
        assert main([*command, str(run)]) == 4
        said = capsys.readouterr().err
        assert f"{run / 'record.json'}: " in said and repr(key) in said
    assert sorted(tmp_path.rglob("*")) == before
