from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_folders import copied, parquet_of, write_parquet

from harness.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["data", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_data_list_shows_the_state_of_each_split(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "list", "xnli[sw,ur]", "--splits", "--data-dir", shared_data)
    assert code == 0
    assert [line.split()[:4] for line in out.splitlines()[2:]] == [
        ["xnli", "sw", "dev", "present"],
        ["xnli", "sw", "test", "present"],
        ["xnli", "ur", "dev", "missing"],
        ["xnli", "ur", "test", "missing"],
    ]
    assert "2 missing, 2 present" in err


def test_list_as_json_with_training_data_and_intermediate_tasks(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "list", "udpos[en]", "squad[en]", "--data-dir", shared_data, "--json")
    found: list[dict[str, Any]] = json.loads(out)
    assert code == 0
    assert [(s["task"], s["language"], s["split"], s["state"], s["rows"], s["expected"]) for s in found] == [
        ("udpos", "en", "train", "excerpt", 1500, 21_253),
        ("udpos", "en", "dev", "excerpt", 500, 3974),
        ("udpos", "en", "test", "excerpt", 1000, 5440),
        ("squad", "en", "train", "excerpt", 1287, 87_599),
        ("squad", "en", "dev", "excerpt", 300, 10_570),
    ]


def test_list_takes_excluding_selectors_and_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list", "mlqa", "-mlqa[en,es,de,ar,hi,vi]", "--json")
    assert code == 0 and {state["language"] for state in json.loads(out)} == {"zh"}
    code, _, err = run(capsys, "list", "xnly")
    assert code == 2 and "xnli" in err


def test_verify_finds_the_excerpts_sound(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(
        capsys, "verify", "xnli[sw]", "xquad", "bucc2018", "cosmosqa", "--data-dir", shared_data, "--json"
    )
    assert code == 0
    states = {(s["task"], s["language"], s["split"]): s for s in json.loads(out)}
    assert states["xnli", "sw", "test"]["examples"] == 5010
    assert len(states["xquad", "de", "test"]["fingerprint"]) == 32
    assert "damaged" not in err and "excerpt" in err


def test_data_verify_lists_each_bad_file_once(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("google/xtreme/XNLI", "google/xtreme/XQuAD.de", "google/xtreme/PAN-X.de", "google/xtreme/tatoeba.deu")
    folder = copied(shared_data, tmp_path, *names)
    xnli, xquad, panx = (
        parquet_of(folder, f"google/xtreme/{name}") for name in ("XNLI/test", "XQuAD.de/validation", "PAN-X.de/test")
    )
    xnli.write_bytes(xnli.read_bytes()[:-100])
    rows = pq.read_table(xquad).to_pylist()
    rows[7]["answers"]["text"] = ["nowhere to be found"]
    write_parquet(xquad, pa.Table.from_pylist(rows))
    write_parquet(panx, pq.read_table(panx).drop_columns("ner_tags"))
    code, _, err = run(capsys, "verify", "xnli", "xquad", "panx", "tatoeba", "--data-dir", folder)
    assert code == 4
    assert f"{xnli}: cannot be read as parquet" in err
    assert f"{xquad}: example {rows[7]['id']!r}: the answer 'nowhere to be found' is not in its context" in err
    assert f"{panx}: column 'ner_tags' is missing" in err
    assert err.count(str(xnli)) == 1  # once, though 15 languages share the file
    assert "tatoeba" not in err


def test_data_verify_notes_answers_that_were_realigned(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(shared_data, tmp_path, "google/xtreme/XQuAD.de")
    path = parquet_of(folder, "google/xtreme/XQuAD.de/validation")
    rows = pq.read_table(path).to_pylist()
    for row in rows[:3]:
        row["answers"]["answer_start"] = [row["answers"]["answer_start"][0] + 1]
    write_parquet(path, pa.Table.from_pylist(rows))
    code, out, _ = run(capsys, "verify", "xquad[de]", "--data-dir", folder, "--json")
    assert code == 0 and json.loads(out)[0]["reason"].startswith("3 answers are realigned")


def test_data_verify_without_data_fails_with_a_hint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "verify", "ccg", "--data-dir", tmp_path)
    assert code == 4 and "harness data sample" in err
    code, _, err = run(capsys, "verify", "--data-dir", tmp_path / "nowhere")
    assert code == 2 and "data folder not found" in err


def test_fetch_says_how_to_get_what_has_no_download(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "fetch", "ccg", "--data-dir", tmp_path)
    assert code == 4 and "LDC2005T13" in err and "ccg[en] train" in err


def test_sample_writes_a_corpus_that_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "corpus"
    code, _, err = run(capsys, "sample", folder, "--size", "tiny", "--seed", "3")
    assert code == 0 and "harness eval --model tiny" in err
    code, out, _ = run(capsys, "verify", "--data-dir", folder, "--json")
    states = json.loads(out)
    assert code == 0 and {state["state"] for state in states} == {"sample", "missing"}
    there = {(state["task"], state["split"]) for state in states if state["state"] == "sample"}
    assert {name for name, _ in there} >= {
        "pawsx", "xnli", "panx", "udpos", "bucc2018", "tatoeba", "xquad", "mlqa", "tydiqa", "anli_plus", "squad2"
    }  # fmt: skip
