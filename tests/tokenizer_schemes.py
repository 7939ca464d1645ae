"""Tokenizers of every scheme that encoders come with, trained in a moment on a little text in many scripts.

Each is put together from the parts that the models named here have: what differs between them is what a space becomes,
which characters a token claims, and what an unknown letter turns into.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from small_models import TEXTS

LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""How EuroBERT, Llama 3 and Qwen cut a text: a word takes one character before it along, numbers have three digits."""

SCRIPTS = (
    *TEXTS,
    "Angela Merkel lives in Berlin, doesn't she? (She's 70.)",
    "Ủy ban không cho biết cuộc họp tiếp theo sẽ diễn ra khi nào.",
    "Η επιτροπή δεν είπε πότε θα γίνει η επόμενη συνεδρίαση.",
    "הוועדה לא אמרה מתי תתקיים הישיבה הבאה.",
    "次の会議がいつ開かれるか、委員会は言わなかった。",
    "위원회는 다음 회의가 언제 열릴지 말하지 않았다.",
    "தமிழ் ஒரு பழமையான மொழி ஆகும்.",
    "సమావేశం ఎప్పుడు జరుగుతుందో కమిటీ చెప్పలేదు.",
)

MARKED = ("bert", "bert_uncased", "bert_japanese", "words", "xlmr", "mt5", "tiny", "llama2", "roberta", "robbert")
"""Schemes in which every word looks the same alone and in running text."""

UNMARKED = ("gpt2", "modernbert", "eurobert", "gemma", "metaspace_never", "bytes", "characters")
"""Schemes in which the space before a word is part of its first token, or a token of its own."""

SCHEMES = (*MARKED, *UNMARKED)


def words_of(texts: Sequence[str], normaliser: Any, cut: Any) -> list[str]:
    """The words that a pre-tokenizer cuts the normalised texts into."""
    return [word for text in texts for word, _ in cut.pre_tokenize_str(normaliser.normalize_str(text))]


def frequent_pieces(words: Sequence[str], size: int, inside: str = "") -> dict[str, int]:
    """The letters of the words and their most frequent pieces, ``size`` in all, with their counts.

    ``inside`` is put before a piece that does not begin a word. The vocabularies that the trainers of WordPiece and Unigram
    learn differ from process to process, and so would everything that is computed with them.
    """
    counts = Counter(
        (inside if start else "") + word[start:end]
        for word in words
        for start in range(len(word))
        for end in range(start + 1, min(start + 8, len(word)) + 1)
    )
    ranked = sorted(counts, key=lambda piece: (len(piece.removeprefix(inside)) > 1, -counts[piece], piece))
    return {piece: counts[piece] for piece in ranked[:size]}


def unigram_model(words: Sequence[str], special: Sequence[str], size: int) -> Any:
    """A Unigram model of the frequent pieces of words; ``special`` has the unknown token "<unk>"."""
    from tokenizers import models

    counts = frequent_pieces(words, size - len(special))
    total = sum(counts.values())
    scores = [(token, 0.0) for token in special]
    scores += [(piece, math.log(count / total)) for piece, count in counts.items()]
    return models.Unigram(scores, unk_id=list(special).index("<unk>"))


