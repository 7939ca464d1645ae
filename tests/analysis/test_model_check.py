"""harness doctor --model: which families can use a model, and what a reviewer would ask about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from model_matrix import FAMILIES, row_of, written
from published_models import architecture, save_published
from small_models import save_model, tokenizer

from harness.analysis.model_check import questions
from harness.analysis.model_check.check import check_model
from harness.analysis.model_check.family_trial import FamilyTrial, try_family
from harness.analysis.model_check.token_counts import names
from harness.core.installation import Check
from harness.inference.session import Compute
from harness.inference.token_counts import token_counts
from harness.models.config import load_config
from harness.models.letters import LETTER_TOKENIZERS
from harness.models.resolve import check_folder
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.training.context import RunContext
from harness.types.languages import languages
from harness.types.options import EvalOptions

Cli = Callable[..., tuple[int, str, str]]
TRIED = ("bert", "modernbert", "eurobert", "qwen3", "canine", "t5", "mbart", "xmod")


@pytest.fixture
def two_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of two families."""
    of_all = Registry.families
    monkeypatch.setattr(
        Registry, "families", lambda self: {name: of_all(self)[name] for name in ("tagging", "bitext_retrieval")}
    )


def configured(folder: Path, file: str = "config.json", **entries: Any) -> Path:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))
    return folder


def answers(checks: tuple[Check, ...]) -> dict[str, tuple[str, str]]:
    return {check.name: (check.status, check.detail) for check in checks}


def test_the_command_says_of_every_family_what_the_page_says(tmp_path: Path, cli: Cli) -> None:
    folder = save_published(architecture("bert"), tmp_path / "model")
    code, out, _ = cli("doctor", "--model", folder, "--json", "--device", "cpu")
    found = json.loads(out)
    verdicts = {trial["family"]: (trial["verdict"], trial["how"]) for trial in found["families"]}
    assert code == 0
    assert verdicts.pop("generation") == ("cannot", ["it is an encoder: it cannot write text"])
    assert written()[row_of(architecture("bert")), "generation"] == ("cannot: it is an encoder: it cannot write text",)
    assert verdicts == {
        family: ("works", list(written()[row_of(architecture("bert")), family]))
        for family in FAMILIES
        if family != "generation"
    }
    assert {check["name"] for check in found["checks"]} == {
        *("weights", "code", "layer", "pooling", "padding", "precision", "unknown tokens", "tokens a word", "length")
    }
    assert {counts["language"] for counts in found["tokens"]} == set(languages()) - {"ht"}
    code, out, err = cli("doctor", "--model", folder)
    assert code == 0 and "bitext_mining" in out and "what a reviewer would ask" in out and "hint: layer" in err


@pytest.mark.parametrize("kind", TRIED)
@pytest.mark.usefixtures("two_families")
def test_the_verdict_on_two_layers_is_that_on_the_whole_model(kind: str, tmp_path: Path) -> None:
    folder = save_published(architecture(kind), tmp_path / "model")
    found = check_model(str(folder), get_registry(), EvalOptions(device="cpu"))
    for trial in found.families:
        said = written()[row_of(architecture(kind)), trial.family]
        cannot = any(note.startswith("cannot") for note in said)
        assert trial.verdict == ("cannot" if cannot else "falls back" if said else "works")
        assert len(trial.how) == len(said)
    slow = architecture(kind).tokens in LETTER_TOKENIZERS
    assert ("tokenizer speed" in answers(found.checks)) == slow


def test_what_is_known_of_a_model_is_warned_of(tmp_path: Path) -> None:
    folder = save_published(architecture("deberta-v2"), tmp_path / "model")
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds.items()]
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 32, "pooling_mode_cls_token": true}'
    )
    (folder / "modules.json").write_text(json.dumps(modules))
    model = check_folder(configured(folder, auto_map={"AutoModel": "own.Model"}), "m")
    config = load_config(folder)
    said = answers((*questions.weights(model, config), *questions.retrieval(model, config)))
    assert said["code"][0] == "warning" and "auto_map" in said["code"][1]
    assert "hidden state 2 of 2" in said["layer"][1] and "modules.json" in said["layer"][1]
    assert said["pooling"][1].startswith("cls")
    from harness.inference.session import open_model
    from harness.models.resolve import Access

    status, detail = answers((questions.precision(config, open_model(model, Access(), Compute())),))["precision"]
    assert status == "warning" and "fp16" in detail and "DeBERTa" in detail


def test_pickles_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from safetensors.torch import load_file

    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    folder = save_model("bert", tmp_path / "model")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    model = check_folder(folder, "m")
    status, detail = answers(tuple(questions.weights(model, load_config(model.folder))))["weights"]
    assert status == "warning" and "pickles" in detail and "parameters, 2 layers of 32" in detail


