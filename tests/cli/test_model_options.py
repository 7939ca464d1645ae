"""Options that say how a model is had and how it computes reach the model in every command that opens one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.inference.forward import Forward
from harness.types.examples import Question
from harness.types.units import UnitExamples

QUICK = ["--offline", "--device", "cpu"]
COMMANDS = ("eval", "train", "mine", "checklist", "doctor")


@pytest.fixture(scope="module")
def retrieval_alone(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of one family of tasks, so that ``doctor --invariance`` scores one."""
    folder = tmp_path_factory.mktemp("data")
    for path in corpus.rglob("tatoeba.de*"):
        shutil.copytree(path, folder / path.relative_to(corpus))
    assert list(folder.iterdir())
    return folder


@pytest.fixture(scope="module")
def answering(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model with a head that answers questions."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    folder = tmp_path_factory.mktemp("answering")
    AutoModelForQuestionAnswering.from_pretrained(small_model).save_pretrained(folder)
    AutoTokenizer.from_pretrained(small_model).save_pretrained(folder)
    return folder


@pytest.fixture
def command(corpus: Path, retrieval_alone: Path, tmp_path: Path) -> Callable[[str, Path], list[str]]:
    """The command line of each command, as small as it can be, on a model."""
    for name in ("a", "b"):
        (tmp_path / name).write_text("the cat sleeps\na small bird\n", encoding="utf-8")

    def words(name: str, model: Path) -> list[str]:
        data = ["--data-dir", str(corpus)]
        few = ["--train-limit", "8", "--set", "max_steps=1", "--set", "eval_limit=4"]
        files = ["--source", str(tmp_path / "a"), "--target", str(tmp_path / "b"), "--out", str(tmp_path / "pairs.tsv")]
        rest = {
            "eval": ["--model", str(model), "--task", "tatoeba[de]", "--limit", "4", *data],
            "train": ["--model", str(model), "--task", "pawsx", *few, *data],
            "mine": ["--model", str(model), *files],
            "checklist": ["--model", str(model), "--language", "en", "--test", "Comparisons", "--cases", "1"],
            "doctor": ["--invariance", str(model), "--limit", "2", "--data-dir", str(retrieval_alone)],
        }[name]
        out = ["--out", str(tmp_path / "out")] if name in ("eval", "train") else []
        return [name, *rest, *QUICK, *out]

    return words


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The padded tokens a batch of every forward pass that is made."""
    found: set[int] = set()
    made = Forward.__post_init__

    def noted(self: Forward) -> None:
        made(self)
        found.add(self.budget)

    monkeypatch.setattr(Forward, "__post_init__", noted)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_pickled_weights_and_the_size_of_batches_reach_the_model(
    name: str,
    command: Callable[[str, Path], list[str]],
    answering: Path,
    tmp_path: Path,
    budgets: set[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import torch
    from safetensors.torch import load_file

    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    model = tmp_path / "model"
    shutil.copytree(answering, model)
    torch.save(load_file(model / "model.safetensors"), model / "pytorch_model.bin")
    (model / "model.safetensors").unlink()
    words = command(name, model)
    assert main([*words, "--batch-tokens", "77"]) == 0
    assert 77 in budgets and budgets <= {77, 1}  # batches of one: the other half of --invariance


@pytest.mark.parametrize("name", COMMANDS)
def test_code_of_a_model_is_refused_by_all_commands_alike(
    name: str,
    command: Callable[[str, Path], list[str]],
    small_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = tmp_path / "model"
    shutil.copytree(small_model, model)
    config = json.loads((model / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "strange.C", "AutoModel": "strange.M"}}
    (model / "config.json").write_text(json.dumps(config))
    (model / "strange.py").write_text("raise SystemExit('it was run')")
    words = command(name, model)
    assert main(words) == 5
    assert "--trust-remote-code ORG/NAME@SHA runs that of one repository" in capsys.readouterr().err
    assert main([*words, "--trust-remote-code", f"org/absent@{'a' * 40}"]) == 5
    assert "the code of org/absent" in capsys.readouterr().err
    assert main([*words, "--trust-remote-code", "org/absent@main"]) == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_weights_of_fewer_bits_are_asked_for_in_every_command(
    name: str,
    command: Callable[[str, Path], list[str]],
    answering: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The library that holds them is not there: each command says so, which it can only if the option reached the model."""
    import sys

    assert main([*command(name, answering), "--quant", "3bit"]) == 2
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    adapters = ["--peft", "lora"] if name == "train" else []
    assert main([*command(name, answering), "--quant", "8bit", *adapters]) in (2, 5)
    assert "bitsandbytes" in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "train"])
