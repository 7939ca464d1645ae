"""Folders that are built once: whole, by one process, and built again where they are damaged."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from harness.core.built import LIST, built
from harness.core.errors import DataError
from harness.data._archive import conllu_archive
from harness.data.corpus import TextFile
from harness.data.sample import has_sample_corpus, write_sample_corpus
from harness.models._pickled import converted
from harness.models.bundle import read_bundle, write_bundle


def two_files(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.txt").write_text("a")
    (folder / "b.bin").write_text("b")


def never(folder: Path) -> None:
    raise AssertionError("built although it was there")


def test_a_folder_that_is_built_already_is_not_built_again(tmp_path: Path) -> None:
    folder = built(tmp_path / "made" / "it", two_files)
    assert {path.name for path in folder.iterdir()} == {"sub", "b.bin", LIST}
    built(folder, never)
    assert [path.name for path in folder.parent.iterdir()] == ["it"]


@pytest.mark.parametrize("damage", ["changed", "missing", "list"])
def test_a_damaged_folder_is_built_again_and_a_line_says_so(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = built(tmp_path / "it", two_files)
    if damage == "changed":
        (folder / "b.bin").write_text("bb")
    elif damage == "missing":
        (folder / "sub" / "a.txt").unlink()
    else:
        (folder / LIST).write_text("{")
    if damage != "list":
        built(folder, never, use="a.txt" if damage == "changed" else "*.bin")  # what is not used is not looked at
    built(folder, two_files)
    assert (folder / "b.bin").read_text() == "b" and (folder / "sub" / "a.txt").read_text() == "a"
    [line] = caplog.messages
    named = {"changed": "b.bin is damaged", "missing": "sub/a.txt is damaged", "list": "no list of its files"}[damage]
    assert str(folder) in line and named in line
    built(folder, never)


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def full(folder: Path) -> None:
        two_files(folder)
        raise OSError(28, "No space left on device", str(folder / "c"))

    with pytest.raises(DataError, match="No space left"):
        built(tmp_path / "it", full)
    assert not list(tmp_path.iterdir())


HALF = """
import os, signal, sys
from pathlib import Path
from harness.core.built import built

def build(folder):
    (folder / "b.bin").write_text("ha")
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    print("building", flush=True)
    sys.stdin.readline()
    (folder / "b.bin").write_text("half no more")

built(Path(sys.argv[1]), build)
"""


def test_a_killed_build_counts_for_nothing(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", HALF, str(tmp_path / "it"), "kill"], check=False)
    assert killed.returncode == -signal.SIGKILL and not (tmp_path / "it").exists()
    built(tmp_path / "it", two_files)
    assert (tmp_path / "it" / "b.bin").read_text() == "b"
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_a_second_process_takes_what_the_first_one_builds(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HALF, str(tmp_path / "it"), "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdin is not None and first.stdout is not None and first.stdout.readline() == b"building\n"
    script = (
        "import sys\nfrom pathlib import Path\nfrom harness.core.built import built\nbuilt(Path(sys.argv[1]), None)"
    )
    second = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "it")], stderr=subprocess.PIPE)
    assert second.stderr is not None
    assert b"waiting for process %d" % first.pid in second.stderr.readline()
    first.stdin.write(b"\n")
    first.stdin.close()
    assert (first.wait(), second.wait()) == (0, 0), second.stderr.read()
    assert (tmp_path / "it" / "b.bin").read_text() == "half no more"


def test_converted_weights_that_were_damaged_are_converted_again(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    import torch
    from safetensors.torch import load_file

    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    folder = Path(shutil.copytree(small_model, tmp_path / "model"))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    weights = converted(folder) / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert (converted(folder) / "model.safetensors").read_bytes() == data


def test_treebanks_are_those_of_the_archive_whatever_its_size_and_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    archive = tmp_path / "ud.tar"

    def words(word: str) -> list[str]:
        import io
        import os

        data = f"1\t{word}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n".encode()
        with tarfile.open(archive, "w") as tar:
            member = tarfile.TarInfo("UD/de_x-ud-test.conllu")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        os.utime(archive, (1, 1))
        return [word for row in conllu_archive(archive, pattern="de_*") for word in row["tokens"]]

    first = words("Hund")
    unpacked = archive.stat()
    other = words("Maus")
    assert (archive.stat().st_size, archive.stat().st_mtime) == (unpacked.st_size, unpacked.st_mtime)
    assert (first, other) == (["Hund"], ["Maus"])


KILLED_SAMPLE = """
import os, signal, sys
from pathlib import Path
from harness.data.sample import corpus

corpus.write_intermediate = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
corpus.write_sample_corpus(Path(sys.argv[1]), size="tiny")
"""


def test_half_a_sample_corpus_is_never_taken_for_the_benchmark_nor_for_a_whole_one(tmp_path: Path) -> None:
    from harness.data.locate import resolve
    from harness.registry.default import get_registry

    killed = subprocess.run([sys.executable, "-c", KILLED_SAMPLE, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    sources = get_registry().task("xnli").languages["de"]["test"].sources
    found = [files for source in sources if (files := resolve(source, tmp_path, offline=True)) is not None]
    assert found and all(files.sample for files in found)
    assert not has_sample_corpus(tmp_path)
    write_sample_corpus(tmp_path, size="tiny")
    assert has_sample_corpus(tmp_path)


def test_the_marker_of_the_sample_corpus_is_unpacked_before_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    for name in ("aaa.parquet", "sample-corpus.json", "zzz.parquet"):
        (tmp_path / name).write_text(name)
    names = {f"data/{path.name}": path for path in tmp_path.iterdir()}
    write_bundle(tmp_path / "b.tar", names, {})
    moved: list[str] = []
    move = shutil.move
    monkeypatch.setattr("shutil.move", lambda source, target: (moved.append(Path(target).name), move(source, target)))
    read_bundle(tmp_path / "b.tar", tmp_path / "there")
    assert moved == ["sample-corpus.json", "aaa.parquet", "zzz.parquet"]


def test_a_text_that_changes_after_it_was_indexed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one line\nanother one\n")
    text = TextFile(path)
    assert text[1].text == "another one"
    path.write_text("two line\nanother one\n")  # as many lines, as long
    with pytest.raises(DataError, match="has changed since"):
        text[1]


def test_the_list_is_no_part_of_a_model(small_model: Path, tmp_path: Path) -> None:
    import shutil

    from harness.models.fingerprint import model_fingerprint

    folder = built(tmp_path / "it", lambda scratch: shutil.copytree(small_model, scratch, dirs_exist_ok=True) and None)
    assert model_fingerprint(folder) == model_fingerprint(small_model)
    assert "model.safetensors" in json.loads((folder / LIST).read_text())["files"]
