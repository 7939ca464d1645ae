"""Kept sentence vectors: never those of another text or model, never half written ones, never damaged ones."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli.main import main
from harness.core.errors import DataError
from harness.retrieval._vector_store import stored_vectors

pytestmark = pytest.mark.usefixtures("warm_python")

SENTENCES = [f"sentence {number}" for number in range(10)]
BLOCK = 3 * (len(SENTENCES[0]) + 8)
"""Characters of three sentences."""


class Embedder:
    """Stands for a model: its own vector for every sentence, and a list of what it was asked for."""

    def __init__(self, model: int = 0, stop: int = 99, width: int = 2) -> None:
        self.model, self.stop, self.width = model, stop, width
        self.asked: list[str] = []

    def __call__(self, some: Sequence[str]) -> np.ndarray:
        if len(self.asked) >= self.stop:
            raise KeyboardInterrupt
        self.asked += some
        return np.array([[float(text.split()[1]), *[self.model] * (self.width - 1)] for text in some], np.float32)


def kept(embed: Any, folder: Path, identity: str = "model", sentences: Sequence[str] = SENTENCES, **more: Any) -> Any:
    return stored_vectors(embed, sentences, folder, "a", identity, block=BLOCK, **more)


def assert_right(vectors: np.ndarray, model: int = 0, sentences: Sequence[str] = SENTENCES) -> None:
    np.testing.assert_array_equal(vectors, Embedder(model)(sentences))


def test_a_stopped_run_goes_on_after_its_last_block(tmp_path: Path) -> None:
    stopped, rest, told = Embedder(stop=6), Embedder(), []
    with pytest.raises(KeyboardInterrupt):
        kept(stopped, tmp_path)
    assert stopped.asked == SENTENCES[:6]
    vectors = kept(rest, tmp_path, tell=told.append)
    assert rest.asked == SENTENCES[6:] and told == [6, 9, 10] and isinstance(vectors, np.memmap)
    assert_right(vectors)
    assert_right(kept(None, tmp_path, tell=told.append))  # asks nobody
    assert told == [6, 9, 10, 10] and len(list(tmp_path.iterdir())) == 2


def test_vectors_of_another_model_or_text_lie_in_another_file(tmp_path: Path) -> None:
    other = [text.replace("9", "8") for text in SENTENCES]
    assert_right(kept(Embedder(), tmp_path))
    assert_right(kept(Embedder(7), tmp_path, "another model"), 7)
    assert_right(kept(Embedder(), tmp_path, sentences=other), 0, other)
    for identity, model, sentences in (("model", 0, SENTENCES), ("another model", 7, SENTENCES), ("model", 0, other)):
        assert_right(kept(None, tmp_path, identity, sentences), model, sentences)


def test_an_identity_never_runs_into_the_text(tmp_path: Path) -> None:
    kept(Embedder(1), tmp_path, "model", ["x 1"])
    assert_right(kept(Embedder(2), tmp_path, "modelx", [" 1 1"]), 2, [" 1 1"])


@pytest.mark.parametrize("damage", ["byte", "cut", "gone", "empty"])
def test_damaged_vectors_are_embedded_again_and_a_line_says_so(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept(Embedder(), tmp_path)
    [file] = tmp_path.glob("*.f32")
    data = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        changed = {"byte": data[:30] + bytes([data[30] ^ 1]) + data[31:], "cut": data[:50], "empty": b""}
        file.write_bytes(changed[damage])
    again = Embedder()
    assert_right(kept(again, tmp_path))
    wanted = {"byte": SENTENCES[3:6], "cut": SENTENCES[6:], "gone": SENTENCES, "empty": SENTENCES}
    assert again.asked == wanted[damage] and file.read_bytes() == data
    [line] = caplog.messages
    assert str(file) in line and f"{10 - len(again.asked)} of 10 vectors match their checksums" in line
    assert_right(kept(None, tmp_path))


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "garbage", "of another text", "of another model", "twice"])
def test_a_journal_vouches_for_nothing_but_its_own_vectors(damage: str, tmp_path: Path) -> None:
    kept(Embedder(), tmp_path)
    kept(Embedder(), tmp_path / "text", sentences=[text.replace("9", "8") for text in SENTENCES])
    kept(Embedder(7), tmp_path / "model", "another model")
    [journal] = tmp_path.glob("*.journal")
    lines = journal.read_bytes()
    others = {folder: next((tmp_path / folder).glob("*.journal")).read_bytes() for folder in ("text", "model")}
    garbage = b"\xff\x00 9 9\n-1 3 2 x\n99999999999999999 1 1 x\n0 999999999999 9999999999 x\n0 0 0 x\n" + lines[7:]
    changed = {
        "cut": lines[:60],
        "empty": b"",
        "garbage": garbage,
        "of another text": others["text"],
        "of another model": others["model"],
        "twice": others["model"] + lines + lines,
    }
    if damage == "gone":
        journal.unlink()
    else:
        journal.write_bytes(changed[damage])
    again = Embedder()
    assert_right(kept(again, tmp_path))
    assert again.asked == {"cut": SENTENCES[3:], "garbage": SENTENCES[:3], "twice": []}.get(damage, SENTENCES)
    assert_right(kept(None, tmp_path))


def test_the_files_of_another_model_under_this_name_are_not_taken(tmp_path: Path) -> None:
    kept(Embedder(), tmp_path)
    kept(Embedder(7, width=3), tmp_path / "other", "another model")
    for ending in (".f32", ".journal"):
        [ours], [theirs] = tmp_path.glob(f"*{ending}"), (tmp_path / "other").glob(f"*{ending}")
        ours.write_bytes(theirs.read_bytes())
    again = Embedder()
    assert_right(kept(again, tmp_path))
    assert again.asked == SENTENCES


def test_a_journal_whose_last_line_has_no_end_is_continued_on_a_new_line(tmp_path: Path) -> None:
    kept(Embedder(), tmp_path)
    [journal] = tmp_path.glob("*.journal")
    journal.write_bytes(journal.read_bytes().splitlines()[0])
    again = Embedder()
    assert_right(kept(again, tmp_path))
    assert again.asked == SENTENCES[3:]
    assert_right(kept(None, tmp_path))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_happens_to_the_files_the_vectors_are_right(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept(Embedder(), folder)
        for file in folder.iterdir():
            content = bytearray(file.read_bytes())
            for _ in range(data.draw(st.integers(0, 2))):
                content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
            file.write_bytes(
                content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
            )
        assert_right(kept(Embedder(), folder))
        assert_right(kept(None, folder))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        kept(Embedder(), tmp_path / "file" / "folder")


FULL = """
import resource
import numpy as np
from harness.retrieval.candidates import mapped

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
mapped(lambda texts: np.ones((len(texts), 32), np.float32), ["text"] * 20, block=4)
"""


def test_a_pool_on_a_full_disk_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", FULL], env=environment, capture_output=True, text=True, check=False)
    assert f"DataError: {tmp_path}: the vectors of 20 candidates cannot be written: File too large" in done.stderr


# the command, in processes of its own

HOOKED = """
import os, signal, sys, time
from pathlib import Path
from harness.cli.main import main
from harness.retrieval import _vector_store as vector_store

