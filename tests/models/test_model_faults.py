"""A fault of a model is an error of the model, with its file and a remedy: no plugin is blamed, and nothing ends in exit 1."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from published_models import PUBLISHED, save_published
from small_models import save_model, save_other, tokenizer

from harness.analysis.model_check.family_trial import try_family
from harness.core.errors import ModelError
from harness.models.resolve import check_folder
from harness.models.tables import position_count
from harness.registry.default import get_registry

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model("xlmr", tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def configured(folder: Path, **entries: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 471\n")


def more_tokens(folder: Path) -> None:
    tokens = tokenizer("xlmr")
    import copy

    tokens = copy.deepcopy(tokens)
    tokens.add_tokens(["<de>", "<sw>"])
    tokens.save_pretrained(folder)


def newer(path: Path) -> None:
    content = json.loads(path.read_text())
    content["model"]["type"] = "TrigramLattice"
    path.write_text(json.dumps(content))


FAULTS: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "weights are a pointer": (
        lambda m: pointer(m / "model.safetensors"),
        "model.safetensors: a pointer",
        "git lfs pull",
    ),
    "tokenizer is a pointer": (lambda m: pointer(m / "tokenizer.json"), "tokenizer.json: a pointer", "git lfs pull"),
    "weights are cut": (
        lambda m: (m / "model.safetensors").write_bytes((m / "model.safetensors").read_bytes()[:-100]),
        "model.safetensors",
        "download",
    ),
    "padding is -1": (lambda m: configured(m, pad_token_id=-1), "config.json: pad_token_id is -1", "set it"),
    "padding is beyond": (lambda m: configured(m, pad_token_id=9999), "pad_token_id is 9,999", "set it"),
    "tokens were added": (more_tokens, "(<de>, <sw> added), its model embeddings of", "resize_token_embeddings"),
    "tokenizer is newer": (lambda m: newer(m / "tokenizer.json"), "tokenizer.json: no usable tokenizer", "pip install"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_file_and_a_remedy(
    fault: str, model: Path, corpus: Path, cli: Cli, tmp_path: Path
) -> None:
    break_it, said, remedy = FAULTS[fault]
    break_it(model)
    words = ["--task", "tatoeba[de]", "--data-dir", corpus, "--offline", "--limit", 4, "--out", tmp_path / "run"]
    code, _, err = cli("eval", "--model", model, *words)
    assert code in (5, 6)
    if code == 6:
        err = json.loads((tmp_path / "run" / "record.json").read_text())["failed"]["tatoeba/de/test"]
    assert said in " ".join(err.split()) and remedy in err and str(model) in err
    assert "plugin" not in err and "bug in" not in err and "Traceback" not in err


OF_IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
ON_ALL = {
    "weights are a pointer": lambda m: pointer(m / "model.safetensors"),
    "weights are cut": FAULTS["weights are cut"][0],
    "padding is -1": lambda m: configured(m, pad_token_id=-1),
    "ids are null": lambda m: configured(m, **dict.fromkeys(OF_IDS)),
    "ids are missing": lambda m: unconfigured(m, *OF_IDS),
    "tokens were added": lambda m: added(m),
    "embeddings are fewer in the files": lambda m: smaller(m),
    "embeddings are fewer": lambda m: configured(smaller(m), vocab_size=rows_of(m) - 50),
    "positions are few": lambda m: with_positions(m, 20),
    "the tokenizer allows few": lambda m: tokenizer_configured(m, model_max_length=12),
    "tokenizer is newer": lambda m: newer(m / "tokenizer.json"),
}
KINDS = ("qwen3", "gpt2", "mt5", "deberta-v2", "modernbert", "xlm-roberta", "mbart", "canine")


def unconfigured(folder: Path, *names: str) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k not in names}))


def tokenizer_configured(folder: Path, **entries: Any) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def added(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)
    tokens.add_tokens(["<de>", "<sw>"])
    tokens.save_pretrained(folder)


def rows_of(folder: Path) -> int:
    return int(json.loads((folder / "config.json").read_text())["vocab_size"])


def smaller(folder: Path) -> Path:
    from safetensors.torch import load_file, save_file

    rows, path = rows_of(folder), folder / "model.safetensors"
    cut = {name: t[: rows - 50].clone() if t.ndim and len(t) == rows else t for name, t in load_file(path).items()}
    save_file(cut, path, metadata={"format": "pt"})
    return folder


def with_positions(folder: Path, count: int) -> None:
    import torch
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(folder)
    config.update({name: count for name in ("max_position_embeddings", "n_positions") if hasattr(config, name)})
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("sound")

    def saved(kind: str) -> Path:
        place = folder / kind
        return place if place.exists() else save_published(next(p for p in PUBLISHED if p.kind == kind), place)

    return saved


@pytest.mark.parametrize("kind", KINDS)
def test_on_every_architecture_a_fault_is_the_models_with_a_remedy_or_does_no_harm(
    kind: str, sound: Callable[[str], Path], tmp_path: Path
) -> None:
    for fault, break_it in ON_ALL.items():
        model = Path(shutil.copytree(sound(kind), tmp_path / fault))
        if kind == "canine" and ("token" in fault or "embeddings" in fault) and "allows" not in fault:
            continue  # it has no vocabulary
        break_it(model)
        try:
            found = try_family(check_folder(model, str(model)), "classification", get_registry())
            said, remedy = found.how, found.hint
            harmless = found.verdict in ("works", "falls back")
        except ModelError as error:
            said, remedy, harmless = (str(error),), error.hint, False
        words = " ".join(said)
        assert harmless or remedy, fault
        assert "plugin" not in words and "report!" not in words and "a bug in" not in words, (fault, words)
        assert not harmless or fault.startswith(("ids", "positions")), fault
        if fault == "embeddings are fewer in the files":
            assert f"{rows_of(model) - 50:,} x 32 in its files, {rows_of(model):,} x 32" in words
        if fault == "ids are null" and not harmless:
            assert "config.json" in remedy and "token_id None" in remedy


def test_added_tokens_are_found_before_training(model: Path, corpus: Path, cli: Cli, tmp_path: Path) -> None:
    more_tokens(model)
    words = ["--task", "xnli[en]", "--data-dir", corpus, "--offline", "--train-limit", 8, "--set", "max_steps=1"]
    code, _, err = cli("eval", "--model", model, *words, "--out", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert code == 6 and "resize_token_embeddings" in record["failed"]["xnli/en/test"]
    assert not record["stages"] and "plugin" not in err


@pytest.mark.parametrize(("kind", "places"), [("xlmr", 22), ("bert", 24)])
def test_a_task_that_needs_more_positions_fails_and_the_others_run(
    kind: str, places: int, corpus: Path, cli: Cli, tmp_path: Path
) -> None:
    import torch
    from transformers import AutoConfig, AutoModel

    model = save_model(kind, tmp_path / "model")
    config = AutoConfig.from_pretrained(model, max_position_embeddings=24)
    torch.manual_seed(0)
    made = AutoModel.from_config(config)
    assert position_count(made) == places  # RoBERTa's family counts from after its padding
    made.save_pretrained(model)
    words = ["--task", "xnli[en]", "--task", "tatoeba[de]", "--data-dir", corpus, "--offline", "--limit", 4]
    words += ["--train-limit", 8, "--set", "max_steps=1"]
    code, _, err = cli("eval", "--model", model, *words, "--out", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert code == 6 and list(record["units"]) == ["tatoeba/de/test"]
    said = record["failed"]["xnli/en/test"]
    assert f"the model has {places} positions" in said and f"max_length={places}" in said and "plugin" not in err


@pytest.mark.parametrize("kind", ["xlmr", "bert"])
def test_texts_longer_than_the_positions_are_refused_before_they_are_trained_on(
    kind: str, tmp_path: Path, corpus: Path, cli: Cli
) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForMaskedLM

    model = save_model(kind, tmp_path / "model")
    torch.manual_seed(0)
    AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(model, max_position_embeddings=24)).save_pretrained(
        model
    )
    words = [
        "train",
        "--model",
        model,
        "--task",
        "mlm[en]",
        "--data-dir",
        corpus,
        "--offline",
        "--out",
        tmp_path / "run",
    ]
    code, _, err = cli(*words, "--set", "max_steps=1")
    places = 22 if kind == "xlmr" else 24
    assert code == 5 and f"the model has {places} positions" in " ".join(err.split()) and f"max_length={places}" in err
    assert not list((tmp_path / "run").rglob("model.safetensors"))


def test_a_length_beyond_what_the_tokenizer_allows_fails_the_task_alone(
    model: Path, corpus: Path, cli: Cli, tmp_path: Path
) -> None:
    path = model / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": 64}))
    words = ["--task", "xnli[en]", "--task", "tatoeba[de]", "--data-dir", corpus, "--offline", "--limit", 4]
    code, *_ = cli("eval", "--model", model, *words, "--out", tmp_path / "run")
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert code == 6 and list(record["units"]) == ["tatoeba/de/test"] and list(record["failed"]) == ["xnli/en/test"]
    assert "max_length=64" in record["failed"]["xnli/en/test"]


def test_a_configuration_without_the_usual_ids_is_used(tmp_path: Path) -> None:
    from harness.families.classification import Classification

    folder = save_other("mobilebert", tmp_path / "model")
    content = json.loads((folder / "config.json").read_text())
    for name in ("pad_token_id", "eos_token_id", "bos_token_id"):
        content.pop(name, None)
    (folder / "config.json").write_text(json.dumps(content))
    found = check_folder(folder, "x")
    assert Classification(("a", "b"), Classification.Options()).load(str(found.folder)) is not None


@pytest.mark.parametrize("bad", [-1, 700])
def test_a_padding_token_beyond_the_vocabulary_is_refused(bad: int, model: Path) -> None:
    configured(model, pad_token_id=bad, vocab_size=700)
    with pytest.raises(ModelError, match="pad_token_id"):
        check_folder(model, "x")
