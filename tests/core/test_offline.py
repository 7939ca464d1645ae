"""--offline opens no socket; bundles carry data and models, and hostile ones are refused."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.cli.main import main
from harness.core.errors import DataError, HarnessError
from harness.core.offline import without_network
from harness.models.bundle import read_bundle

# A machine where every attempt to reach a network ends the process; nothing in the environment says so.
NO_SOCKETS = """
import os, sys, socket
for name in list(os.environ):
    if name.startswith(("HF_", "TRANSFORMERS_")) or name.lower().endswith("_proxy"):
        del os.environ[name]
os.environ["HF_HOME"] = sys.argv[1]

def refuse(*args, **kwargs):
    import traceback
    traceback.print_stack()
    print("A SOCKET WAS OPENED", args, file=sys.stderr, flush=True)
    os._exit(99)

for name in ("create_connection", "getaddrinfo", "gethostbyname", "create_server"):
    setattr(socket, name, refuse)
socket.socket.__init__ = refuse
socket.socket.connect = refuse
from harness.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


def without_sockets(tmp_path: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", NO_SOCKETS, str(tmp_path / "hf"), *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_an_offline_run_opens_no_socket(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    words = ["--task", "xnli[en,de]", "--task", "tatoeba[de]", "--task", "xquad[en]", "--task", "panx[de]", "--offline"]
    small = ["--limit", "8", "--train-limit", "8", "--set", "max_steps=1", "--via", "mnli", "--data-dir", corpus]
    done = without_sockets(tmp_path, "eval", "--model", small_model, *words, *small, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "SOCKET" not in done.stderr


def test_an_offline_run_without_data_or_model_says_so_without_a_socket(
    corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    words = ["--task", "xnli[de]", "--offline", "--out", tmp_path / "run"]
    done = without_sockets(tmp_path, "eval", "--model", small_model, *words)
    assert (done.returncode, "SOCKET" in done.stderr) == (4, False), done.stderr
    done = without_sockets(tmp_path, "eval", "--model", "org/some-model", *words, "--data-dir", corpus)
    assert (done.returncode, "SOCKET" in done.stderr) == (5, False), done.stderr
    assert "not in the local cache" in done.stderr


def test_without_offline_the_same_run_would_reach_for_the_network(tmp_path: Path) -> None:
    """The trap above does close."""
    done = without_sockets(
        tmp_path, "eval", "--model", "org/some-model", "--task", "xnli[de]", "--out", tmp_path / "run"
    )
    assert done.returncode == 99


def test_libraries_are_told_and_get_their_settings_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with without_network():
        assert huggingface_hub.constants.HF_HUB_OFFLINE and datasets.config.HF_HUB_OFFLINE
        assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert not huggingface_hub.constants.HF_HUB_OFFLINE and not datasets.config.HF_HUB_OFFLINE
    assert "HF_HUB_OFFLINE" not in os.environ
    with without_network(False):
        assert "HF_HUB_OFFLINE" not in os.environ


@pytest.fixture(scope="module")
def bundle(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "all.tar"
    words = ["data", "bundle", out, "tatoeba", "xnli", "-xnli[sw]", "bucc2018", "udpos[de]", "--model", small_model]
    assert main([*map(str, words), "--data-dir", str(corpus)]) == 0
    return out


def test_a_bundle_is_all_that_a_run_needs(
    bundle: Path, corpus: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    assert main(["data", "unbundle", str(bundle), str(there)]) == 0
    assert f"--data-dir {there / 'data'} --offline" in capsys.readouterr().err
    [model] = (there / "models").iterdir()
    words = ["--task", "tatoeba[de]", "--task", "bucc2018[de]", "--task", "udpos[de]", "--train", "auto", "--offline"]
    words += ["--limit", "8", "--task", "xnli[de]", "--train-limit", "8", "--set", "max_steps=1"]
    scores = []
    for name, used, data in (("theirs", model, there / "data"), ("ours", small_model, corpus)):
        code = main(["eval", "--model", str(used), "--data-dir", str(data), "--out", str(tmp_path / name), *words])
        record = json.loads((tmp_path / name / "record.json").read_text())
        scores.append({key: unit["score"] for key, unit in record["units"].items()})
        assert code == 0, record["failed"]
    assert scores[0] == scores[1] and len(scores[0]) == 4
    kept = {str(path.relative_to(there / "data")) for path in (there / "data").rglob("*") if path.is_file()}
    assert kept <= {str(path.relative_to(corpus)) for path in corpus.rglob("*") if path.is_file()}
    # again into the same folder: nothing to do; over other content: refused, and nothing is touched
    assert main(["data", "unbundle", str(bundle), str(there)]) == 0
    (model / "config.json").write_text("{}")
    assert main(["data", "unbundle", str(bundle), str(there)]) == 4
    assert (model / "config.json").read_text() == "{}"
    assert not [path for path in there.iterdir() if path.name not in ("data", "models")]


def test_the_same_content_gives_the_same_bundle(bundle: Path, corpus: Path, small_model: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(corpus, moved)
    words = ["tatoeba", "xnli", "-xnli[sw]", "bucc2018", "udpos[de]", "--model", str(small_model)]
    assert main(["data", "bundle", str(tmp_path / "b.tar"), *words, "--data-dir", str(moved)]) == 0
    assert (tmp_path / "b.tar").read_bytes() == bundle.read_bytes()


def test_nothing_to_bundle_is_an_error(tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["data", "bundle", str(tmp_path / "b.tar"), "xnli", "--data-dir", str(tmp_path / "empty")]) == 4
    assert "nothing to put" in capsys.readouterr().err
    assert not (tmp_path / "b.tar").exists()


Members = list[tuple[tarfile.TarInfo, bytes]]


def plain(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def link(name: str, kind: bytes, target: str) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def manifest(names: dict[str, bytes]) -> tuple[tarfile.TarInfo, bytes]:
    files = {name: sha256(content).hexdigest() for name, content in names.items()}
    return plain("bundle.json", json.dumps({"schema": "harness-bundle/1", "files": files, "models": {}}).encode())


def sparse(name: str, size: int) -> tuple[tarfile.TarInfo, bytes]:
    """A file of so many zeros in no room at all, as GNU tar writes it since 2006."""
    content = f"1\n{size}\n0\n".encode().ljust(512, b"\0")
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": name,
        "GNU.sparse.realsize": str(size),
    }
    return member, content


def tar(path: Path, members: Members) -> Path:
    with tarfile.open(path, "w") as file:
        for member, content in members:
            file.addfile(member, io.BytesIO(content))
    return path


HOSTILE: dict[str, Callable[[], Members]] = {
    "leads out": lambda: [manifest({"../x": b"x"}), plain("../x")],
    "leads out of the folder": lambda: [manifest({"data/../../x": b"x"}), plain("data/../../x")],
    "'/etc/x' leads out": lambda: [manifest({"/etc/x": b"x"}), plain("/etc/x")],
    "'other/x' leads out": lambda: [manifest({"other/x": b"x"}), plain("other/x")],
    "'data//x' leads out": lambda: [manifest({"data//x": b"x"}), plain("data//x")],
    "is not a regular file": lambda: [manifest({"data/x": b""}), link("data/x", tarfile.SYMTYPE, "/etc/passwd")],
    "'data/y' is not a regular file": lambda: [
        manifest({"data/y": b""}),
        link("data/y", tarfile.LNKTYPE, "bundle.json"),
    ],
    "'data/p' is not a regular file": lambda: [manifest({"data/p": b""}), link("data/p", tarfile.FIFOTYPE, "")],
    "'data' is not a regular file": lambda: [manifest({}), link("data", tarfile.SYMTYPE, "/tmp"), plain("data/x")],
    "'data/huge' is not a regular file": lambda: [manifest({"data/huge": b""}), sparse("data/huge", 1 << 50)],
    "is not in its manifest": lambda: [manifest({}), plain("data/x")],
    "or twice": lambda: [manifest({"data/x": b"x"}), plain("data/x"), plain("data/x")],
    "its sha256 differs": lambda: [manifest({"data/x": b"x"}), plain("data/x", b"y")],
    "files are missing": lambda: [manifest({"data/x": b"x"})],
    "no bundle.json": lambda: [plain("data/x")],
    "not a bundle": lambda: [plain("bundle.json", b"[]")],
    "not a bundle:": lambda: [plain("bundle.json", b"{")],
}


@pytest.mark.parametrize("said", HOSTILE)
def test_hostile_bundles_are_refused_and_leave_nothing(said: str, tmp_path: Path) -> None:
    path = tar(tmp_path / "bad.tar", HOSTILE[said]())
    with pytest.raises(DataError) as caught:
        read_bundle(path, tmp_path / "inside" / "folder")
    assert said in str(caught.value)
    assert not list((tmp_path / "inside" / "folder").iterdir())
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["bad.tar", "inside"]


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_compressed_bundles_are_refused_before_they_unpack_to_anything(kind: str, tmp_path: Path) -> None:
    content = {"data/zeros": bytes(1 << 20)}
    with tarfile.open(tmp_path / "bomb.tar", f"w:{kind}") as file:  # type: ignore[call-overload]
        for member, value in (manifest(content), plain("data/zeros", content["data/zeros"])):
            file.addfile(member, io.BytesIO(value))
    with pytest.raises(DataError) as caught:
        read_bundle(tmp_path / "bomb.tar", tmp_path / "folder")
    assert "not compressed" in caught.value.hint
    assert not list((tmp_path / "folder").iterdir())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bundles_are_refused_or_right(data: st.DataObject, tmp_path: Path) -> None:
    """Bytes changed, cut off or added: the content that comes out is the content that went in, or nothing is."""
    content = {"data/a/b.parquet": b"PAR1" * 50, "models/m/config.json": b"{}"}
    good = tar(tmp_path / "good.tar", [manifest(content), *(plain(name, value) for name, value in content.items())])
    blob = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    blob = blob[: data.draw(st.integers(0, len(blob)))] if data.draw(st.booleans()) else blob
    bad, folder = tmp_path / "bad.tar", tmp_path / "folder"
    bad.write_bytes(blob)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        read_bundle(bad, folder)
    except HarnessError:
        assert not list(folder.iterdir())
    else:
        assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == content
