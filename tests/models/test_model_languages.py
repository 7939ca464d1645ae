"""Models with a module for each language (X-MOD): every row goes through the module of its own language."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published_models import PUBLISHED, save_published
from small_models import TEXTS
from training_stages import cpu_stages

import harness
from harness.core.errors import ModelError
from harness.data.sources import LoadedSplit
from harness.data.store import ExampleList
from harness.families.bitext_retrieval import BitextRetrieval
from harness.families.classification import Classification
from harness.families.dual_encoder import DualEncoder
from harness.inference.features import with_languages
from harness.inference.session import Compute, open_model
from harness.models.heads import load_head
from harness.models.languages import language_in_model
from harness.models.resolve import Access, check_folder
from harness.models.sentence_encoder import load_encoder
from harness.registry.default import get_registry
from harness.retrieval.embed import embed
from harness.scoring.formats.rankings import Rankings
from harness.training._dev import dev_score, dev_unit
from harness.training.stage import StageTask
from harness.types.examples import Candidate, Match, Pair, Query, Translation
from harness.types.languages import numbered_language
from harness.types.options import EvalOptions
from harness.types.units import UnitExamples

SHORT = {"max_steps": 3, "lr": 1e-2, "max_length": 64}
X_MOD = ("en_XX", "id_ID", "zh_CN", "zh_TW", "sw_KE", "pt_XX")


@pytest.fixture(scope="module")
def xmod(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """X-MOD for English and German whose modules change what comes out."""
    (published,) = (each for each in PUBLISHED if each.kind == "xmod")
    folder = save_published(published, tmp_path_factory.mktemp("models") / "xmod")
    model = load_head("MaskedLM", str(folder), ())
    for layer in model.base_model.encoder.layer:
        for module in layer.output.adapter_modules.values():
            torch.nn.init.normal_(module.dense2.weight, std=1.0, generator=torch.Generator().manual_seed(len(TEXTS)))
            torch.nn.init.normal_(module.dense1.weight)
    model.save_pretrained(folder)
    return folder


def reference(xmod: Path, language: str, text: str) -> np.ndarray[Any, Any]:
    """The mean of the last hidden states as transformers computes it with a default language."""
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(xmod).eval()
    model.set_default_language(language)
    with torch.no_grad():
        states = model(**AutoTokenizer.from_pretrained(xmod)(text, return_tensors="pt")).last_hidden_state
    return torch.nn.functional.normalize(states[0].mean(0), dim=0).numpy()


@pytest.mark.parametrize(
    ("code", "own"),
    [("en", "en_XX"), ("id", "id_ID"), ("zh", "zh_CN"), ("zh-Hant", "zh_TW"), ("zh-TW", "zh_TW"), ("pt-BR", "pt_XX")],
)
def test_a_language_has_the_name_that_the_model_gives_it(code: str, own: str) -> None:
    assert language_in_model(code, X_MOD) == own


def test_a_language_without_a_module_is_named_with_those_of_the_model() -> None:
    with pytest.raises(ModelError, match=r"no module for Swahili \(sw\); it has en_XX, de_DE"):
        language_in_model("sw", ("en_XX", "de_DE"))


def test_rows_of_a_batch_go_through_the_modules_of_their_languages(xmod: Path) -> None:
    session = open_model(check_folder(xmod, "xmod"), Access(), Compute())
    forward = session.forward(session.network(load_encoder))
    texts, languages = [TEXTS[0], TEXTS[0], TEXTS[2], TEXTS[1]], ["en", "de", "de", "en"]
    found = embed(forward, texts, layers=[2], languages=languages)[2]
    expected = [
        reference(xmod, {"en": "en_XX", "de": "de_DE"}[code], text) for text, code in zip(texts, languages, strict=True)
    ]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_each_side_of_a_retrieval_task_has_its_own_language(xmod: Path) -> None:
    session = open_model(check_folder(xmod, "xmod"), Access(), Compute())
    forward = session.forward(session.network(load_encoder))
    unit = UnitExamples("t", "de", "test", [Translation(str(i), text, text) for i, text in enumerate(TEXTS[:3])])
    calls: list[list[str]] = []
    stream = forward.stream

    def watched(features: Any, step: Any, **more: Any) -> Any:
        calls.append([numbered_language(number) for number in features.languages])
        return stream(features, step, **more)

    forward.stream = watched  # type: ignore[method-assign]
    (found,) = BitextRetrieval((), BitextRetrieval.Options(layer=1)).predict(forward, [unit])
    assert calls[-1] == ["de"] * 3 + ["en"] * 3 and len(found.predictions) == 3


def test_candidates_of_several_languages_are_embedded_in_their_own(xmod: Path) -> None:
    family = DualEncoder((), DualEncoder.Options())
    units = [
        UnitExamples("t", code, "test", [Candidate(f"{code}-1", TEXTS[place]), Query("1", TEXTS[1], (f"{code}-1",))])
        for place, code in enumerate(("en", "de"))
    ]
    joined = family.join(units)
    assert joined[0].pool_languages == ("en", "de")
    session = open_model(check_folder(xmod, "xmod"), Access(), Compute())
    forward = session.forward(session.network(family.load))
    pair = [(TEXTS[0], "en"), (TEXTS[0], "de")]
    one, other = family._embed(forward, 32, pair)
    assert np.abs(one - other).max() > 0.01
    assert [len(found.predictions) for found in family.predict(forward, joined)] == [1, 1]


def test_half_precision_goes_through_the_modules(xmod: Path) -> None:
    session = open_model(check_folder(xmod, "xmod"), Access(), Compute(dtype="bf16"))
    forward = session.forward(session.network(load_encoder))
    found = embed(forward, TEXTS[:2], layers=[2], languages=["en", "de"])[2]
    np.testing.assert_allclose(found[1], reference(xmod, "de_DE", TEXTS[1]), atol=0.05)


def test_text_of_an_unknown_language_takes_the_default_or_is_refused(xmod: Path, tmp_path: Path) -> None:
    session = open_model(check_folder(xmod, "xmod"), Access(), Compute())
    forward = session.forward(session.network(load_encoder))
    with pytest.raises(ModelError, match="do not say theirs"):
        embed(forward, TEXTS[:1], layers=[2])
    folder = Path(shutil.copytree(xmod, tmp_path / "german"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "default_language": "de_DE"}))
    session = open_model(check_folder(folder, "xmod"), Access(), Compute())
    found = embed(session.forward(session.network(load_encoder)), TEXTS[:1], layers=[2])[2]
    np.testing.assert_allclose(found[0], reference(xmod, "de_DE", TEXTS[0]), atol=1e-5)


class Reading(Classification):
    """A family that reads the language of every row."""

    reads_language = True
    seen: list[str] = []  # noqa: RUF012

    def outputs(self, model: Any, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        self.seen += [numbered_language(number) for number in batch["language"].tolist()]
        return super().outputs(model, batch)


def test_a_family_that_reads_languages_gets_them_with_any_model(small_model: Path) -> None:
    labels = ("a", "b")
    session = open_model(check_folder(small_model, "small"), Access(), Compute())
    units = [UnitExamples("t", code, "test", [Pair("1", "the cat", "", None)]) for code in ("de", "ur", "de")]
    for kind, languages in ((Reading, ["de", "de", "ur"]), (Classification, None)):
        family = kind(labels, kind.Options())
        forward = session.forward(session.network(family.load))
        list(family.predict(forward, units))
        assert languages is None or sorted(Reading.seen) == languages


class Lazy:
    """Rows that are made when they are asked for, without their examples."""

    together, item_count = 1, 2
    lengths = np.array([2, 2])

    def __len__(self) -> int:
        return 2

    def rows_of(self, items: Any) -> Any:
        return items

    def batch(self, rows: Any, pad_id: int) -> dict[str, Any]:
        return {"input_ids": np.zeros((len(rows), 2))}


def test_rows_of_another_class_get_a_language_that_all_examples_share() -> None:
    (number,) = with_languages(Lazy(), ["sw"] * 3).batch(np.array([1]), 0)["language"]
    assert numbered_language(int(number)) == "sw"
    assert "language" not in with_languages(Lazy(), ["sw", "de"]).batch(np.array([1]), 0)


def test_a_run_fails_the_languages_that_the_model_lacks_and_scores_the_others(
    xmod: Path, corpus: Path, tmp_path: Path
) -> None:
    options = EvalOptions(
        recipe="tiny", overrides={"max_steps": 2}, limit=4, train_limit=8, data_dir=str(corpus), offline=True
    )
    run = harness.evaluate(str(xmod), ["pawsx[en,de,zh]"], out=tmp_path / "run", options=options)
    units = run.record["units"]
    assert sorted(units) == ["pawsx/de/test", "pawsx/en/test"]
    assert units["pawsx/de/test"]["facts"]["module"] == "de_DE"
    assert "no module for Chinese (zh); it has en_XX, de_DE" in run.failed["pawsx/zh/test"]
    (stage,) = run.record["stages"]
    assert stage["frozen"] == "embeddings and modules of languages"


def trained(xmod: Path, data: Path, expression: str, out: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    stages = cpu_stages(get_registry(), "tiny", data, overrides=SHORT, train_limit=24)
    model = check_folder(xmod, "xmod")
    stages.root = out
    return load_file(stages.train(stages.last([expression], model)).folder / "model.safetensors")


def changed(before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor], part: str) -> bool:
    names = [name for name in after if part in name and name in before]
    assert names
    return any(not torch.equal(before[name], after[name]) for name in names)


def test_fine_tuning_leaves_embeddings_and_modules_as_they_are(xmod: Path, corpus: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    before, after = load_file(xmod / "model.safetensors"), trained(xmod, corpus, "mnli", tmp_path)
    assert changed(before, after, "attention.self.query")
    for part in ("adapter_modules.en_XX", "adapter_modules.de_DE", "embeddings"):
        assert not changed(before, after, part)


def test_text_in_a_language_trains_the_module_of_that_language_only(xmod: Path, corpus: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    before, after = load_file(xmod / "model.safetensors"), trained(xmod, corpus, "mlm[de]", tmp_path)
    assert changed(before, after, "adapter_modules.de_DE")
    assert not changed(before, after, "adapter_modules.en_XX")


def test_labels_in_several_languages_keep_theirs_under_a_limit(corpus: Path) -> None:
    from harness.training.via import via_tasks

    context = cpu_stages(get_registry(), "tiny", corpus, train_limit=10).context
    (task,) = via_tasks("mlm[de,sw]", get_registry())
    split = context.training_split(task, "train")
    assert len(split.languages) == len(split.examples) and {*split.languages} == {"de", "sw"}


def test_adapters_leave_the_modules_of_languages_alone(xmod: Path) -> None:
    pytest.importorskip("peft")
    from harness.training._adapters import with_adapters
    from harness.types.options import TrainOptions

    model = Classification(("a", "b"), Classification.Options()).load(str(xmod))
    names = [name for name, _ in with_adapters(model, TrainOptions(peft="lora")).named_parameters() if "lora_" in name]
    assert names and not any("adapter_modules" in name for name in names)


def test_dev_data_in_several_languages_go_through_the_modules_of_their_languages(
    xmod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dual encoder's dev pairs search each other's candidates, which are in the language of the pairs."""
    task = get_registry().intermediate("squad")
    family = DualEncoder((), DualEncoder.Options())
    pairs = [Match(str(place), TEXTS[2 * place], TEXTS[2 * place + 1]) for place in range(3)]
    dev = LoadedSplit(ExampleList(pairs), 3, 3, "", [], "", languages=["de", "en", "de"])
    part = StageTask(replace(task, metric="reciprocal_rank"), dev, dev, family, Rankings())
    calls: list[list[tuple[str, str]]] = []
    embedded = family._embed
    monkeypatch.setattr(family, "_embed", lambda *given: calls.append(given[-1]) or embedded(*given))
    session = open_model(check_folder(xmod, "xmod"), Access(), Compute())
    score, _ = dev_score(part, session.forward(session.network(family.load)), dev_unit(part))
    codes = {text: code for call in calls for text, code in call}
    assert [codes[pair.query] for pair in pairs] == [codes[pair.candidate] for pair in pairs] == ["de", "en", "de"]
    assert 0 <= score <= 100
