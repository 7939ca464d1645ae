"""Training of language adapters, and of tasks with an adapter in place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from adapter_files import write_adapters, write_merged
from published_models import architecture, save_published
from small_models import TEXTS

import harness
from harness.core.errors import HarnessError, ModelError, UsageError
from harness.core.hashing import file_sha256
from harness.models.language_adapters import LanguageAdapters
from harness.models.swapped_adapters import adapters_in
from harness.training._trainer import Trainer
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener

peft = pytest.importorskip("peft", reason="the extra 'peft' is not installed")


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_published(architecture("xlm-roberta"), tmp_path_factory.mktemp("models") / "xlmr")


@pytest.fixture(scope="module")
def data(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample corpus with longer texts in English and German, and MNLI in German."""
    folder = Path(shutil.copytree(corpus, tmp_path_factory.mktemp("data") / "corpus"))
    for code, text in (("en", TEXTS[0]), ("de", TEXTS[2])):
        (folder / f"text/{code}.txt").write_text("\n".join(f"{text} {i}" for i in range(120)), encoding="utf-8")
    (folder / "translated/mnli/de").mkdir(parents=True)
    lines = [{"premise": TEXTS[2], "hypothesis": TEXTS[2][: 9 + i], "label": i % 3} for i in range(8)]
    (folder / "translated/mnli/de/train.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def adapters(xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapters(xlmr, tmp_path_factory.mktemp("adapters"), "en", "de")


def options(data: Path, steps: int, **more: Any) -> EvalOptions:
    overrides = {"max_steps": steps, "lr": 1e-2, "batch": 8, "max_length": 64, **more.pop("overrides", {})}
    return EvalOptions(recipe="tiny", overrides=overrides, data_dir=str(data), offline=True, **more)


class DiesAt(ProgressListener):
    """Ends a training at its first report of a loss."""

    def training(self, stage: str) -> Any:
        def tell(step: int, total: int, loss: float) -> None:
            if step < total and loss == loss:
                raise RuntimeError("killed")

        return tell


def trained_adapters(model: Path, data: Path, out: Path, steps: int = 24, **more: Any) -> dict[str, Any]:
    small = {"lora_rank": 4, "save_every": 5}
    return harness.train_adapters(
        str(model), ["en", "de"], out=out, options=options(data, steps, overrides=small), **more
    )


@pytest.fixture(scope="module")
def own(xlmr: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Adapters that the harness has trained."""
    folder = tmp_path_factory.mktemp("own")
    trained_adapters(xlmr, data, folder)
    return folder


def test_an_adapter_is_a_file_of_peft_that_makes_the_text_of_its_language_likelier(
    own: Path, xlmr: Path, data: Path
) -> None:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    plain = AutoModelForMaskedLM.from_pretrained(xlmr).eval()
    tokenizer = AutoTokenizer.from_pretrained(xlmr)
    batch = tokenizer([TEXTS[2]], return_tensors="pt")
    masked = batch["input_ids"].clone()
    masked[:, 2::3] = tokenizer.mask_token_id

    def loss(model: Any) -> float:
        with torch.no_grad():
            return float(model(input_ids=masked, labels=batch["input_ids"]).loss)

    before = loss(plain)
    assert loss(peft.PeftModel.from_pretrained(plain, own / "de").eval()) < before - 0.05
    assert sorted(path.name for path in (own / "de").iterdir()) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "stage.json",
    ]
    summary = json.loads((own / "de/stage.json").read_text())
    assert summary["adapter_of"] == "de" and summary["resources"]["text"] == ["de"] and not summary["fresh"]
    assert summary["options"]["lora_rank"] == 4 and summary["options"]["peft"] == "lora"


def test_a_killed_training_of_an_adapter_goes_on_to_the_same_bits(
    own: Path, xlmr: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(HarnessError, match="killed"):
        trained_adapters(xlmr, data, tmp_path, reporter=DiesAt())
    assert (tmp_path / "en.partial/state").is_dir()
    torch.manual_seed(12345)
    again = trained_adapters(xlmr, data, tmp_path)
    for code in ("en", "de"):
        name = f"{code}/adapter_model.safetensors"
        assert file_sha256(tmp_path / name) == file_sha256(own / name)
        assert again[code].summary["steps"] == 24


def test_a_head_that_the_checkpoint_lacks_is_trained_along_and_not_kept(
    small_model: Path, data: Path, tmp_path: Path
) -> None:
    more = options(data, 2, overrides={"lora_rank": 2})
    trained = harness.train_adapters(str(small_model), ["en"], out=tmp_path, options=more)["en"]
    assert trained.summary["fresh"]
    found = LanguageAdapters.of(str(tmp_path)).found["en"]
    assert found.shapes and all("lm_head" not in name for name in found.shapes)


@pytest.mark.parametrize("how", [{}, {"peft": "lora", "lora_rank": 2}])
def test_a_task_is_trained_with_the_source_adapter_in_place_which_stays_as_it_is(
    how: dict[str, Any], xlmr: Path, adapters: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first loss is that of the model with the adapter merged into it, and the weights that are kept are without."""
    files = {path: file_sha256(path) for path in sorted(adapters.rglob("*.safetensors"))}
    seen: list[Any] = []
    step = Trainer._step

    def watched(self: Trainer, number: int) -> torch.Tensor:
        seen.append(adapters_in(self.parts[0].model))
        return step(self, number)

    monkeypatch.setattr(Trainer, "_step", watched)
    here = {"overrides": how, "train_limit": 8}
    one = harness.train(
        str(xlmr), "mnli", out=tmp_path / "with", options=options(data, 1, language_adapters=str(adapters), **here)
    )
    (swapped,) = seen
    held = swapped.adapters.found["en"]
    assert not any(tensor.requires_grad for pair in held.weights("cpu").values() for tensor in pair)
    merged = write_merged(xlmr, adapters / "en", tmp_path / "merged")
    other = harness.train(str(merged), "mnli", out=tmp_path / "on-merged", options=options(data, 1, **here))
    plain = harness.train(str(xlmr), "mnli", out=tmp_path / "plain", options=options(data, 1, **here))
    loss = one.summary["loss"][0][1]
    assert loss == pytest.approx(other.summary["loss"][0][1], abs=1e-5)
    assert abs(loss - plain.summary["loss"][0][1]) > 1e-4
    assert one.summary["key"] != plain.summary["key"]
    assert {path: file_sha256(path) for path in files} == files
    from safetensors.torch import load_file

    before, after = load_file(xlmr / "model.safetensors"), load_file(one.folder / "model.safetensors")
    name = "roberta.encoder.layer.1.output.dense.weight"
    moved = (after[name] - before[name]).abs().max()
    assert 0 < moved < 0.05  # by a step or two of 0.01, not by the adapter
    assert one.summary["language_adapters"] == {
        "en": {"adapter": "en", "reason": "own", "fingerprint": held.fingerprint}
    }


def test_a_killed_training_with_an_adapter_in_place_goes_on_to_the_same_bits(
    xlmr: Path, adapters: Path, data: Path, tmp_path: Path
) -> None:
    def train(name: str, **more: Any) -> Path:
        chosen = options(data, 24, language_adapters=str(adapters), overrides={"save_every": 5})
        return harness.train(str(xlmr), "mnli", out=tmp_path / name, options=chosen, **more).folder

    straight = train("straight")
    with pytest.raises(HarnessError, match="killed"):
        train("killed", reporter=DiesAt())
    torch.manual_seed(12345)
    assert file_sha256(train("killed") / "model.safetensors") == file_sha256(straight / "model.safetensors")


def test_rows_of_each_language_are_trained_with_their_own_adapter(
    xlmr: Path, adapters: Path, data: Path, tmp_path: Path
) -> None:
    """With one adapter under two names a mixed step has the loss of the model that it is merged into."""
    for place, code in (("same", "en"), ("same", "de"), ("own", "en")):
        shutil.copytree(adapters / "en", tmp_path / place / code)
    shutil.copytree(adapters / "de", tmp_path / "own/de")
    # Dropout would be drawn anew for every piece of a step.
    still = Path(shutil.copytree(xlmr, tmp_path / "still"))
    config = json.loads((still / "config.json").read_text())
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (still / "config.json").write_text(json.dumps({**config, **none}))

    def loss(model: Path, name: str, **more: Any) -> float:
        chosen = options(data, 1, overrides={"batch": 64}, train_limit=16, **more)
        summary = harness.train(str(model), "mnli[en,de]", out=tmp_path / name, options=chosen).summary
        return float(summary["loss"][0][1])

    expected = loss(write_merged(still, adapters / "en", tmp_path / "merged"), "on-merged")
    same = loss(still, "on-same", language_adapters=str(tmp_path / "same"))
    own = loss(still, "on-own", language_adapters=str(tmp_path / "own"))
    assert same == pytest.approx(expected, abs=1e-5) and abs(own - same) > 1e-4


def test_adapters_of_another_model_are_refused_before_anything_is_trained(
    own: Path, small_model: Path, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="an adapter for another model than"):
        harness.train(
            str(small_model), "mnli", out=tmp_path / "x", options=options(data, 1, language_adapters=str(own))
        )
    assert not (tmp_path / "x").exists()


def test_a_checkpoint_takes_the_adapters_of_the_model_that_it_was_trained_from(
    own: Path, xlmr: Path, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = harness.train(
        str(xlmr), "mnli", out=tmp_path / "one", options=options(data, 1, language_adapters=str(own), train_limit=8)
    )
    second = harness.train(
        str(first.folder),
        "mnli",
        out=tmp_path / "two",
        options=options(data, 1, language_adapters=str(own), train_limit=8),
    )
    assert len(second.summary["ancestors"]) == 2
    harness.train(str(first.folder), "mnli", out=tmp_path / "three", options=options(data, 1, train_limit=8))
    assert "was trained with language adapters in place: give it --language-adapters" in caplog.text


def test_what_language_adapters_cannot_be_trained_with_is_refused(xlmr: Path, data: Path, tmp_path: Path) -> None:
    for more, said in (
        ({"via": ("mnli",)}, "option via"),
        ({"language_adapters": str(tmp_path)}, "option language_adapters"),
        ({"overrides": {"extend_vocabulary": 5}}, "extend_vocabulary"),
        ({"overrides": {"transliterate": "cyrl-latn"}}, "transliterate"),
        ({"overrides": {"peft": "dora"}}, "peft"),
    ):
        with pytest.raises(UsageError, match=said):
            harness.train_adapters(str(xlmr), ["en"], out=tmp_path / "out", options=options(data, 1, **more))
    with pytest.raises(ModelError, match="has modules for its languages"):
        xmod = save_published(architecture("xmod"), tmp_path / "xmod")
        harness.train_adapters(str(xmod), ["en"], out=tmp_path / "out", options=options(data, 1))
    with pytest.raises(UsageError, match="--compile: not with --language-adapters"):
        EvalOptions(language_adapters="x", compiled=True)
    assert not (tmp_path / "out/en").exists()