@cache
def scheme(name: str, texts: Sequence[str] = SCRIPTS, vocabulary: int = 900) -> Any:
    """The tokenizer of this scheme, its vocabulary learned from ``texts``."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    cls, sep, unk = "<s>", "</s>", "<unk>"
    special = [cls, sep, unk, "<pad>"]
    options: dict[str, Any] = {"vocab_size": vocabulary, "special_tokens": special, "show_progress": False}
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    byte_level, metaspace = pre_tokenizers.ByteLevel, pre_tokenizers.Metaspace
    plain = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> </s> $B </s>", [(cls, 0), (sep, 1)])
    bert = processors.TemplateProcessing("<s> $A </s>", "<s> $A </s> $B:1 </s>:1", [(cls, 0), (sep, 1)])

    def pieces(normaliser: Any, cut: Any) -> Any:
        counts = frequent_pieces(words_of(texts, normaliser, cut), vocabulary - len(special), inside="##")
        base = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate([*special, *counts])}, unk_token=unk))
        base.normalizer, base.pre_tokenizer, base.post_processor = normaliser, cut, bert
        return base

    def unigram(cut: Any) -> Any:
        base = Tokenizer(unigram_model(words_of(texts, normalizers.NFKC(), cut), special, vocabulary))
        base.normalizer, base.pre_tokenizer, base.post_processor = normalizers.NFKC(), cut, plain
        return base

    def spelt(normaliser: Any, cut: Any) -> Any:
        """BPE with a token for each byte of a letter it has never seen."""
        base = Tokenizer(models.BPE(unk_token=unk, byte_fallback=True, fuse_unk=True))
        base.post_processor = plain
        if normaliser is not None:
            base.normalizer = normaliser
        base.pre_tokenizer = metaspace(prepend_scheme="never")  # like SentencePiece, which merges nothing across words
        base.train_from_iterator(
            texts, trainers.BpeTrainer(**(options | {"special_tokens": special + fallback, "limit_alphabet": 2000}))
        )
        if cut is not None:
            base.pre_tokenizer = cut
        else:
            base = Tokenizer.from_str(json.dumps(json.loads(base.to_str()) | {"pre_tokenizer": None}))
        return base

    def by_bytes(cut: Any, *, trim: bool | None = None, prefix: bool = False, size: int = vocabulary) -> Any:
        base = Tokenizer(models.BPE())
        base.pre_tokenizer = cut
        trainer = trainers.BpeTrainer(**(options | {"vocab_size": size}), initial_alphabet=byte_level.alphabet())
        base.train_from_iterator(texts, trainer)
        trimming = [processors.ByteLevel(trim_offsets=trim, add_prefix_space=prefix)] if trim is not None else []
        base.post_processor = processors.Sequence([*trimming, plain])
        return base

    def whole_words() -> Any:
        base = Tokenizer(models.WordLevel(unk_token=unk))
        base.pre_tokenizer, base.post_processor = pre_tokenizers.Whitespace(), bert
        base.train_from_iterator(texts, trainers.WordLevelTrainer(**(options | {"vocab_size": 100 * vocabulary})))
        return base

    def letters() -> Any:
        names = [*special, *sorted(set("".join(texts)) | {" "})]
        base = Tokenizer(models.WordLevel({letter: index for index, letter in enumerate(names)}, unk))
        base.pre_tokenizer, base.post_processor = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated"), bert
        return base

    marked = normalizers.Replace(" ", "▁")
    build: dict[str, Any] = {
        "bert": lambda: pieces(normalizers.BertNormalizer(lowercase=False), pre_tokenizers.BertPreTokenizer()),
        "bert_uncased": lambda: pieces(normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()),
        "bert_japanese": lambda: pieces(
            normalizers.BertNormalizer(lowercase=False, handle_chinese_chars=False),
            pre_tokenizers.Sequence(
                [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Split(Regex(r"\p{Han}"), "isolated")]
            ),
        ),
        "words": whole_words,
        "xlmr": lambda: unigram(pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace()])),
        "mt5": lambda: unigram(metaspace()),
        "tiny": lambda: spelt(normalizers.NFKC(), metaspace()),
        "llama2": lambda: spelt(normalizers.Sequence([normalizers.Prepend("▁"), marked]), None),
        "roberta": lambda: by_bytes(byte_level(add_prefix_space=True), trim=True, prefix=True),
        "robbert": lambda: by_bytes(
            pre_tokenizers.Sequence(
                [pre_tokenizers.Whitespace(), byte_level(add_prefix_space=True), pre_tokenizers.Punctuation()]
            ),
            trim=True,
            prefix=True,
        ),
        "gpt2": lambda: by_bytes(byte_level(add_prefix_space=False), trim=False),
        "modernbert": lambda: by_bytes(byte_level(add_prefix_space=False)),
        "eurobert": lambda: by_bytes(
            pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Split(Regex(LETTERS), "isolated"),
                    byte_level(add_prefix_space=False, use_regex=False),
                ]
            ),
            trim=True,
        ),
        "gemma": lambda: spelt(marked, pre_tokenizers.Split(" ", "merged_with_previous")),
        "metaspace_never": lambda: spelt(None, metaspace(prepend_scheme="never")),
        "bytes": lambda: by_bytes(byte_level(add_prefix_space=False, use_regex=False), size=len(special) + 256),
        "characters": letters,
    }
    segments = name in ("bert", "bert_uncased", "bert_japanese", "words", "characters")
    return PreTrainedTokenizerFast(
        tokenizer_object=build[name](),
        cls_token=cls,
        sep_token=sep,
        pad_token="<pad>",
        model_input_names=["input_ids", *(["token_type_ids"] if segments else []), "attention_mask"],
        **({} if name in ("gpt2", "modernbert", "eurobert", "roberta", "robbert", "bytes") else {"unk_token": unk}),
    )
