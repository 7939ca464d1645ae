"""Language adapters in a model: chosen by language, swapped by row, and the same as if they were merged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapter_files import load, write_adapter, write_adapters, write_merged
from published_models import architecture, save_published
from small_models import TEXTS

from harness.core.errors import ModelError, UsageError
from harness.families.bitext_retrieval import BitextRetrieval
from harness.families.classification import Classification
from harness.families.dual_encoder import DualEncoder
from harness.families.mlm import MaskedLanguageModel
from harness.families.multiple_choice import MultipleChoice
from harness.families.span_qa import SpanQA
from harness.families.tagging import Tagging
from harness.inference.forward import Forward
from harness.inference.session import Compute, open_model
from harness.models.language_adapters import LanguageAdapters
from harness.models.resolve import Access, check_folder
from harness.models.sentence_encoder import load_encoder
from harness.models.swapped_adapters import adapters_in, attach_adapters
from harness.retrieval.embed import embed
from harness.types.examples import Candidate, Choice, Match, Pair, Query, Question, Tagged, Text, Translation
from harness.types.units import UnitExamples

pytest.importorskip("peft", reason="the extra 'peft' is not installed")
KINDS = ("xlm-roberta", "albert", "deberta-v2", "modernbert", "distilbert", "electra", "rembert", "xlm", "eurobert")


def saved(kind: str, folder: Path) -> Path:
    return save_published(architecture(kind), folder)


@pytest.fixture(scope="module")
def xlmr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved("xlm-roberta", tmp_path_factory.mktemp("models") / "xlmr")


@pytest.fixture(scope="module")
def adapters(xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Adapters of English, German and Swahili."""
    return write_adapters(xlmr, tmp_path_factory.mktemp("adapters"), "en", "de", "sw")


