"""Whatever a file, a library or a plugin raises becomes one documented error, and other units keep their scores."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_task import PLUGIN, write_data
from safetensors.torch import save_file

from harness.api import evaluate
from harness.cli.main import main
from harness.core.border import border
from harness.core.errors import DataError, HarnessError, ModelError, PluginError, UsageError
from harness.data._archive import conllu_archive
from harness.models import load
from harness.models._pickled import converted
from harness.models._remote_code import _download
from harness.models.reference import parse_model
from harness.models.resolve import Access, resolve_model
from harness.models.stored import stored_names, stored_tensors
from harness.registry.registry import Registry
from harness.retrieval._knn_approximate import nearest_approximate
from harness.retrieval.knn import nearest
from harness.retrieval.search_backend import searcher
from harness.testing.model import small_model
from harness.training._checkpoint import StageProgress, load_state, save_state
from harness.types.options import EvalOptions, TrainOptions, build, load_recipe_file
from harness.types.trusted_code import TrustedCode

pytestmark = pytest.mark.usefixtures("warm_python")


class Strange(Exception):
    """A type that nobody foresees."""


class Stranger(BaseException):
    """One that is not even an Exception."""


ODD = [Strange("odd"), Stranger("odd"), SystemExit(0), RecursionError("odd"), MemoryError(), KeyError("odd")]


def raising(error: BaseException) -> Callable[..., Any]:
    def strange(*args: Any, **kwargs: Any) -> Any:
        raise error

    return strange


def only(wanted: Callable[..., bool], function: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    """The function, but raising where the arguments are the wanted ones."""

    def strange(*args: Any, **kwargs: Any) -> Any:
        if wanted(*args):
            raise error
        return function(*args, **kwargs)

    return strange


# The border itself.


@pytest.mark.parametrize("error", ODD, ids=repr)
def test_anything_becomes_the_documented_error_in_one_line(error: BaseException) -> None:
    with pytest.raises(DataError) as caught, border("a.json: not JSON", hint="write it again"):
        raise error
    assert str(caught.value).startswith("a.json: not JSON: ") and "\n" not in str(caught.value)
    assert caught.value.hint == "write it again" and caught.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UsageError("known"), GeneratorExit()], ids=repr)
def test_what_is_documented_and_ctrl_c_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, border("a.json"):
        raise error
    assert caught.value is error


# Files and libraries: the unit fails, and others are scored.


@pytest.fixture
def words(corpus: Path, tmp_path: Path) -> list[str]:
    where = ["--data-dir", str(corpus), "--offline", "--out", str(tmp_path / "run")]
    return ["eval", "--model", "baseline:random", "--task", "pawsx[de,fr]", *where]


def outcome(folder: Path) -> tuple[set[str], dict[str, str]]:
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    return set(record["units"]), record["failed"]


def is_german(*args: Any) -> bool:
    return any(
        "PAWS-X.de" in str(arg) or "pawsx/de" in str(arg) or "test-de" in str(arg) or arg == "de" for arg in args
    )


LIBRARIES = [
    "pyarrow.parquet.read_metadata",
    "pyarrow.parquet.ParquetFile",
    "harness.data.sources.problems",
    "harness.data.store.fingerprint",
    "harness.evaluation._unit_record.score_unit",
    "harness.scoring.formats.labels.Labels.write_predictions",
    "harness.scoring.metrics.accuracy.Accuracy.statistics",
]


@pytest.mark.parametrize("error", [Strange("odd"), Stranger("odd"), SystemExit(0)], ids=repr)
@pytest.mark.parametrize("place", LIBRARIES)
def test_a_unit_that_a_library_chokes_on_fails_alone(
    place: str, error: BaseException, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import import_module

    parts = place.split(".")
    owner: Any = None
    for end in range(len(parts) - 1, 0, -1):
        try:
            owner = import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for name in parts[end:-1]:
            owner = getattr(owner, name)
        break
    german = is_german
    if "problems" in place or "fingerprint" in place:  # they are given examples, and know no file
        seen: list[str] = []
        german = lambda *args: not seen and not seen.append("the first split")  # type: ignore[func-returns-value]  # noqa: E731
    monkeypatch.setattr(owner, parts[-1], only(german, getattr(owner, parts[-1]), error))
    assert main(words) == 6
    scored, failed = outcome(tmp_path / "run")
    assert scored == {"pawsx/fr/test"} and set(failed) == {"pawsx/de/test"}
    assert type(error).__name__ in failed["pawsx/de/test"]


@pytest.mark.parametrize("error", [Strange("odd"), Stranger("odd"), SystemExit(0)], ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        ("transformers.AutoTokenizer", "from_pretrained"),
        ("transformers.AutoConfig", "from_pretrained"),
        ("transformers.AutoModel", "from_pretrained"),
        ("harness.retrieval.knn", "_with_torch"),
        ("harness.inference.forward.Forward", "_run"),
    ],
    ids=str,
)
def test_a_model_that_cannot_be_used_fails_the_units_and_is_named(
    place: tuple[str, str],
    error: BaseException,
    corpus: Path,
    small_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module, _, name = place[0].rpartition(".")
    owner: Any = __import__(module, fromlist=[name])
    owner = getattr(owner, name)
    if not hasattr(owner, place[1]):
        pytest.fail(f"{place} is gone")
    monkeypatch.setattr(owner, place[1], raising(error))
    monkeypatch.setattr(load, "_loaded", load._loaded.__wrapped__)  # no tokenizer that an earlier test has loaded
    where = ["--data-dir", str(corpus), "--offline", "--out", str(tmp_path / "run"), "--index", "torch"]
    code = main(["eval", "--model", str(small_model), "--task", "tatoeba[de,fr]", *where])
    said = capsys.readouterr().err
    assert code in (5, 6) and "Traceback" not in said
    assert type(error).__name__ in said


def test_json_that_is_nested_without_end_is_named(corpus: Path, tmp_path: Path, small_model: Path) -> None:
    import shutil

    from harness.data.readers import json_lines, squad_json
    from harness.models.resolve import check_folder

    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    for read, words in ((json_lines, r"deep\.json:1: not JSON"), (squad_json, r"deep\.json: not SQuAD JSON")):
        with pytest.raises(DataError, match=words):
            list(read(deep))
    model = Path(shutil.copytree(small_model, tmp_path / "model"))
    (model / "config.json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match=r"config\.json: empty, cut or not JSON"):
        check_folder(model, "x")
    recipe = tmp_path / "deep.toml"
    recipe.write_text("x = " + "[" * 5_000)
    with pytest.raises(UsageError, match=r"deep\.toml: not a readable TOML file"):
        load_recipe_file(recipe)


def test_a_multiword_token_over_a_trillion_words_is_read_at_once(tmp_path: Path) -> None:
    from harness.data._conllu import conllu

    columns = "\t".join(["_"] * 3)
    lines = [f"{number}\tw\t_\tX\t{columns}\t0\troot\t_\t_" for number in ("1-999999999", "1", "2")]
    path = tmp_path / "en_x.conllu"
    path.write_text("\n".join(line.replace("\t_\t_\t_\t0\t", "\t_\t_\t0\t") for line in lines) + "\n\n")
    (row,) = conllu(path)
    assert row["tokens"] == ["w"]


# Plugins.


def plugin(folder: Path, source: str) -> Path:
    path = folder / "own.py"
    path.write_text(PLUGIN + source, encoding="utf-8")
    return path


RAISES = [
    "raise SystemExit(0)",
    "raise type('Odd', (BaseException,), {})('odd')",
    "raise type('Odd', (Exception,), {})",
]


@pytest.mark.parametrize("statement", RAISES)
def test_a_plugin_that_stops_at_import_is_listed_and_nothing_else_is_lost(
    statement: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = plugin(tmp_path, statement)
    assert main(["--plugin", str(path), "tasks", "list"]) == 3
    assert "own" in capsys.readouterr().err
    found = Registry([path])
    assert "xnli" in found.tasks()
    (failed,) = [each for each in found.plugins() if each.status == "failed"]
    assert failed.name == "own"


@pytest.mark.parametrize("statement", RAISES)
def test_example_functions_that_stop_fail_their_own_units(statement: str, tmp_path: Path) -> None:
    source = PLUGIN.replace(
        '    return Pair(row["id"], row["text"], "", row["label"])',
        f'    if row["text"] == "stop": {statement}\n    return Pair(row["id"], row["text"], "", row["label"])',
    )
    path = tmp_path / "own.py"
    path.write_text(source, encoding="utf-8")
    data = write_data(tmp_path / "data")
    bad = data / "mine" / "test-sw.jsonl"
    bad.write_text(bad.read_text().replace("text number 3", "stop"))
    options = EvalOptions(data_dir=str(data), offline=True)
    run = evaluate("baseline:random", ["mine"], out=tmp_path / "run", options=options, registry=Registry([path]))
    assert set(run.record["units"]) == {"mine/en/test"}
    reason = run.failed["mine/sw/test"]
    assert "test-sw.jsonl: row 3 cannot be read by mine" in reason and ("Odd" in reason or "SystemExit" in reason)


@pytest.mark.parametrize("statement", RAISES)
def test_readers_that_stop_fail_their_own_units(statement: str, tmp_path: Path) -> None:
    source = PLUGIN.replace(
        "def lines(path):\n", f"def lines(path):\n    if path.name == 'test-sw.jsonl': {statement}\n"
    )
    (tmp_path / "own.py").write_text(source, encoding="utf-8")
    options = EvalOptions(data_dir=str(write_data(tmp_path / "data")), offline=True)
    found = Registry([tmp_path / "own.py"])
    run = evaluate("baseline:random", ["mine"], out=tmp_path / "run", options=options, registry=found)
    assert set(run.record["units"]) == {"mine/en/test"}
    assert "test-sw.jsonl: cannot be read" in run.failed["mine/sw/test"]


@pytest.mark.parametrize("statement", RAISES)
def test_hooks_that_stop_are_passed_over(statement: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hooks = f"""
@hookimpl
def harness_run_started():
    {statement}

