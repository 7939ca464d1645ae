"""Models in the layouts that their authors publish: a SentencePiece vocabulary alone, code that is not run."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from small_models import TEXTS, save_model

from harness.core.errors import ModelError
from harness.inference.tokenization import encode_pairs
from harness.models.load import load_tokenizer
from harness.models.resolve import check_folder
from harness.models.sentence_encoder import load_encoder


def sentencepiece_model(folder: Path, name: str) -> Path:
    """A vocabulary of SentencePiece's own trainer with the special tokens of DeBERTa."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 4),
        model_prefix=str(folder / "spm"),
        vocab_size=170,
        pad_id=0,
        unk_id=3,
        bos_id=1,
        eos_id=2,
        pad_piece="[PAD]",
        unk_piece="[UNK]",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        minloglevel=2,
    )
    (folder / "spm.vocab").unlink()
    return (folder / "spm.model").rename(folder / name)


def test_a_vocabulary_of_sentencepiece_alone_is_read_as_sentencepiece_reads_it(tmp_path: Path) -> None:
    import sentencepiece
    from transformers import DebertaV2Config, DebertaV2ForMaskedLM

    path = sentencepiece_model(tmp_path, "spm.model")
    config = DebertaV2Config(
        vocab_size=180, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48, pad_token_id=0
    )
    DebertaV2ForMaskedLM(config).save_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": False, "vocab_type": "spm", "tokenizer_class": "DebertaV2Tokenizer"})
    )
    tokens = load_tokenizer(check_folder(tmp_path, "mdeberta").folder)
    reference = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for text in TEXTS[:4]:
        ids, _ = encode_pairs(tokens, [text], None, 200)
        assert ids[0].tolist() == [1, *reference.encode(text), 2]


def test_code_for_a_native_type_is_said_to_be_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = save_model("xlmr", tmp_path / "model")
    content = json.loads((folder / "config.json").read_text())
    content["auto_map"] = {"AutoModel": "jinaai/xlm-roberta-flash-implementation--modeling_lora.XLMRobertaLoRA"}
    (folder / "config.json").write_text(json.dumps(content))
    with caplog.at_level(logging.WARNING):
        check_folder(folder, "jina")
    assert "auto_map" in caplog.text and "transformers' own xlm-roberta" in caplog.text


def test_weights_for_code_that_is_not_run_are_explained(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = save_model("xlmr", tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    renamed = {name.replace("encoder.layer.", "encoder.layers."): np.array(value) for name, value in weights.items()}
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | {"auto_map": {"AutoModel": "a/b--c.D"}}))
    with pytest.raises(ModelError, match="weights of the encoder are missing") as raised:
        load_encoder(str(folder))
    assert "auto_map" in raised.value.hint and "--trust-remote-code" in raised.value.hint


def test_the_type_new_names_the_repository_that_needs_no_code(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "new", "auto_map": {"AutoModel": "Alibaba-NLP/new-impl--modeling.NewModel"}})
    )
    with pytest.raises(ModelError, match="type 'new' needs code of its own") as raised:
        check_folder(tmp_path, "Alibaba-NLP/gte-multilingual-base")
    assert "alibaba-nlp-community/gte-multilingual-base" in raised.value.hint
    assert "--trust-remote-code" in raised.value.hint