@pytest.fixture(scope="module")
def merged(xlmr: Path, adapters: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The model with each adapter merged into it."""
    folder = tmp_path_factory.mktemp("merged")
    return {code: write_merged(xlmr, adapters / code, folder / code) for code in ("en", "de", "sw")}


def opened(folder: Path, family: Any = load_encoder, adapters: LanguageAdapters | None = None) -> Forward:
    session = open_model(check_folder(folder, folder.name), Access(), Compute())
    network = session.network(getattr(family, "load", family))
    attach_adapters(network, adapters)
    return session.forward(network)


@pytest.mark.parametrize("kind", KINDS)
def test_a_swapped_adapter_computes_what_a_merged_one_does(kind: str, tmp_path: Path) -> None:
    model = saved(kind, tmp_path / "model")
    write_adapters(model, tmp_path / "adapters", "en", "de")
    family = Classification(("a", "b"), Classification.Options())
    swapped = opened(model, family, LanguageAdapters.of(str(tmp_path / "adapters")))
    pairs = [Pair(str(i), text, "", None) for i, text in enumerate(TEXTS[:4])]
    features = family.features(swapped.tokenizer, pairs, training=False)
    whole = features.with_languages(["en", "de", "de", "en"])
    found = np.asarray(swapped.stream(whole, lambda net, batch: {"states": states(net, batch)})["states"])
    for code, rows in (("en", [0, 3]), ("de", [1, 2])):
        one = opened(write_merged(model, tmp_path / "adapters" / code, tmp_path / code), family)
        expected = np.asarray(one.stream(features, lambda net, batch: {"states": states(net, batch)})["states"])
        np.testing.assert_allclose(found[rows], expected[rows], atol=1e-5)
    bare = opened(model, family)
    plain = np.asarray(bare.stream(features, lambda net, batch: {"states": states(net, batch)})["states"])
    assert np.abs(found - plain).max(axis=1).min() > 1e-3


def states(network: Any, batch: Any) -> torch.Tensor:
    """The mean of the encoder's last states, which no head of random weights hides."""
    from harness.models.heads import model_inputs

    inputs = model_inputs(network, batch)
    mask = inputs["attention_mask"][:, :, None]
    return (network.base_model(**inputs)[0] * mask).sum(1) / mask.sum(1)


def test_an_adapter_fits_a_model_that_was_loaded_in_another_class(xlmr: Path, tmp_path: Path) -> None:
    """One of a bare model, and of an encoder-decoder whose encoder is used alone."""
    write_adapter(xlmr, tmp_path / "bare" / "en", 0, kind="")
    family = MaskedLanguageModel((), MaskedLanguageModel.Options())
    swapped = adapters_in(opened(xlmr, family, LanguageAdapters.of(str(tmp_path / "bare"))).model)
    assert swapped is not None
    for kind, head in (("mt5", "Seq2SeqLM"), ("mbart", "Seq2SeqLM")):
        model = saved(kind, tmp_path / kind)
        write_adapter(model, tmp_path / f"{kind}-adapters" / "en", 1, kind=head)
        found = opened(model, load_encoder, LanguageAdapters.of(str(tmp_path / f"{kind}-adapters")))
        one = opened(write_merged(model, tmp_path / f"{kind}-adapters" / "en", tmp_path / f"{kind}-merged", kind=head))
        given = {"layers": [2], "languages": ["en"] * 2}
        expected = embed(one, TEXTS[:2], **given)[2]
        np.testing.assert_allclose(embed(found, TEXTS[:2], **given)[2], expected, atol=1e-5)


def units(code: str) -> dict[type, list[Any]]:
    text = TEXTS[1]
    question = Question("1", text, text[:20], answers=())
    return {
        Classification: [Pair("1", text, text[:20], None)],
        Tagging: [Tagged("1", tuple(text.split()), None)],
        SpanQA: [question],
        MultipleChoice: [Choice("1", text, (text[:9], text[9:30]), None)],
        MaskedLanguageModel: [Text("1", text)],
    }


@pytest.mark.parametrize("kind", [Classification, Tagging, SpanQA, MultipleChoice, MaskedLanguageModel])
def test_units_of_several_languages_in_one_stream_are_predicted_with_their_own_adapters(
    kind: Any, xlmr: Path, adapters: Path, merged: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    family = kind(("a", "b"), kind.Options())
    codes = ("de", "en", "de", "sw")
    together = [UnitExamples("t", code, "test", units(code)[kind]) for code in codes]

    def raw(forward: Forward, given: list[UnitExamples]) -> list[Any]:
        found: list[Any] = []
        decode = family.decode
        monkeypatch.setattr(family, "decode", lambda f, outputs, e: found.append(outputs) or decode(f, outputs, e))
        list(family.predict(forward, given))
        monkeypatch.setattr(family, "decode", decode)
        name = sorted(found[0])[0]
        return [np.asarray(value) for outputs in found for value in outputs[name]]

    swapped = raw(opened(xlmr, family, LanguageAdapters.of(str(adapters))), together)
    a_unit = len(swapped) // len(codes)
    for place, code in enumerate(codes):
        here = slice(place * a_unit, (place + 1) * a_unit)
        for one, other in zip(swapped[here], raw(opened(merged[code], family), together)[here], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5, rtol=1e-5)


def test_both_sides_of_a_retrieval_task_take_their_own_adapter(
    xlmr: Path, adapters: Path, merged: dict[str, Path]
) -> None:
    swapped = opened(xlmr, load_encoder, LanguageAdapters.of(str(adapters)))
    texts, codes = [TEXTS[0], TEXTS[0], TEXTS[2], TEXTS[1]], ["en", "de", "de", "sw"]
    found = embed(swapped, texts, layers=[1, 2], languages=codes)
    for layer in (1, 2):
        for place, code in enumerate(codes):
            expected = embed(opened(merged[code]), [texts[place]], layers=[layer])[layer][0]
            np.testing.assert_allclose(found[layer][place], expected, atol=1e-5)
    unit = UnitExamples("t", "de", "test", [Translation(str(i), text, text) for i, text in enumerate(TEXTS[:3])])
    family = BitextRetrieval((), BitextRetrieval.Options(layer=2))
    assert family.languages_read("de") == ("de", "en")
    (prediction,) = family.predict(swapped, [unit])
    assert len(prediction.predictions) == 3


def test_candidates_and_queries_of_several_languages_take_their_own_adapters(
    xlmr: Path, adapters: Path, merged: dict[str, Path]
) -> None:
    family = DualEncoder((), DualEncoder.Options(vector="mean"))
    given = [
        UnitExamples("t", code, "test", [Candidate(f"{code}-1", TEXTS[place]), Query("1", TEXTS[1], (f"{code}-1",))])
        for place, code in enumerate(("en", "de"))
    ]
    swapped = opened(xlmr, family, LanguageAdapters.of(str(adapters)))
    assert [len(found.predictions) for found in family.predict(swapped, family.join(given))] == [1, 1]
    found = family._embed(swapped, "candidate", [(TEXTS[0], "en"), (TEXTS[0], "de"), (TEXTS[0], "")])
    for place, code in enumerate(("en", "de", "en")):  # the source's for text of no known language
        expected = family._embed(opened(merged[code], family), "candidate", [(TEXTS[0], code)])[0]
        np.testing.assert_allclose(found[place], expected, atol=1e-5)


def test_pairs_in_several_languages_keep_theirs_as_queries_and_candidates(xlmr: Path, adapters: Path) -> None:
    """Dev data of a dual encoder that --select-on names."""
    family = DualEncoder((), DualEncoder.Options(vector="mean"))
    pairs = [Match(str(place), TEXTS[place], TEXTS[place + 1]) for place in range(3)]
    unit = UnitExamples("t", "en", "dev", pairs, languages=["en", "de", "sw"])
    (joined,) = family.join([unit])
    assert list(joined.language_of_each) == list(joined.pool_languages) == ["en", "de", "sw"]
    calls: list[list[tuple[str, str]]] = []
    forward = opened(xlmr, family, LanguageAdapters.of(str(adapters)))
    embedded = family._embed
    family._embed = lambda *given: calls.append(list(given[-1])) or embedded(*given)  # type: ignore[method-assign,func-returns-value]
    list(family.predict(forward, [joined]))
    assert sorted(code for call in calls for _, code in call) == ["de", "de", "en", "en", "sw", "sw"]


def test_a_language_takes_its_own_adapter_its_relatives_or_the_sources(adapters: Path) -> None:
    related = LanguageAdapters.of(f"{adapters}/")
    chosen = related.chosen(["de", "af", "zh", ""])
    assert {code: (choice.adapter.language, choice.reason) for code, choice in chosen.items() if choice.adapter} == {
        "de": ("de", "own"),
        "af": ("en", "branch Germanic"),
        "zh": ("en", "source"),
        "": ("en", "source, for text of no known language"),
    }
    source = LanguageAdapters.of(str(adapters / "{language}"), "source")
    assert source.choose("nl").describe() | {"fingerprint": ""} == {
        "adapter": "en",
        "reason": "source",
        "fingerprint": "",
    }
    assert LanguageAdapters.of(str(adapters), "none").choose("nl").describe() == {
        "adapter": None,
        "reason": "no adapter",
    }


def test_an_adapter_is_known_by_its_content(adapters: Path, tmp_path: Path) -> None:
    before = LanguageAdapters.of(str(adapters)).found
    shutil.copytree(adapters, tmp_path / "moved")
    config = json.loads((tmp_path / "moved/de/adapter_config.json").read_text())
    edited = {**config, "base_model_name_or_path": "elsewhere", "revision": "x"}
    (tmp_path / "moved/de/adapter_config.json").write_text(json.dumps(edited))
    moved = LanguageAdapters.of(str(tmp_path / "moved")).found
    assert {code: one.fingerprint for code, one in before.items()} == {
        code: one.fingerprint for code, one in moved.items()
    }
    (tmp_path / "moved/de/adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 7}))
    assert LanguageAdapters.of(str(tmp_path / "moved")).found["de"].fingerprint != before["de"].fingerprint


def test_adapters_are_read_once(adapters: Path, xlmr: Path) -> None:
    found = LanguageAdapters.of(str(adapters))
    for _ in range(2):
        embed(opened(xlmr, load_encoder, found), TEXTS[:1], layers=[2], languages=["de"])
    assert list(found.found["de"]._read) == ["cpu"] and not found.found["sw"]._read
    one, other = found.found["de"].weights("cpu"), found.found["de"].weights("cpu")
    assert one is other and all(tensor.dtype == torch.float32 for pair in one.values() for tensor in pair)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"peft_type": "IA3"}, "peft_type is 'IA3'"),
        ({"use_dora": True}, "use_dora is True"),
        ({"bias": "all"}, "bias is 'all'"),
        ({"r": 0}, "r and lora_alpha must be numbers"),
        ({"lora_alpha": "much"}, "r and lora_alpha must be numbers"),
        ({"alpha_pattern": {"key": 3}}, "alpha_pattern"),
    ],
)
def test_an_adapter_of_another_kind_is_refused(
    change: dict[str, Any], said: str, adapters: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(adapters, tmp_path / "adapters"))
    path = folder / "de/adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match=f"de/adapter_config.json: {said}"):
        LanguageAdapters.of(str(folder))