@hookimpl
def harness_resolve_data():
    {statement}

@hookimpl
def harness_unit_scored():
    {statement}
"""
    caplog.set_level(logging.DEBUG)  # what a plugin says again is told no second time
    found = Registry([plugin(tmp_path, hooks)])
    assert found.hook.harness_resolve_data(source=None, data_dir=None, offline=True) is None
    options = EvalOptions(data_dir=str(write_data(tmp_path / "data")), offline=True)
    run = evaluate("baseline:random", ["mine"], out=tmp_path / "run", options=options, registry=found)
    assert len(run.record["units"]) == 2 and not run.failed
    for hook in ("harness_run_started", "harness_resolve_data", "harness_unit_scored"):
        assert f"failed in {hook}" in caplog.text


FAMILY = """
from harness.families.classification import Classification

class Broken(Classification):
    def decode(self, features, outputs, examples):
        {statement}

@hookimpl
def harness_families():
    yield Family("own", (Pair,), f"{{__name__}}:Broken", "harness.scoring.formats.labels:Labels")

@hookimpl(specname="harness_target_tasks")
def more():
    yield TargetTask(**{{**FIELDS, "name": "theirs", "family": "own"}})
"""


@pytest.mark.parametrize("statement", RAISES)
def test_a_family_that_stops_fails_its_own_units_and_is_blamed(statement: str, tmp_path: Path) -> None:
    found = Registry([plugin(tmp_path, FAMILY.format(statement=statement))])
    overrides = {"max_steps": 1, "select": "last"}
    data = str(write_data(tmp_path / "data"))
    options = EvalOptions(data_dir=data, offline=True, device="cpu", recipe="tiny", overrides=overrides)
    model = str(small_model(tmp_path / "model"))
    run = evaluate(model, ["mine[sw]", "theirs[sw]"], out=tmp_path / "run", options=options, registry=found)
    assert set(run.record["units"]) == {"mine/sw/test"}
    assert "plugin file:own: family 'own': implementation: " in run.failed["theirs/sw/test"]


def test_ctrl_c_in_a_plugin_ends_the_command(tmp_path: Path) -> None:
    source = "\n@hookimpl\ndef harness_run_started():\n    import os, signal; os.kill(os.getpid(), signal.SIGINT)\n"
    path, data = plugin(tmp_path, source), write_data(tmp_path / "data")
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from harness.cli.main import main; sys.exit(main())"
    words = ["--plugin", str(path), "eval", "--model", "baseline:random", "--task", "mine", "--data-dir", str(data)]
    words += ["--offline", "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert done.returncode == 130 and "interrupted" in done.stderr


# Options, and what lies in the way.


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("save_every", "0"),
        ("epochs", "1e21"),
        ("epochs", "nan"),
        ("lr", "inf"),
        ("lr", "nan"),
        ("batch", "1" + "0" * 30),
        ("batch", "9" * 5000),
        ("max_steps", "1e400"),
        ("warmup_ratio", "inf"),
    ],
)
def test_numbers_that_no_training_can_use_are_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"option {name}"):
        build(TrainOptions, {name: value})
    with pytest.raises(UsageError, match="option lr"):
        build(TrainOptions, {"lr": 10**400})


@pytest.mark.parametrize(
    "given", [["--set", "lrr=1"], ["--set", "lr=much"], ["--set", "max_length=x"], ["--recipe", "R"]]
)
def test_a_dry_run_refuses_what_the_run_refuses(
    given: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text("[defaults]\nlrr = 1\n")
    given = [str(tmp_path / "r.toml") if word == "R" else word for word in given]
    said = []
    for more in ([], ["--dry-run"]):
        capsys.readouterr()
        assert main([*words, *given, *more]) == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1] and "option" in said[0]


@pytest.mark.parametrize("name", [".claims", ".claims/@record.claim"])
def test_what_is_in_the_place_of_claims_is_named(
    name: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "run" / name
    place.parent.mkdir(parents=True)
    if name == ".claims":
        place.write_text("")
    else:
        place.mkdir()
    assert main(words) == 4 and str(place) in capsys.readouterr().err


def test_a_metric_of_evaluate_that_fails_costs_its_unit_only(tmp_path: Path) -> None:
    metric = "evaluate:" + str(tmp_path / "none.py")
    path = tmp_path / "own.py"
    more = f"""
