"""More tokens for a language: learned on its text, as frequent sequences of the old ones, with their mean embedding."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_models import save_model, tokenizer
from tokenizer_schemes import unigram_model, words_of

from harness import Text
from harness.core.errors import UsageError
from harness.models.load import load_tokenizer
from harness.models.vocabulary import extend_vocabulary, learn_merges, numbers_of, symbol_of

SWAHILI = [
    "wanafunzi wanasoma vitabu shuleni",
    "wanafunzi wote wanapenda kusoma vitabu vizuri",
    "walimu wanafundisha wanafunzi shuleni kila siku",
] * 5


@pytest.fixture(params=["xlmr", "bert", "unigram", "llama"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A byte-pair model with byte fallback, WordPiece, Unigram under an encoder with a head, and byte-level byte-pair."""
    if request.param != "unigram":
        return save_model(request.param, tmp_path / "model")
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
    from transformers import AddedToken, PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForMaskedLM

    lines = [*SWAHILI[:1], "the dog sleeps in the house", "a b c d e f g h i j k l m n o p r s t u v w z"]
    cut = pre_tokenizers.Metaspace()
    words = words_of(lines, normalizers.Sequence([]), cut)
    base = Tokenizer(unigram_model(words, ["<s>", "<pad>", "</s>", "<unk>"], 60))
    base.pre_tokenizer = cut
    base.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokens = PreTrainedTokenizerFast(
        tokenizer_object=base,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token=AddedToken("<mask>", lstrip=True),  # outside the Unigram model's own list
    )
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = XLMRobertaConfig(vocab_size=len(tokens) + 3, pad_token_id=1, max_position_embeddings=80, **size)
    torch.manual_seed(0)
    XLMRobertaForMaskedLM(config).save_pretrained(tmp_path / "model")
    tokens.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_new_tokens_shorten_the_text_and_leave_the_old_ones_as_they_were(model: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    old = load_tokenizer(model)
    added = extend_vocabulary(model, SWAHILI, 12, tmp_path / "grown")
    new = load_tokenizer(tmp_path / "grown")
    assert 8 <= len(added) <= 12 and len(new) == len(old) + len(added)
    assert [new.convert_tokens_to_ids(token) for token in added] == list(range(len(old), len(new)))
    assert {token: new.get_vocab()[token] for token in old.get_vocab()} == old.get_vocab()
    lengths = [[len(ids) for ids in t(SWAHILI[:3], add_special_tokens=False)["input_ids"]] for t in (old, new)]
    assert all(after < 0.8 * before for before, after in zip(*lengths, strict=True))
    for kind in ("bos_token", "eos_token", "mask_token", "pad_token"):
        assert getattr(new, kind) == getattr(old, kind)
    before, after = (
        AutoModel.from_pretrained(folder).get_input_embeddings().weight for folder in (model, tmp_path / "grown")
    )
    assert torch.equal(after[: len(old)], before[: len(old)]) and len(after) >= len(new)
    for line in SWAHILI[:3]:  # the same text, in fewer pieces
        spelt = ["".join(t.tokenize(line)).replace("##", "") for t in (old, new)]
        assert spelt[0] == spelt[1]


def test_embeddings_are_the_mean_of_the_parts(model: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    old = load_tokenizer(model)
    merges = learn_merges(old, [Text(str(i), line) for i, line in enumerate(SWAHILI)], 6)
    extend_vocabulary(model, SWAHILI, 6, tmp_path / "grown")
    weights = AutoModel.from_pretrained(tmp_path / "grown").get_input_embeddings().weight
    for place, (left, right) in enumerate(merges):
        torch.testing.assert_close(weights[len(old) + place], weights[list(left + right)].mean(dim=0))


def test_the_head_grows_with_the_embeddings(tmp_path: Path) -> None:
    from transformers import AutoModelForMaskedLM

    folder = save_model("xlmr", tmp_path / "encoder")
    model = AutoModelForMaskedLM.from_pretrained(folder)
    with torch.no_grad():
        model.lm_head.bias.copy_(torch.arange(len(model.lm_head.bias)))
    model.save_pretrained(tmp_path / "mlm")
    tokenizer("xlmr").save_pretrained(tmp_path / "mlm")
    old = len(tokenizer("xlmr"))
    merges = learn_merges(tokenizer("xlmr"), SWAHILI, 3)
    extend_vocabulary(tmp_path / "mlm", SWAHILI, 3, tmp_path / "grown")
    grown = AutoModelForMaskedLM.from_pretrained(tmp_path / "grown")
    assert grown.config.vocab_size == old + 3 == len(grown.lm_head.bias)
    assert grown.lm_head.decoder.weight is grown.get_input_embeddings().weight
    left, right = merges[0]
    assert float(grown.lm_head.bias[old].detach()) == pytest.approx(sum(left + right) / len(left + right))
    assert torch.equal(grown.lm_head.dense.weight, model.lm_head.dense.weight)


def test_merges_stay_within_words_and_off_special_tokens() -> None:
    tokens = tokenizer("bert")
    merges = learn_merges(tokens, ["ab <unk> ab [MASK] ab", "ab [UNK] 漢字 ab"] * 3, 50)
    names = [tokens.convert_ids_to_tokens([*left, *right]) for left, right in merges]
    assert names and not any(set(parts) & set(tokens.all_special_tokens) for parts in names)
    assert all(part.startswith("##") for parts in names for part in parts[1:])
    assert learn_merges(tokens, ["a b c"], 5) == []


def test_each_symbol_stands_for_one_id_and_is_no_space() -> None:
    assert all(
        numbers_of(symbol_of(index)) == (index,) and not symbol_of(index).isspace() for index in range(0, 800_000, 97)
    )
    assert len({symbol_of(index) for index in range(0x1FF00, 0x20100)}) == 512


def test_an_extension_into_a_full_folder_or_by_no_tokens_is_refused(tmp_path: Path) -> None:
    folder = save_model("xlmr", tmp_path / "m")
    with pytest.raises(UsageError, match="holds something"):
        extend_vocabulary(folder, SWAHILI, 3, folder)
    with pytest.raises(UsageError, match="positive"):
        extend_vocabulary(folder, SWAHILI, 0, tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m"]