def test_damaged_and_missing_files_are_named(adapters: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(adapters, tmp_path / "adapters"))
    weights = folder / "sw/adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-10])
    with pytest.raises(ModelError, match=r"sw/adapter_model\.safetensors"):
        LanguageAdapters.of(str(folder))
    weights.unlink()
    with pytest.raises(ModelError, match=r"sw/adapter_model\.safetensors"):
        LanguageAdapters.of(str(folder))
    (folder / "sw/adapter_config.json").write_text("{")
    with pytest.raises(ModelError, match=r"sw/adapter_config\.json: empty, cut or not JSON"):
        LanguageAdapters.of(str(folder))
    with pytest.raises(UsageError, match="no adapter there"):
        LanguageAdapters.of(str(tmp_path / "nowhere"))
    shutil.rmtree(folder / "en")
    shutil.rmtree(folder / "sw")
    with pytest.raises(UsageError, match="none of English"):
        LanguageAdapters.of(str(folder))
    assert LanguageAdapters.of(str(folder), "none").choose("en").adapter is None
    with pytest.raises(UsageError, match="adapter_fallback"):
        LanguageAdapters.of(str(folder), "nearest")


def test_an_adapter_with_a_head_is_refused(xlmr: Path, tmp_path: Path) -> None:
    write_adapter(xlmr, tmp_path / "en", 0, modules_to_save=["lm_head"])
    with pytest.raises(ModelError, match="modules_to_save"):
        LanguageAdapters.of(str(tmp_path))


