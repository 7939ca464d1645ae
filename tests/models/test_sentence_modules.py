"""Sentence-embedding models as their authors publish them: the same vectors as sentence-transformers'."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published_models import PUBLISHED, save_published
from safetensors.torch import save_file
from sentence_models import (
    WIDTH,
    cut_and_lower_case,
    embedding_gemma,
    everything_joined,
    instructor,
    labse,
    last_token,
    modules_json,
    pooling,
)
from small_models import KINDS, TEXTS, save_model

from harness.core.errors import ModelError, UsageError
from harness.inference.forward import Forward
from harness.inference.session import Compute, open_model
from harness.models.embedder import Embedder, carry_modules
from harness.models.fingerprint import model_fingerprint
from harness.models.resolve import Access
from harness.models.sentence_encoder import encoder_of, layer_count, load_encoder
from harness.retrieval.embed import embed
from harness.retrieval.embedding import Embedding, EmbeddingOptions


def forward_of(folder: Path) -> Forward:
    session = open_model(folder, Access(offline=True), Compute())
    return session.forward(session.network(load_encoder))


def how(forward: Forward, **options: Any) -> Embedding:
    return Embedding.of(EmbeddingOptions(**options), forward.embedder, layer_count(encoder_of(forward.model).config))


def vectors(folder: Path, **options: Any) -> np.ndarray:
    forward = forward_of(folder)
    chosen = how(forward, **options)
    return embed(forward, TEXTS, layers=[chosen.layer], **chosen.settings)[chosen.layer]


@pytest.mark.parametrize(
    ("kind", "publish", "prompt"),
    [
        ("bert", labse, "auto"),
        ("xlmr", embedding_gemma, "auto"),
        ("xlmr", embedding_gemma, "BitextMining"),
        ("qwen2", last_token, "auto"),
        ("llama", last_token, "none"),
        ("mt5", instructor, "auto"),
        ("xlmr", instructor, "auto"),
        ("qwen2", instructor, "auto"),
        ("xlmr", everything_joined, "auto"),
        ("llama", everything_joined, "auto"),
        ("bert", cut_and_lower_case, "auto"),
        ("gemma3_text", embedding_gemma, "auto"),
        ("qwen3", last_token, "auto"),
        ("modernbert", labse, "auto"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_vectors_are_those_of_sentence_transformers(
    kind: str, publish: Callable[[Path], None], prompt: str, tmp_path: Path
) -> None:
    library = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers (extra bench) is not installed"
    )
    torch.manual_seed(3)
    published = next((each for each in PUBLISHED if each.kind == kind), None)
    publish(save_model(kind, tmp_path) if kind in KINDS or published is None else save_published(published, tmp_path))
    theirs = library.SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    asked = {"prompt": ""} if prompt == "none" else {} if prompt == "auto" else {"prompt_name": prompt}
    expected = theirs.encode(TEXTS, normalize_embeddings=True, batch_size=4, **asked)
    found = vectors(tmp_path, prompt=prompt)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_first_token_goes_through_the_dense_layer_of_the_last_layer_alone(tmp_path: Path) -> None:
    """The same without the library; every other layer and an explicit pool leave the authors' layers out."""
    labse(save_model("bert", tmp_path))
    forward = forward_of(tmp_path)
    chosen = how(forward)
    assert (chosen.layer, chosen.layer_from) == (2, "last: the authors' modules.json")
    assert chosen.pool == "cls, dense 32>32 tanh"
    plain = embed(forward, TEXTS, layers=[2], pool="cls")[2]
    weights = chosen.settings["projection"][0].linear
    with torch.inference_mode():
        states = [
            forward.model(**forward.tokenizer(text, return_tensors="pt")).last_hidden_state[0, 0] for text in TEXTS
        ]
        expected = torch.nn.functional.normalize(torch.tanh(weights(torch.stack(states)))).numpy()
    np.testing.assert_allclose(vectors(tmp_path), expected, atol=1e-5)
    np.testing.assert_array_equal(vectors(tmp_path, pool="cls"), plain)
    lower = how(forward, layer=1)
    assert (lower.pool, lower.settings["projection"]) == ("cls", None)


def test_a_models_own_pooler_is_offered_where_its_weights_are(tmp_path: Path) -> None:
    forward = forward_of(save_model("bert", tmp_path / "bert"))
    chosen = how(forward, pool="pooler")
    assert (chosen.layer, chosen.layer_from) == (2, "last: the pooler is behind it")
    with torch.inference_mode():
        pooled = [forward.model(**forward.tokenizer(text, return_tensors="pt")).pooler_output[0] for text in TEXTS]
        expected = torch.nn.functional.normalize(torch.stack(pooled)).numpy()
    np.testing.assert_allclose(vectors(tmp_path / "bert", pool="pooler"), expected, atol=1e-5)
    with pytest.raises(UsageError, match="behind the last layer"):
        vectors(tmp_path / "bert", pool="pooler", layer=1)
    save_model("llama", tmp_path / "llama")
    with pytest.raises(UsageError, match="has no pooler"):
        vectors(tmp_path / "llama", pool="pooler")
    save_model("bert", tmp_path / "without")
    from safetensors.torch import load_file

    weights = load_file(tmp_path / "without" / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "pooler" not in name}
    save_file(kept, tmp_path / "without" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="no weights for its pooler"):
        vectors(tmp_path / "without", pool="pooler")