def test_tasks_that_ask_for_more_tokens_than_the_model_takes_are_named(tmp_path: Path) -> None:
    from harness.inference.session import open_model
    from harness.models.resolve import Access

    registry = get_registry()
    folder = configured(save_model("xlmr", tmp_path / "model"), "tokenizer_config.json", model_max_length=200)
    context = RunContext.of(registry, registry.recipe("xtreme"), EvalOptions(device="cpu"))
    found = questions.lengths(open_model(check_folder(folder, "m"), Access(), Compute()), context)
    fails, cut = (part for part in found.detail.split("; ")[1:])
    assert found.status == "warning" and "--set max_length=200" in found.hint
    assert "xquad (384)" in fails and "xnli" not in fails and fails.endswith("fail")
    assert "tatoeba (512)" in cut and cut.endswith("are cut")


def test_a_model_that_reads_padding_is_warned_of_where_it_does() -> None:
    reads = partial(FamilyTrial, verdict="falls back", how=("rows of one length only: it reads padding",))
    works = FamilyTrial("tagging", "works")
    assert questions.padding([works]).status == "ok"
    assert "in choice:" in questions.padding([works, reads("choice")]).detail
    assert "under every head" in questions.padding([reads("choice")]).detail


def test_tokens_and_unknown_tokens_are_those_of_the_tokenizer() -> None:
    tokens = tokenizer("bert")  # of the letters of a few sentences, none of them Georgian
    for code in ("en", "ka", "th"):
        found = token_counts(tokens, code, names()[code])
        rows = [tokens(text, add_special_tokens=False)["input_ids"] for text in names()[code]]
        assert found.tokens == sum(map(len, rows))
        assert found.unknown == sum(row.count(tokens.unk_token_id) for row in rows)
    assert token_counts(tokens, "ka", names()["ka"]).unknown_share > 0.9
    assert token_counts(tokens, "th", names()["th"]).per_word is None  # Thai puts no space between words
    twice = token_counts(tokens, "en", ["Two dogs", "Two dogs"])
    assert twice.words == 4 and twice.tokens == 2 * token_counts(tokens, "en", ["Two dogs"]).tokens


def test_names_are_of_every_language_of_the_benchmarks_that_the_source_has() -> None:
    assert set(names()) == set(languages()) - {"ht"}
    assert all(60 <= len(found) <= 69 for found in names().values())


PLUGIN = """
from harness import Family, Pair, hookimpl
from harness.families.classification import Classification

class Mine(Classification):
    pass

class Broken(Classification):
    def features(self, tokenizer, examples, *, training):
        return 1 / 0

@hookimpl
def harness_families():
    labels = "harness.scoring.formats.labels:Labels"
    yield Family("mine", (Pair,), f"{__name__}:Mine", labels)
    yield Family("broken", (Pair,), f"{__name__}:Broken", labels, template="harness.scaffold.task_templates:PAIRS")
    yield Family("numbers", (int,), f"{__name__}:Mine", labels)
"""


def test_families_of_third_parties_are_tried_too(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(PLUGIN)
    registry = Registry([tmp_path / "own.py"])
    model = check_folder(save_model("bert", tmp_path / "model"), "m")
    assert try_family(model, "mine", registry).verdict == "works"
    broken = try_family(model, "broken", registry)
    assert broken.verdict == "cannot" and "plugin" in broken.how[0] and "ZeroDivisionError" in broken.how[0]
    unknown = try_family(model, "numbers", registry)
    assert unknown.verdict == "not tried" and "no template" in unknown.how[0]


def test_the_exit_code_is_that_of_a_model_that_cannot_be_used(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("doctor", "--model", "baseline:majority")[0] == 5
    folder = save_model("bert", tmp_path / "model")
    (tmp_path / "own.py").write_text(PLUGIN)
    of_all = Registry.families
    monkeypatch.setattr(Registry, "families", lambda self: {"broken": of_all(self)["broken"]})
    code, out, _ = cli("--plugin", tmp_path / "own.py", "doctor", "--model", folder)
    assert code == 5 and "cannot" in out
    monkeypatch.undo()
    (folder / "model.safetensors").write_bytes(b"cut")
    code, _, err = cli("doctor", "--model", folder)
    assert code == 5 and "model.safetensors" in err
    for words in (["--limit", "3"], ["--invariance", folder], ["--compile"], ["--quant", "8bit"]):
        code, _, err = cli("doctor", "--model", folder, *words)
        assert code == 2 and "have no effect with --model" in err