@hookimpl(specname="harness_target_tasks")
def more():
    yield TargetTask(**{{**FIELDS, "name": "theirs", "metric": {metric!r}}})
"""
    path.write_text(PLUGIN + more, encoding="utf-8")
    options = EvalOptions(data_dir=str(write_data(tmp_path / "data")), offline=True)
    run = evaluate(
        "baseline:random", ["theirs", "mine"], out=tmp_path / "run", options=options, registry=Registry([path])
    )
    assert set(run.failed) == {"theirs/en/test", "theirs/sw/test"} and len(run.record["units"]) == 2


# Each library and each kind of plugin at its own border, whatever it raises.


TYPES = [Strange("odd"), Stranger("odd"), SystemExit(0), MemoryError()]


@dataclass(frozen=True)
class Border:
    """What is asked of whom: ``place`` is made to raise, and ``use`` must end in an error with these words."""

    place: str
    use: Callable[[Path], object]
    kind: type[HarnessError]
    words: str


def matrices() -> Any:
    return np.eye(4, 3, dtype=np.float32), np.eye(5, 3, dtype=np.float32)


def weights(folder: Path) -> Path:
    save_file({"a": torch.zeros(2)}, folder / "model.safetensors")
    return folder


def saved(folder: Path) -> object:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters())
    save_state(folder / "state", model, optimizer, StageProgress())
    return load_state(folder / "state", model, optimizer)


def pickled(folder: Path) -> object:
    torch.save({"a": torch.zeros(2)}, folder / "pytorch_model.bin")
    return converted(folder)


def treebanks(folder: Path) -> object:
    (folder / "ud.tgz").write_bytes(b"")
    return list(conllu_archive(folder / "ud.tgz", pattern="*"))


HUB = "huggingface_hub.snapshot_download"
TRUSTED = TrustedCode("org/code", "0" * 40)
BORDERS = [
    Border("safetensors.safe_open", lambda f: stored_tensors(weights(f), ["a"]), ModelError, "model.safetensors: not"),
    Border("harness.models._sound.json.loads", lambda f: stored_names(weights(f)), ModelError, "model.safetensors: no"),
    Border("safetensors.torch.load_file", saved, DataError, "state.safetensors: cannot be read"),
    Border("torch.load", pickled, ModelError, "pytorch_model.bin: pickled weights that are"),
    Border("tarfile.open", treebanks, DataError, "ud.tgz: not a whole tar archive"),
    Border(
        HUB, lambda f: resolve_model(parse_model("org/name"), Access()), ModelError, "cannot get the model 'org/name': "
    ),
    Border(
        HUB,
        lambda f: resolve_model(parse_model("org/name"), Access(offline=True)),
        ModelError,
        "not in the local cache",
    ),
    Border(HUB, lambda f: _download(TRUSTED, False), ModelError, "the code of org/code@0000"),
    Border(
        "harness.retrieval.knn._with_faiss", lambda f: nearest(*matrices(), 1, backend="faiss"), ModelError, "'faiss'"
    ),
    Border(
        "harness.retrieval.knn._with_torch", lambda f: nearest(*matrices(), 1, backend="torch"), ModelError, "'torch'"
    ),
    Border(
        "harness.retrieval._knn_approximate._built",
        lambda f: nearest_approximate(*matrices(), 1, index="hnsw"),
        ModelError,
        "'hnsw'",
    ),
]


@pytest.mark.parametrize("error", TYPES, ids=repr)
@pytest.mark.parametrize("asked", BORDERS, ids=lambda asked: f"{asked.place}: {asked.words}")
def test_what_a_library_raises_is_one_error_that_names_what_was_asked_for(
    asked: Border, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(asked.place, raising(error))
    with pytest.raises(asked.kind) as caught:
        asked.use(tmp_path)
    assert asked.words in str(caught.value) and type(error).__name__ in str(caught.value)
    assert "\n" not in str(caught.value) and caught.value.hint


@pytest.mark.parametrize("error", TYPES, ids=repr)
def test_a_hub_that_fails_in_any_way_is_gone_on_without(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.data import locate

    monkeypatch.setattr(HUB, raising(error))
    monkeypatch.setattr(locate, "unreachable", [])
    (source,) = Registry().task("xnli").languages["de"]["test"].sources[:1]
    assert locate._in_cache(source) is None and not locate.unreachable
    assert locate._on_hub(source) is None
    assert type(error).__name__ in locate.unreachable[0]


COLLECTED = """
from harness import Attribute, Command, DoctorCheck, Finding, ReportFormat
import click

