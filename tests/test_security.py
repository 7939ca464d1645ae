"""Files from strangers: pickles run nothing, code of repositories is not run, and every parser reads or refuses."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.cli.main import main
from harness.core.errors import DataError, HarnessError, ModelError
from harness.data import readers
from harness.data._archive import unpacked
from harness.data._conllu import conllu
from harness.models.reference import parse_model
from harness.models.resolve import check_folder
from harness.results.inventory import find_runs
from harness.runs.record import load_record
from harness.types.options import TrainOptions, build, load_recipe_file, parse_overrides

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def pickled(small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small model as PyTorch used to write it."""
    import torch
    from safetensors.torch import load_file

    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "pickled"
    shutil.copytree(small_model, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    return folder


def evaluated(model: Path, corpus: Path, out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    words = ["--task", "tatoeba[de]", "--data-dir", corpus, "--offline", "--out", out]
    code = main(["eval", "--model", str(model), *map(str, words), *more])
    return code, json.loads((out / "record.json").read_text())


def test_pickles_of_tensors_alone_are_converted_and_the_record_says_so(
    pickled: Path, corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    code, found = evaluated(pickled, corpus, tmp_path / "yes")
    assert code == 0
    assert list(found["model"]["converted_from"]) == ["pytorch_model.bin"]
    _, asked = evaluated(pickled, corpus, tmp_path / "asked", "--allow-pickle")
    assert asked["options"]["allow_pickle"] is True
    assert asked["model"]["fingerprint"] == found["model"]["fingerprint"]
    _, plain = evaluated(small_model, corpus, tmp_path / "plain")
    assert "converted_from" not in plain["model"]
    scores = [record["units"]["tatoeba/de/test"]["predictions"]["sha256"] for record in (found, plain)]
    assert scores[0] == scores[1]
    assert not list(pickled.glob("*.safetensors"))  # the user's folder is left as it is
    # converted once; other weights are another conversion
    [first] = (tmp_path / "cache" / "converted").iterdir()
    assert check_folder(pickled, "x", allow_pickle=True).folder == first
    import torch

    tensors = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    torch.save({name: -tensor for name, tensor in tensors.items()}, pickled / "pytorch_model.bin")
    assert check_folder(pickled, "x", allow_pickle=True).folder != first


def test_pickled_shards_with_tied_weights_are_converted_whole(pickled: Path, small_model: Path) -> None:
    import torch
    from safetensors.torch import load_file

    tensors = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    (pickled / "pytorch_model.bin").unlink()
    tensors["tied.weight"] = next(iter(tensors.values()))
    names = list(tensors)
    where = {name: f"pytorch_model-0000{1 + number % 2}-of-00002.bin" for number, name in enumerate(names)}
    for shard in sorted(set(where.values())):
        torch.save({name: tensors[name] for name in names if where[name] == shard}, pickled / shard)
    (pickled / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": where}))
    folder = check_folder(pickled, "x", allow_pickle=True).folder
    found = load_file(folder / "model.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in names)
    (pickled / "pytorch_model-00002-of-00002.bin").unlink()
    with pytest.raises(ModelError, match="00002-of-00002"):
        check_folder(pickled, "x", allow_pickle=True)


class Evil:
    """Unpickled by Python, this writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("more", [[], ["--allow-pickle"]])
def test_a_pickle_with_code_in_it_runs_nothing(
    more: list[str], pickled: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    touched = tmp_path / "touched"
    torch.save({"embeddings.weight": Evil(touched)}, pickled / "pytorch_model.bin")
    words = ["eval", "--model", pickled, "--task", "tatoeba[de]", "--data-dir", corpus, "--out", tmp_path / "run"]
    assert main([*map(str, words), *more]) == 5
    assert not touched.exists()
    assert "Traceback" not in capsys.readouterr().err
    with pytest.raises(ModelError):
        check_folder(pickled, "x", allow_pickle=bool(more))
    torch.load(pickled / "pytorch_model.bin", weights_only=False)
    assert touched.exists()  # it does work where a careless reader lets it


@FUZZ
@given(content=st.binary(max_size=200))
def test_any_bytes_as_a_pickle_are_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(ModelError):
        check_folder(tmp_path, "x", allow_pickle=True)


def test_code_of_a_repository_is_not_run(small_model: Path, corpus: Path, tmp_path: Path) -> None:
    folder, touched = tmp_path / "model", tmp_path / "touched"
    shutil.copytree(small_model, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "code.C", "AutoModel": "code.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(
        f"import pathlib\npathlib.Path({str(touched)!r}).touch()\nclass C: pass\nclass M: pass\n"
    )
    words = ["eval", "--model", folder, "--task", "tatoeba[de]", "--data-dir", corpus, "--out", tmp_path / "run"]
    command = [sys.executable, "-m", "harness.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert (done.returncode, "code of its own, which is not run" in done.stderr) == (5, True), done.stderr
    assert not touched.exists()


def changed(text: str) -> st.SearchStrategy[str]:
    """A sound file with pieces cut out, put in and repeated."""
    pieces = st.sampled_from(
        ["", "\t", "\n", "{", "}", "[", '"', ",", ":", "null", "-1", "1e999", "\x00", "_", "🐈", "[[["]
    )
    edit = st.tuples(st.integers(0, len(text)), st.integers(0, 12), pieces | st.text(max_size=3))

    def apply(edits: Iterable[tuple[int, int, str]]) -> str:
        found = text
        for at, length, piece in edits:
            found = found[:at] + piece + found[at + length :]
        return found

    return st.lists(edit, max_size=4).map(apply)


SQUAD = json.dumps(
    {"data": [{"paragraphs": [{"context": "ab c", "sentence_breaks": [[0, 4]], "qas": [
        {"id": "1", "question": "q", "is_impossible": False, "answers": [{"text": "c", "answer_start": 3}]}]}]}]}
)  # fmt: skip
_WORDS = [("1-2", "ab", "_", "_"), ("1", "a", "ADP", "2"), ("2", "b", "DET", "3"), ("3", "c", "X", "0")]
_LINES = [f"{number}\t{word}\t_\t{tag}\t_\t_\t{head}\t_\t_\t_\n" for number, word, tag, head in _WORDS]
CONLLU = "# text = ab c\n" + "".join(_LINES) + "\n"
Parser = Callable[[Path], Any]


def rows(reader: Callable[..., Iterable[Any]], count: int = 1) -> Parser:
    return lambda path: list(reader(*[path] * count))


PARSERS: dict[str, tuple[str, Parser]] = {
    "SQuAD": (SQUAD, lambda path: [readers.question(row) for row in readers.squad_json(path)]),
    "CoNLL-U": (CONLLU, rows(conllu)),
    "JSON lines": ('{"a": 1}\n{"b": [1, 2]}\n', rows(readers.json_lines)),
    "tab separated": ("a\tb\n1\t2\n3\t4\n", rows(readers.tab_separated)),
    "tagged": ("a\tX\nb\tY\n\nc\tX\n", rows(readers.tagged)),
    "bitext": ("a-1\tx y\na-2\tz\n", rows(readers.bitext_pool, 2)),
    "gold": ("a-1\tb-1\n", rows(readers.bitext_pool, 3)),
    "parallel": ("a\nb\n", rows(readers.parallel_lines, 2)),
    "recipe": ('name = "x"\nversion = 2\n[defaults]\nlr = 1e-5\n[tasks.xnli]\nepochs = 2\n', load_recipe_file),
}


@pytest.mark.parametrize("name", PARSERS)
@FUZZ
@given(data=st.data())
def test_any_file_is_read_or_refused_by_name(name: str, data: st.DataObject, tmp_path: Path) -> None:
    text, parse = PARSERS[name]
    path = tmp_path / ("file.toml" if name == "recipe" else "de_x-ud-test.conllu")
    content = data.draw(
        changed(text).map(lambda drawn: drawn.encode("utf-8", "surrogatepass")) | st.binary(max_size=60)
    )
    path.write_bytes(content)
    try:
        parse(path)
    except HarnessError as error:
        assert path.name in str(error)


@pytest.mark.parametrize("name", PARSERS)
def test_every_parser_reads_the_sound_file(name: str, tmp_path: Path) -> None:
    text, parse = PARSERS[name]
    path = tmp_path / ("file.toml" if name == "recipe" else "de_x-ud-test.conllu")
    path.write_text(text)
    if name != "gold":
        assert parse(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@FUZZ
@given(
    record=JSON,
    values=st.dictionaries(
        st.sampled_from(
            ["model", "options", "units", "failed", "scores", "stages", "benchmark", "partial", "finished"]
        ),
        JSON,
    ),
)
@example(record="[" * 50_000, values={})
def test_any_record_is_read_or_refused(record: Any, values: dict[str, Any], tmp_path: Path) -> None:
    whole = {"schema": "harness-record/1", **values} if values else record
    (tmp_path / "record.json").write_text(whole if isinstance(whole, str) else json.dumps(whole))
    try:
        load_record(tmp_path)
    except HarnessError as error:
        assert "record.json" in str(error)
    assert len(find_runs(tmp_path)) == 1


@FUZZ
@given(config=JSON | st.builds(lambda value: {"auto_map": value, "model_type": value}, JSON))
def test_any_configuration_is_read_or_refused(config: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00[1, 2] ")
    try:
        found = check_folder(tmp_path, "x")
        assert found.hidden_size >= 0 and found.parameters is None
    except HarnessError:
        pass


@FUZZ
@given(st.text(max_size=20) | st.text("abc/@.:-~ \x00", max_size=12))
def test_any_model_string_and_override_is_read_or_refused(text: str) -> None:
    values = dict.fromkeys(("lr", "epochs", "select", "keep_head"), text)
    with suppress(HarnessError):
        parse_model(text)
    with suppress(HarnessError):
        build(TrainOptions, parse_overrides([text]))
    with suppress(HarnessError):
        build(TrainOptions, values)


def treebank(tmp_path: Path) -> bytes:
    blob = io.BytesIO()
    with tarfile.open(fileobj=blob, mode="w:gz") as tar:
        member = tarfile.TarInfo("ud/de_x-ud-test.conllu")
        member.size = len(CONLLU)
        tar.addfile(member, io.BytesIO(CONLLU.encode()))
    return blob.getvalue()


@FUZZ
@given(data=st.data())
def test_any_archive_is_read_or_refused(data: st.DataObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    blob = bytearray(treebank(tmp_path))
    for _ in range(data.draw(st.integers(0, 3))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "ud.tgz"
    path.write_bytes(blob[: data.draw(st.integers(0, len(blob)))])
    try:
        unpacked(path)
    except HarnessError as error:
        assert "ud.tgz" in str(error)
    assert {entry.name for entry in tmp_path.iterdir()} <= {"cache", "ud.tgz"}


@pytest.mark.parametrize("name", ["../evil.conllu", "a/../../evil.conllu", "{here}/evil.conllu"])
def test_an_archive_that_leads_out_writes_nothing_outside(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What climbs out is refused by name; a leading slash is dropped, and the file lies in the cache."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    path, name = tmp_path / "ud.tgz", name.format(here=tmp_path)
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    if ".." in name:
        with pytest.raises(DataError, match=rf"ud\.tgz: '{re.escape(name)}' leads out of the archive's folder"):
            unpacked(path)
        assert not list((tmp_path / "cache").rglob("*.conllu"))
    else:
        folder = unpacked(path).resolve()
        assert [found.relative_to(folder) for found in folder.rglob("*.conllu")] == [Path(name.lstrip("/"))]
    assert not (tmp_path / "evil.conllu").exists()
    assert not list((tmp_path / "cache").glob("evil*")) + list((tmp_path / "cache" / "treebanks").glob("evil*"))