moment, number, gate, *words = sys.argv[1:]
write, writes = vector_store._write, []

def hooked(path, at, data):
    writes.append(path)
    if len(writes) == int(number):
        if moment == "half":
            write(path, at, data[: len(data) // 2])
        if moment == "after":
            write(path, at, data)
        if moment == "wait":
            Path(gate).write_text("")
            while Path(gate).exists():
                time.sleep(0.01)
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    write(path, at, data)

vector_store._write = hooked
vector_store.characters_at_a_time = lambda device, tokens: 1000
sys.exit(main(words))
"""


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, chosen = tmp_path_factory.mktemp("texts"), random.Random(0)
    vocabulary = "the small bird dog cat house garden runs sleeps sees red big today not in under tree river".split()
    for name in ("a.txt", "b.txt"):
        lines = [" ".join(chosen.choices(vocabulary, k=chosen.randint(3, 9))) for _ in range(120)]
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


class Mine:
    """The command ``harness mine`` on two texts, with one folder of vectors."""

    def __init__(self, model: Path, texts: Path, folder: Path) -> None:
        self.model, self.texts, self.folder = model, texts, folder

    def words(self, out: str, *more: str, vectors: str = "vectors") -> list[str]:
        words = ["mine", "--model", str(self.model), "--source", str(self.texts / "a.txt"), "--device", "cpu"]
        words += ["--target", str(self.texts / "b.txt"), "--out", str(self.folder / out), "--offline", "--json"]
        return [*words, "--vectors", str(self.folder / vectors), *more]

    def run(self, out: str, *more: str, vectors: str = "vectors") -> bytes:
        assert main(self.words(out, *more, vectors=vectors)) == 0
        return (self.folder / out).read_bytes()

    def alone(self, *more: str) -> bytes:
        """What the command gives where nothing was kept before."""
        return self.run("alone.tsv", *more, vectors="-".join(("alone", *more)))

    def start(self, moment: str, number: int, out: str, *more: str, **how: Any) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-c",
            HOOKED,
            moment,
            str(number),
            str(self.folder / "gate"),
            *self.words(out, *more),
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)


@pytest.fixture
def mine(small_model: Path, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mine:
    monkeypatch.setattr("harness.retrieval._vector_store.characters_at_a_time", lambda device, tokens: 1000)
    return Mine(small_model, texts, tmp_path)


@pytest.mark.parametrize(("moment", "number"), [("before", 1), ("half", 1), ("after", 1), ("half", 2), ("after", 20)])
def test_a_kill_under_other_options_changes_no_pair_of_the_first_command(
    moment: str, number: int, mine: Mine, capsys: pytest.CaptureFixture[str]
) -> None:
    first = mine.run("first.tsv")
    killed = mine.start(moment, number, "other.tsv", "--pool", "cls")
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    capsys.readouterr()
    assert mine.run("first.tsv") == first == mine.alone()
    assert json.loads(capsys.readouterr().out.split("\n}\n")[0] + "\n}")["embedded_tokens"] == 0
    other = mine.run("other.tsv", "--pool", "cls")
    assert other == mine.alone("--pool", "cls") != first


def test_two_commands_with_other_options_share_a_folder(mine: Mine) -> None:
    held = mine.start("wait", 3, "one.tsv")
    gate(mine, held)
    other = mine.run("two.tsv", "--pool", "cls")  # in the middle of the first one
    (mine.folder / "gate").unlink()
    _, errors = held.communicate()
    assert held.returncode == 0, errors
    assert other == mine.alone("--pool", "cls")
    assert (mine.folder / "one.tsv").read_bytes() == mine.alone() != other


def test_two_commands_with_the_same_vectors_embed_them_once(mine: Mine) -> None:
    held = mine.start("wait", 3, "one.tsv")
    gate(mine, held)
    second = mine.start("wait", 0, "two.tsv", "--margin", "distance")
    assert second.stderr is not None
    waiting = next(line for line in second.stderr if b"waiting" in line).decode()
    assert f"waiting for process {held.pid} " in waiting and str(mine.folder / "vectors" / "source-") in waiting
    (mine.folder / "gate").unlink()
    outputs = [process.communicate() for process in (held, second)]
    assert (held.returncode, second.returncode) == (0, 0), outputs
    assert (mine.folder / "one.tsv").read_bytes() == mine.alone()
    assert (mine.folder / "two.tsv").read_bytes() == mine.alone("--margin", "distance")


def test_a_killed_owner_is_not_waited_for(mine: Mine) -> None:
    held = mine.start("wait", 3, "one.tsv")
    gate(mine, held)
    held.kill()
    held.communicate()
    assert mine.run("one.tsv") == mine.alone()


def gate(mine: Mine, process: subprocess.Popen[bytes]) -> None:
    """Waits until a process stands at its write."""
    while not (mine.folder / "gate").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_a_full_disk_is_one_error_and_the_first_command_still_works(
    mine: Mine, capsys: pytest.CaptureFixture[str]
) -> None:
    first = mine.run("first.tsv")
    full = mine.start(
        *("wait", 0, "other.tsv", "--pool", "cls"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000)),
    )
    _, errors = full.communicate()
    assert full.returncode == 4
    [line] = [line for line in errors.decode().splitlines() if line.startswith("error:")]
    assert "source-" in line and ".f32: cannot be read or written: File too large" in line
    assert mine.run("first.tsv") == first
    assert mine.run("other.tsv", "--pool", "cls") == mine.alone("--pool", "cls")


def test_a_flipped_byte_changes_no_pair(mine: Mine, capsys: pytest.CaptureFixture[str]) -> None:
    first = mine.run("first.tsv")
    whole = json.loads(capsys.readouterr().out)["embedded_tokens"]
    [file] = (mine.folder / "vectors").glob("source-*.f32")
    with file.open("r+b") as changed:
        changed.seek(3001)
        changed.write(bytes([os.pread(changed.fileno(), 1, 3001)[0] ^ 64]))
    assert mine.run("first.tsv") == first
    said = capsys.readouterr()
    assert 0 < json.loads(said.out)["embedded_tokens"] < whole / 2
    assert f"warning: {file}: damaged" in said.err