def stop(*args, **kwargs):
    {statement}

@click.command()
def command():
    {statement}

@hookimpl
def harness_report_formats():
    yield ReportFormat("stop", f"{{__name__}}:stop")

@hookimpl
def harness_attributes():
    yield Attribute("stop", (Pair,), f"{{__name__}}:stop")

@hookimpl
def harness_doctor_checks():
    yield DoctorCheck("stop", f"{{__name__}}:stop")

@hookimpl
def harness_commands():
    yield Command("stop", f"{{__name__}}:command")

@hookimpl
def harness_build_index(name):
    return stop if name == "stop" else None
"""


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """A run of the task of our own."""
    options = EvalOptions(data_dir=str(write_data(tmp_path / "data")), offline=True)
    found = Registry([plugin(tmp_path, "")])
    evaluate("baseline:random", ["mine"], out=tmp_path / "run", options=options, registry=found)
    return tmp_path / "run"


@pytest.mark.parametrize("statement", RAISES)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "RUN", "--format", "stop"], "report format 'stop': render: "),
        (["breakdown", "RUN", "--attribute", "stop", "--data-dir", "DATA"], "attribute 'stop': compute: "),
        (["stop"], "command 'stop': "),
        (["doctor", "--json"], ":stop: "),
    ],
    ids=lambda given: given[0],
)
def test_what_a_plugin_collects_may_stop_and_is_blamed(
    words: list[str], said: str, statement: str, scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if words == ["stop"] and "SystemExit" in statement:
        pytest.skip("a command may end as it likes")
    path = plugin(tmp_path, COLLECTED.format(statement=statement))
    places = {"RUN": str(scored), "DATA": str(tmp_path / "data")}
    assert main(["--plugin", str(path), *(places.get(word, word) for word in words)]) == 3
    captured = capsys.readouterr()
    told = " ".join((captured.out + captured.err).split())
    assert said in told and "file:own" in told and ("Odd" in told or "SystemExit" in told) and "Traceback" not in told


@pytest.mark.parametrize("statement", RAISES)
def test_the_search_of_a_plugins_index_may_stop_and_is_named(statement: str, tmp_path: Path) -> None:
    found = Registry([plugin(tmp_path, COLLECTED.format(statement=statement))])
    _, search = searcher("stop", "cpu", found.hook.harness_build_index)
    with pytest.raises(PluginError, match=r"the index 'stop' failed: (Odd|SystemExit)"):
        search(*matrices(), 1)


HOOKS = {
    "harness_configure": {},
    "harness_run_started": {"folder": Path(), "model": "m", "units": (), "options": {}},
    "harness_step_trained": {"folder": Path(), "task": "t", "step": 1, "total": 2, "loss": 0.5},
    "harness_unit_scored": {"task": "t", "language": "de", "split": "test", "entry": {}, "cached": False},
    "harness_run_finished": {"folder": Path(), "record": {}},
    "harness_resolve_data": {"source": None, "data_dir": None, "offline": True},
    "harness_load_encoder": {"reference": "lab:x", "offline": True},
    "harness_build_index": {"name": "x", "vectors": None, "device": "cpu"},
}  # fmt: skip


@pytest.mark.parametrize("statement", RAISES)
@pytest.mark.parametrize("hook", HOOKS)
def test_an_observer_or_a_resolver_may_stop_and_the_next_one_is_asked(
    hook: str, statement: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    heard = tmp_path / "heard"
    (tmp_path / "second.py").write_text(
        f"from pathlib import Path\nfrom harness import hookimpl\n@hookimpl\ndef {hook}():\n    Path({str(heard)!r}).touch()\n"
    )
    first = plugin(tmp_path, f"\n@hookimpl\ndef {hook}():\n    {statement}\n")
    for order in ([first, tmp_path / "second.py"], [tmp_path / "second.py", first]):
        heard.unlink(missing_ok=True)
        found = Registry(order)
        assert "mine" in found.tasks()
        if hook != "harness_configure":  # which all hear as they are loaded
            assert getattr(found.hook, hook)(**HOOKS[hook]) is None
        assert heard.exists() and f"failed in {hook}" in caplog.text