def test_a_model_is_compiled_by_every_command_that_scores(
    name: str, command: Callable[[str, Path], list[str]], answering: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiling itself takes long and is tested with ``eval``."""
    from torch.nn import Module

    compiled = []
    monkeypatch.setattr(Module, "compile", lambda self, **settings: compiled.append((type(self).__name__, settings)))
    words = command(name, answering)
    assert main(words) == 0 and not compiled
    shutil.rmtree(Path(words[-1]), ignore_errors=True)  # --out of eval: what is there is not scored again
    again = [*words, "--vectors", str(answering.parent / "again")] if name == "mine" else words
    assert main([*again, "--compile"]) == 0
    assert compiled and all(settings == {"dynamic": True} for _, settings in compiled)


def test_options_of_a_model_go_with_the_invariance_check(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["--allow-pickle"],
        ["--batch-tokens", "5"],
        ["--compile"],
        ["--device", "auto"],
        ["--limit", "3"],
        ["--quant", "8bit"],
        ["--trust-remote-code", f"org/x@{'a' * 40}"],
    ):
        assert main(["-q", "doctor", *words]) == 2
        assert "go with --invariance" in capsys.readouterr().err


def test_a_checklist_of_a_quantised_session_is_refused_where_it_cannot_be(
    answering: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The options travel whole: one that no flag of the command sets reaches the model from Python."""
    from harness.api import checklist
    from harness.core.errors import UsageError
    from harness.models import quantised
    from harness.types.options import EvalOptions

    monkeypatch.setattr(quantised, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs the package bitsandbytes"):
        checklist(str(answering), languages=["en"], cases=1, options=EvalOptions(device="cpu", quant="8bit"))


def test_a_session_computes_what_its_values_say(answering: Path) -> None:
    from harness.families.span_qa import SpanQA
    from harness.inference.session import Compute, open_model
    from harness.models.reference import ModelReference
    from harness.models.resolve import Access

    family = SpanQA((), SpanQA.Options())
    compute = Compute("cpu", "bf16", budget=123, build_index=print)
    session = open_model(ModelReference("folder", str(answering)), Access(offline=True), compute)
    assert session.model is not None and session.folder == answering
    forward = session.forward(session.network(family.load, head=family.head_parameters))
    assert (forward.device, forward.dtype, forward.budget, forward.build_index) == ("cpu", "bf16", 123, print)
    assert not forward.model.training
    question = Question("1", "who sleeps?", "the cat sleeps", ())
    (found,) = family.predict(forward, [UnitExamples("any", "en", "test", [question])])
    assert len(found.predictions) == 1


PLUGIN_INDEX = """
import numpy as np
from harness import hookimpl


@hookimpl
def harness_build_index(name, vectors, device):
    if name != "mine":
        return None

    def search(queries, k):
        scores = queries @ vectors.T
        ids = np.argsort(-scores, axis=1)[:, :k]
        return np.take_along_axis(scores, ids, 1), ids

    return search
"""


def test_an_index_of_a_plugin_searches_the_dev_data_of_a_training_too(
    corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    from harness import evaluate
    from harness.registry.registry import Registry
    from harness.types.options import EvalOptions

    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN_INDEX)
    overrides = {"max_steps": 1, "index": "mine"}
    options = EvalOptions(data_dir=str(corpus), offline=True, device="cpu", limit=4, train_limit=8, overrides=overrides)
    run = evaluate(
        str(small_model), ["mewslix[de]"], out=tmp_path / "run", options=options, registry=Registry([plugin])
    )
    assert not run.failed
    assert run.record["units"]["mewslix/de/test"]["facts"]["index"] == "mine"
    assert run.record["stages"][0]["dev_score"] is not None