def test_an_adapter_of_another_model_is_refused_by_its_layers(xlmr: Path, adapters: Path, tmp_path: Path) -> None:
    other = saved("modernbert", tmp_path / "other")
    with pytest.raises(ModelError, match="an adapter for another model: this one has no linear layer"):
        opened(other, load_encoder, LanguageAdapters.of(str(adapters)))
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(xlmr)
    config.intermediate_size = 40
    shutil.copytree(xlmr, tmp_path / "narrow")
    AutoModel.from_config(config).save_pretrained(tmp_path / "narrow")
    with pytest.raises(ModelError, match="48 x 32 there and 40 x 32 here"):
        opened(tmp_path / "narrow", load_encoder, LanguageAdapters.of(str(adapters)))


def test_rows_that_do_not_say_their_language_are_refused(xlmr: Path, adapters: Path) -> None:
    forward = opened(xlmr, load_encoder, LanguageAdapters.of(str(adapters)))
    family = Classification(("a", "b"), Classification.Options())
    features = family.features(forward.tokenizer, [Pair("1", TEXTS[0], "", None)], training=False)
    with pytest.raises(ModelError, match="do not say their language"):
        forward.stream(features, family.outputs)


def test_a_loaded_model_keeps_its_parameters_and_none_is_an_adapters(xlmr: Path, adapters: Path) -> None:
    network = load(xlmr, "MaskedLM")
    names = [name for name, _ in network.named_parameters()]
    attach_adapters(network, LanguageAdapters.of(str(adapters)))
    assert [name for name, _ in network.named_parameters()] == names and not list(network.named_buffers(recurse=False))