def test_a_prompt_that_the_model_does_not_have_is_refused_with_those_it_has(tmp_path: Path) -> None:
    embedding_gemma(save_model("xlmr", tmp_path / "some"))
    forward = forward_of(tmp_path / "some")
    with pytest.raises(UsageError, match="--prompt passage") as caught:
        how(forward, prompt="passage")
    assert "'query', 'BitextMining'" in caught.value.hint
    assert how(forward).prompt == how(forward, prompt="none").prompt == "none"
    assert how(forward, prompt="query").prompt == "query: task: search | query: "
    with pytest.raises(UsageError, match="brings no prompts"):
        how(forward_of(save_model("xlmr", tmp_path / "none")), prompt="query")


@pytest.mark.parametrize(
    ("modules", "reason"),
    [
        ([("Pooling", "1_Pooling", {"pooling_mode": "best"})], "unknown way to pool 'best'"),
        ([pooling("mean_tokens"), ("LSTM", "2_LSTM", {})], r"modules of the type sentence_transformers\.models\.LSTM"),
        ([("Normalize", "1_Normalize", None)], "one Pooling"),
        (
            [pooling("mean_tokens"), ("Dense", "2_Dense", {"in_features": 32, "out_features": 8})],
            "no usable dense layer",
        ),
        (
            [pooling("mean_tokens"), ("Dense", "2_Dense", {"activation_function": "custom.Swish"})],
            r"custom\.Swish is not one of torch\.nn",
        ),
        ([("Pooling", "nowhere", None)], "missing"),
    ],
    ids=["pooling", "module", "no pooling", "weights", "activation", "folder"],
)
def test_modules_that_are_not_known_are_refused_and_can_be_left_out(
    modules: list[Any], reason: str, tmp_path: Path
) -> None:
    modules_json(save_model("xlmr", tmp_path), *modules)
    with pytest.raises(ModelError, match=reason):
        how(forward_of(tmp_path))
    assert vectors(tmp_path, pool="mean", layer=2).shape == (len(TEXTS), WIDTH)


def test_a_dense_layer_that_is_a_pickle_is_read_as_weights_alone_and_counts_for_the_fingerprint(tmp_path: Path) -> None:
    labse(save_model("bert", tmp_path))
    expected, safe = vectors(tmp_path), tmp_path / "2_Dense" / "model.safetensors"
    from safetensors.torch import load_file

    weights = load_file(safe)
    safe.unlink()
    torch.save(weights, tmp_path / "2_Dense" / "pytorch_model.bin")
    np.testing.assert_array_equal(vectors(tmp_path), expected)
    before = model_fingerprint(tmp_path)
    torch.save({name: 2 * value for name, value in weights.items()}, tmp_path / "2_Dense" / "pytorch_model.bin")
    assert model_fingerprint(tmp_path) != before


def test_what_the_files_change_is_in_the_keys_and_nothing_else_is(tmp_path: Path) -> None:
    plain, theirs = Embedder.of(save_model("bert", tmp_path / "plain")), save_model("bert", tmp_path / "theirs")
    labse(theirs)
    embedder = Embedder.of(theirs)
    assert EmbeddingOptions().unusual(plain) == {}
    assert EmbeddingOptions(pool="cls", layer=1).unusual(plain) == {}
    assert EmbeddingOptions().unusual(embedder) == {"layer": "last", "pool": "cls, dense 32>32 tanh"}
    assert EmbeddingOptions(pool="mean", layer=2).unusual(embedder) == {}
    assert EmbeddingOptions(layer="all").unusual(plain) == {}
    assert EmbeddingOptions().unusual(Embedder(trained=("mewslix",))) == {"layer": "last"}


def test_modules_go_along_with_a_checkpoint_that_is_trained_from_the_model(tmp_path: Path) -> None:
    labse(save_model("bert", tmp_path / "model"))
    save_model("bert", tmp_path / "checkpoint")
    carry_modules(tmp_path / "model", tmp_path / "checkpoint")
    (tmp_path / "checkpoint" / "stage.json").write_text('{"trained_vectors": ["mewslix"]}', encoding="utf-8")
    found = Embedder.of(tmp_path / "checkpoint")
    assert found.trained == ("mewslix",) and found.inherited
    assert found.last_layer == "the authors' modules.json, of the model before training"
    np.testing.assert_array_equal(vectors(tmp_path / "checkpoint"), vectors(tmp_path / "model"))
    (tmp_path / "checkpoint" / "modules.json").unlink()
    assert Embedder.of(tmp_path / "checkpoint").last_layer == "trained as a dual encoder (mewslix)"
