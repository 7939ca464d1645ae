"""Sentence vectors against plain computations, for encoders, encoder-decoders and decoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_models import KINDS, TEXTS, save_model, tokenizer

from harness.core.errors import ModelError, UsageError
from harness.inference.forward import Forward
from harness.models.sentence_encoder import (
    encoder_of,
    layer_by_depth,
    layer_count,
    load_encoder,
    longest_input,
    stopped_after,
)
from harness.retrieval.embed import embed

SIZE: dict[str, Any] = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 48, "num_hidden_layers": 4}


def forward_of(kind: str, folder: Path, **settings: Any) -> Forward:
    model = load_encoder(str(save_model(kind, folder))).eval()
    return Forward(model, tokenizer(kind), "cpu", **settings)


def plain(forward: Forward, text: str, layer: int, pool: str, max_length: int = 512) -> np.ndarray:
    """One sentence at a time, from the tokenizer's and the model's own interface."""
    import torch

    tokens = forward.tokenizer(text, truncation=True, max_length=max_length, return_special_tokens_mask=True)
    with torch.inference_mode():
        states = forward.model(input_ids=torch.tensor([tokens["input_ids"]]), output_hidden_states=True).hidden_states[
            layer
        ][0]
    if pool == "cls":
        vector = states[0]
    else:
        wanted = [i for i, special in enumerate(tokens["special_tokens_mask"]) if pool == "mean" or not special]
        vector = states[wanted].mean(0)
    return (vector / vector.norm()).numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_equal_one_sentence_at_a_time(kind: str, tmp_path: Path) -> None:
    forward = forward_of(kind, tmp_path, budget=64)
    for pool in ("mean", "mean-no-specials", "cls"):
        found = embed(forward, TEXTS, layers=[0, 1, 2], pool=pool, max_length=20)
        for layer in range(3):
            expected = [plain(forward, text, layer, pool, 20) for text in TEXTS]
            np.testing.assert_allclose(found[layer], expected, atol=2e-5)
            assert found[layer].dtype == np.float32


def test_a_sentence_is_embedded_once_and_comes_back_wherever_it_stood(tmp_path: Path) -> None:
    forward = forward_of("xlmr", tmp_path)
    once = embed(forward, TEXTS, layers=[1])[1]
    tokens = forward.tokens
    assert tokens == sum(map(len, tokenizer("xlmr")(TEXTS)["input_ids"]))
    order = [3, 0, 3, 8, 0]
    np.testing.assert_array_equal(embed(forward, [*TEXTS, *(TEXTS[i] for i in order)], layers=[1])[1][9:], once[order])
    assert forward.tokens == 2 * tokens  # the copies cost nothing


ARCHITECTURES = [
    ("BertConfig", {}),
    ("RobertaConfig", {}),
    ("XLMRobertaConfig", {}),
    ("XLMRobertaXLConfig", {}),
    ("ElectraConfig", {"embedding_size": 16}),
    ("DebertaV2Config", {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "conv_kernel_size": 3}),
    ("RemBertConfig", {}),
    ("AlbertConfig", {}),
    ("ModernBertConfig", {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "cls_token_id": 0}),
    ("DistilBertConfig", {"dim": 32, "n_layers": 4, "n_heads": 2, "hidden_dim": 48}),
    ("XLMConfig", {"emb_dim": 32, "n_layers": 4, "n_heads": 2}),
    ("MT5Config", {"d_model": 32, "num_layers": 4, "num_decoder_layers": 1, "d_kv": 16, "d_ff": 48, "num_heads": 2}),
    (
        "MBartConfig",
        {"d_model": 32, "encoder_layers": 4, "decoder_layers": 1, "encoder_attention_heads": 2}
        | {"decoder_attention_heads": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48},
    ),
    ("LlamaConfig", {"num_key_value_heads": 2}),
    ("Gemma3TextConfig", {"num_key_value_heads": 1, "head_dim": 16}),
    ("BloomConfig", {"n_layer": 4, "n_head": 2}),
]


@pytest.mark.parametrize(("name", "settings"), ARCHITECTURES, ids=[name for name, _ in ARCHITECTURES])
def test_stopping_early_changes_no_vector(name: str, settings: dict[str, Any]) -> None:
    """The layers above the wanted one are left out; norms after the last layer must not slip in."""
    import torch
    import transformers

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tokens = tokenizer("xlmr")
    own_names = any(key in settings for key in ("dim", "emb_dim", "d_model"))
    config = getattr(transformers, name)(**{"vocab_size": len(tokens)} | ({} if own_names else SIZE) | settings)
    model = transformers.AutoModel.from_config(config).eval()
    with torch.no_grad():  # a norm that is the identity would hide a mistake
        for weights in model.parameters():
            weights.add_(0.3 * torch.randn_like(weights))
    forward = Forward(model, tokens, "cpu")
    whole = embed(forward, TEXTS[:4], layers=[0, 1, 2, 3, 4])
    for layer in range(5):
        np.testing.assert_allclose(embed(forward, TEXTS[:4], layers=[layer])[layer], whole[layer], atol=1e-5)
    again = embed(forward, TEXTS[:4], layers=[4])  # the stack is whole again
    np.testing.assert_array_equal(again[4], whole[4])


@pytest.mark.parametrize(("kind", "computed"), [("xlmr", 1), ("llama", 2)])
def test_layers_above_are_not_computed(kind: str, computed: int, tmp_path: Path) -> None:
    """XLM-R ends in its last layer and stops there; Llama puts a norm after it and needs one layer more."""
    import torch

    forward = forward_of(kind, tmp_path)
    model = forward.model
    stack = model.encoder.layer if kind == "xlmr" else model.layers
    stack.extend([type(stack[0])(model.config, 2)] if kind == "llama" else [type(stack[0])(model.config)])
    model.config.num_hidden_layers = 3
    calls: list[int] = []
    for number, layer in enumerate(stack):
        layer.register_forward_hook(lambda *_, number=number: calls.append(number))
    names = {"input_ids": torch.tensor([[5, 6, 7]])}

    def probe() -> dict[str, np.ndarray]:
        with torch.inference_mode():
            return {"1": model(**names, output_hidden_states=True).hidden_states[1].numpy()}

    with stopped_after(model, 1, probe):
        calls.clear()
        probe()
        assert calls == list(range(computed))
    probe()
    assert calls[computed:] == [0, 1, 2]


def test_the_whole_stack_comes_back_after_an_error(tmp_path: Path) -> None:
    forward = forward_of("xlmr", tmp_path)

    def stop(rows: int) -> None:
        raise KeyboardInterrupt

    forward.progress = stop
    with pytest.raises(KeyboardInterrupt):
        embed(forward, TEXTS, layers=[1])
    assert len(forward.model.encoder.layer) == 2


def test_the_default_layer_follows_the_depth_of_the_encoder() -> None:
    from transformers import BartConfig, MT5Config, XLMRobertaConfig

    depths = {
        depth: layer_by_depth(layer_count(XLMRobertaConfig(num_hidden_layers=depth))) for depth in (1, 2, 6, 12, 24, 36)
    }
    assert depths == {1: 1, 2: 1, 6: 3, 12: 8, 24: 14, 36: 18}
    assert layer_by_depth(layer_count(MT5Config(num_layers=24, num_decoder_layers=4))) == 14
    assert layer_by_depth(layer_count(BartConfig(encoder_layers=12, decoder_layers=2))) == 8


def test_encoder_decoders_are_loaded_as_encoders(tmp_path: Path) -> None:
    encoder = load_encoder(str(save_model("mt5", tmp_path)))
    assert type(encoder).__name__ == "MT5Stack"
    assert encoder_of(encoder) is encoder


def test_vectors_of_a_model_with_a_head_equal_those_of_its_encoder(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(save_model("xlmr", tmp_path)).eval()
    bare = load_encoder(str(tmp_path)).eval()
    vectors = [embed(Forward(m, tokenizer("xlmr"), "cpu"), TEXTS, layers=[2])[2] for m in (model, bare)]
    np.testing.assert_array_equal(*vectors)


def test_long_sentences_are_cut_to_what_the_positions_allow(tmp_path: Path) -> None:
    forward = forward_of("xlmr", tmp_path)
    assert longest_input(forward.model) == 298  # 300 positions, the first two of which RoBERTa leaves unused
    endless = " ".join(TEXTS * 20)
    assert len(tokenizer("xlmr")(endless)["input_ids"]) > 512
    found = embed(forward, [endless], layers=[2])[2][0]
    np.testing.assert_allclose(found, plain(forward, endless, 2, "mean", 298), atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_sentence_is_embedded_and_no_sentence_is_fine(kind: str, tmp_path: Path) -> None:
    forward = forward_of(kind, tmp_path)
    found = embed(forward, ["", TEXTS[0]], layers=[1])[1]
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert embed(forward, [], layers=[1])[1].shape == (0, 32)


def test_without_special_tokens_nothing_is_left_of_an_empty_sentence(tmp_path: Path) -> None:
    found = embed(forward_of("xlmr", tmp_path), ["", TEXTS[0]], layers=[2], pool="mean-no-specials")[2]
    assert not found[0].any()
    assert np.linalg.norm(found[1]) == pytest.approx(1, abs=1e-5)


def test_layers_and_pooling_that_do_not_exist_and_vectors_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    import torch

    forward = forward_of("xlmr", tmp_path)
    with pytest.raises(UsageError, match="no layer 3") as caught:
        embed(forward, TEXTS, layers=[3])
    assert "2 the last" in caught.value.hint
    with pytest.raises(UsageError, match="pool"):
        embed(forward, TEXTS, layers=[1], pool="best")
    with pytest.raises(UsageError, match="layer"):
        embed(forward, TEXTS, layers=[])
    with torch.no_grad():
        forward.model.embeddings.word_embeddings.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        embed(forward, TEXTS, layers=[1])


def test_a_checkpoint_without_the_encoders_weights_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_model("xlmr", tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"encoder\.layer\.1\.output\.dense\.weight"):
        load_encoder(str(tmp_path))
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(str(tmp_path / "nowhere"))
