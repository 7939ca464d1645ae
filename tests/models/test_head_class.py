"""Heads that transformers has no class for, and separators that a tokenizer does not put."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published_models import PUBLISHED, save_published
from small_models import save_model, tokenizer
from transformers import AutoModel, AutoModelForTokenClassification, PegasusConfig

from harness.core.errors import ModelError
from harness.families.classification import Classification
from harness.families.span_qa import SpanQA
from harness.families.tagging import Tagging
from harness.inference.tokenization import encode_pairs
from harness.models.head_class import head_class
from harness.models.heads import load_head

PUBLISHED_BY_KIND = {published.kind: published for published in PUBLISHED}
IDS = torch.arange(5, 17)[None]


def saved(kind: str, folder: Path) -> str:
    return str(save_published(PUBLISHED_BY_KIND[kind], folder))


def trained(family: Any, start: str, folder: Path) -> tuple[str, Any]:
    """A checkpoint whose encoder is no longer the published one."""
    model = family.load(start, ignore_mismatched_sizes=True, dtype="float32").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    model.save_pretrained(folder)
    return str(folder), model


@pytest.mark.parametrize("kind", ["gemma3_text", "modernbert-decoder", "xglm", "mbart"])
def test_a_linear_layer_over_tokens_is_saved_and_loaded_whole(kind: str, tmp_path: Path) -> None:
    family = Tagging(("x", "y", "z"), Tagging.Options())
    folder, model = trained(family, saved(kind, tmp_path / "start"), tmp_path / "trained")
    again = family.load(folder, dtype="float32").eval()
    assert not again.harness_fresh
    assert torch.equal(again(input_ids=IDS).logits, model(input_ids=IDS).logits)
    assert dict(enumerate(("x", "y", "z"))) == again.config.id2label
    bare = AutoModel.from_pretrained(folder, dtype="float32").eval()
    assert torch.equal(bare(input_ids=IDS).last_hidden_state, model.base_model(input_ids=IDS).last_hidden_state)


def test_a_decoder_without_a_classifier_of_texts_reads_its_last_token(tmp_path: Path) -> None:
    family = Classification(("x", "y"), Classification.Options())
    folder, model = trained(family, saved("xglm", tmp_path / "start"), tmp_path / "trained")
    again = family.load(folder, dtype="float32").eval()
    logits = again(input_ids=IDS).logits
    assert torch.equal(logits, model(input_ids=IDS).logits)
    last = again.base_model(input_ids=IDS).last_hidden_state[:, -1]
    assert torch.allclose(logits, again.score(last), atol=1e-6)


def test_a_question_answering_head_of_two_outputs_is_a_checkpoint_of_transformers(tmp_path: Path) -> None:
    family = SpanQA((), SpanQA.Options())
    folder, model = trained(family, saved("eurobert", tmp_path / "start"), tmp_path / "trained")
    plain = AutoModelForTokenClassification.from_pretrained(folder, dtype="float32").eval()
    assert plain.config.id2label == {0: "start", 1: "end"}
    batch = {"input_ids": IDS, "attention_mask": torch.ones_like(IDS)}
    found = family.outputs(family.load(folder, dtype="float32").eval(), batch)
    logits = plain(**batch).logits
    assert torch.equal(found["start"][0][:12], logits[0, :, 0].sort(descending=True, stable=True).values)
    assert torch.equal(found["end_at"][0][:12], logits[0, :, 1].sort(descending=True, stable=True).indices)
    assert torch.equal(model(**batch).logits, logits)


def test_outputs_without_names_are_not_taken_for_start_and_end(tmp_path: Path) -> None:
    start = saved("eurobert", tmp_path / "start")
    AutoModelForTokenClassification.from_pretrained(start, num_labels=2).save_pretrained(tmp_path / "other")
    with pytest.raises(ModelError, match="not named"):
        SpanQA((), SpanQA.Options()).load(str(tmp_path / "other"))


def test_tokens_of_an_encoder_decoder_are_read_where_its_answers_are(tmp_path: Path) -> None:
    """At its decoder, which has seen all of the text and is padded like the encoder."""
    start = saved("mbart", tmp_path / "start")
    tagger = load_head("TokenClassification", start, ("x", "y")).eval()
    answering = load_head("QuestionAnswering", start, ("start", "end"), by_position=True).eval()
    with torch.no_grad():
        tagger.score.weight.copy_(answering.qa_outputs.weight)
        tagger.score.bias.copy_(answering.qa_outputs.bias)
    found = answering(input_ids=IDS)
    both = torch.stack([found.start_logits, found.end_logits], dim=-1)
    assert torch.allclose(tagger(input_ids=IDS).logits, both, atol=1e-6)
    padded = torch.nn.functional.pad(IDS, (0, 5), value=tagger.config.pad_token_id)
    mask = torch.tensor([[1] * 12 + [0] * 5])
    assert torch.allclose(tagger(input_ids=padded, attention_mask=mask).logits[:, :12], both, atol=1e-5)


def test_an_encoder_decoder_whose_answers_nobody_reads_has_no_generic_head() -> None:
    with pytest.raises(ModelError, match="no TokenClassification head for models of type 'pegasus'"):
        head_class("TokenClassification", PegasusConfig())


def test_pairs_are_separated_where_the_tokenizer_would_glue_them() -> None:
    tokens = tokenizer("qwen2")
    a, b = "Two dogs", "are running"
    ids, _ = encode_pairs(tokens, [a], [b], 64)
    alone = [tokens(text)["input_ids"] for text in (a, b)]
    assert tokens(a, b)["input_ids"] == [*alone[0], *alone[1]]
    assert ids[0].tolist() == [*alone[0], tokens.eos_token_id, *alone[1]]
    assert encode_pairs(tokens, [a], [b], 4)[0].lengths.tolist() == [4]
    assert Classification(("x",), Classification.Options()).treatment(tokens) == {"separator": tokens.eos_token}


@pytest.mark.parametrize("kind", ["xlmr", "bert", "llama", "mt5"])
def test_a_tokenizers_own_layout_of_pairs_is_kept(kind: str) -> None:
    tokens = tokenizer(kind)
    ids, _ = encode_pairs(tokens, ["Two dogs"], ["are running"], 64)
    assert np.array_equal(ids[0], tokens("Two dogs", "are running")["input_ids"])
    assert Classification(("x",), Classification.Options()).treatment(tokens) == {}


def test_a_model_that_fails_on_its_first_words_is_named(tmp_path: Path) -> None:
    from harness.models.load import load_tokenizer
    from harness.models.padding import padding_of

    folder = save_model("bert", tmp_path / "model")
    model = AutoModel.from_pretrained(folder)
    model.embeddings.token_type_embeddings = None
    with pytest.raises(ModelError, match="of type 'bert', fails on its first few words"):
        padding_of(model.eval(), load_tokenizer(folder))
