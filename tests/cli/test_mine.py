"""Mining a user's own text files: the pairs, what a second run does again, and what it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.cli.main import main
from harness.cli.mine import command
from harness.core.errors import DataError
from harness.retrieval._sentence_files import SentenceFile, write_pairs
from harness.retrieval.mining import Mined

pytestmark = pytest.mark.usefixtures("warm_python")

SOURCE = ["the cat sleeps", "", "a small bird", "the dog runs home", "the dog runs home", "in the garden yesterday"]
TARGET = ["in the garden yesterday", "the cat sleeps", "  ", "the red mat and the dog", "a small bird"]


def run(small_model: Path, folder: Path, *words: str) -> dict[str, object]:
    for name, lines in (("a.txt", SOURCE), ("b.txt", TARGET)):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    command_line = ["--model", str(small_model), "--source", str(folder / "a.txt"), "--target", str(folder / "b.txt")]
    result = (
        pytest.importorskip("click.testing")
        .CliRunner()
        .invoke(command, [*command_line, "--out", str(folder / "pairs.tsv"), "--json", *words], catch_exceptions=False)
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def rows(folder: Path) -> list[list[str]]:
    header, *lines = (folder / "pairs.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t") == ["margin", "source_line", "target_line", "source", "target"]
    return [line.split("\t") for line in lines]


def test_identical_sentences_are_found_with_their_line_numbers(small_model: Path, tmp_path: Path) -> None:
    done = run(small_model, tmp_path, "--k", "2")
    found = {(int(row[1]), int(row[2])): row for row in rows(tmp_path)}
    assert done["pairs"] == len(found) and done["source"] == 5 and done["target"] == 4
    assert {(1, 2), (3, 5), (6, 1)} <= found.keys()
    assert found[3, 5][3:] == ["a small bird", "a small bird"]
    margins = [float(row[0]) for row in rows(tmp_path)]
    assert margins == sorted(margins, reverse=True)
    assert not {4, 5} & {left for left, _ in found}  # repeated sentences are dropped


def test_a_second_run_loads_no_model_and_a_threshold_keeps_the_best(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(small_model, tmp_path)["embedded_tokens"] > 0
    before = rows(tmp_path)
    middle = (float(before[0][0]) + float(before[-1][0])) / 2
    with monkeypatch.context() as patched:
        patched.setattr("harness.models.sentence_encoder.load_encoder", None)
        again = run(small_model, tmp_path, "--threshold", str(middle))
    assert again["embedded_tokens"] == 0
    assert rows(tmp_path) == [row for row in before if float(row[0]) >= middle]
    assert run(small_model, tmp_path, "--layer", "2")["embedded_tokens"] > 0  # other vectors


@pytest.mark.parametrize("character", ["\t", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_no_character_inside_a_sentence_makes_a_column_or_a_line(character: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(f"one{character}two\r\n".encode())
    corpus = SentenceFile.read(tmp_path / "a")
    write_pairs(tmp_path / "pairs.tsv", Mined(np.array([0]), np.array([0]), np.array([1.5])), corpus, corpus)
    _, pair = (tmp_path / "pairs.tsv").read_text(encoding="utf-8").splitlines()
    assert pair.split("\t") == ["1.500000", "1", "1", "one two", "one two"]


def test_refusals_name_the_file_or_the_option(
    small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, full = tmp_path / "empty.txt", tmp_path / "full.txt"
    empty.write_text("\n \n", encoding="utf-8")
    full.write_text("text\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"empty\.txt: no sentence"):
        SentenceFile.read(empty)
    base = ["mine", "--model", str(small_model), "--source", str(full), "--target", str(full)]
    assert main([*base, "--out", str(tmp_path / "p.tsv"), "--margin", "rato"]) == 2
    assert "margin" in capsys.readouterr().err
    assert main([*base, "--out", str(tmp_path / "p.txt")]) == 2
    assert main([*base, "--out", str(tmp_path / "p.tsv"), "--layer", "9"]) == 2
    assert not list(tmp_path.glob("p.*"))


@pytest.mark.parametrize("index", ["ivf", "hnsw"])
def test_an_approximate_index_is_asked_for_and_its_recall_is_told(
    small_model: Path, tmp_path: Path, index: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("faiss")
    exact = run(small_model, tmp_path)
    assert "recall" not in exact
    before = rows(tmp_path)
    found = run(small_model, tmp_path, "--index", index)
    assert (found["index"], found["recall"]) == (index, 1.0)  # so few sentences are searched whole
    assert rows(tmp_path) == before
    words = ["--source", str(tmp_path / "a.txt"), "--target", str(tmp_path / "b.txt"), "--out", str(tmp_path / "c.tsv")]
    assert main(["mine", "--model", str(small_model), *words, "--index", index]) == 0
    assert f"1.0000 of the true neighbours found by the index {index}" in capsys.readouterr().out
    assert main(["mine", "--model", str(small_model), *words, "--index", "hnws"]) == 2
    assert "hnsw" in capsys.readouterr().err


KILLED = """
import os, signal, sys
from harness.cli.main import main
from harness.retrieval import _vector_store as vector_store

write, blocks = vector_store._write, []

def write_and_die(path, at, data):
    write(path, at, data)
    blocks.append(at is None)
    if sum(blocks) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

vector_store._write = write_and_die
vector_store.characters_at_a_time = lambda device, tokens: 1000
main(sys.argv[1:])
"""


def test_a_killed_run_with_a_real_encoder_goes_on_to_the_same_pairs(
    minilm: Path, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr("harness.retrieval._vector_store.characters_at_a_time", lambda device, tokens: 1000)
    [file] = (shared_data / "google/xtreme/tatoeba.deu").glob("*.parquet")
    pairs = pq.read_table(file).slice(0, 60).to_pylist()
    for name, side in (("a.txt", "source_sentence"), ("b.txt", "target_sentence")):
        (tmp_path / name).write_text("".join(pair[side].strip() + "\n" for pair in pairs), encoding="utf-8")
    files = ["--source", str(tmp_path / "a.txt"), "--target", str(tmp_path / "b.txt"), "--offline"]
    words = ["mine", "--model", str(minilm), *files, "--layer", "3", "--dtype", "fp32", "--device", "cpu", "--json"]
    killed = [*words, "--out", str(tmp_path / "killed.tsv")]
    died = subprocess.run([sys.executable, "-c", KILLED, *killed], capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed.tsv").exists()
    [journal] = (tmp_path / "killed.vectors").glob("source-*.journal")
    assert len(journal.read_text(encoding="ascii").splitlines()) == 3
    assert main(killed) == 0
    rest = json.loads(capsys.readouterr().out)
    assert main([*words, "--out", str(tmp_path / "whole.tsv")]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert 0 < rest["embedded_tokens"] < whole["embedded_tokens"]
    assert (tmp_path / "killed.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    found = [line.split("\t")[1:3] for line in (tmp_path / "whole.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    assert len(found) == whole["pairs"] > 20
    assert sum(left == right for left, right in found) > len(found) / 2  # an English encoder, on German
