"""More tokens for a language that a tokenizer splits into many pieces: byte-pair merges learned on the user's own text.

The merges start from the tokenizer's present segmentation, so that each new token replaces a sequence of old ones;
its embedding starts as their mean, and text of other languages is segmented as before, as far as it does not share them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError, UsageError
from harness.core.scratch import scratch_folder
from harness.models._copied import save_tokenizer
from harness.models._sound import AGAIN
from harness.models.config import load_config
from harness.models.embedder import carry_modules
from harness.models.load import load_tokenizer
from harness.types.examples import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FIRST = 0xF0000
"""Token id i is spelt as this character plus i (a private plane of Unicode) while merges are learned; see ``symbol_of``."""
Merge = tuple[tuple[int, ...], tuple[int, ...]]
"""The old tokens of the left and of the right part of a new one."""
LINES_AT_A_TIME = 16_384
"""Lines tokenised at a time."""
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")


def extend_vocabulary(model: Path, texts: Sequence[Example] | Sequence[str], size: int, folder: Path) -> list[str]:
    """Writes the model in ``model`` with up to ``size`` new tokens to ``folder``, and returns the tokens.

    ``texts`` (strings, examples or a :class:`~harness.data.corpus.Corpus`) are read twice and never held as a whole. Fewer
    tokens are found where the text has too few sequences of tokens that occur twice. The head (masked language modelling)
    is kept and grows along. ModelError for tokenizers that are neither byte-pair, Unigram nor WordPiece models.
    """
    if size < 1:
        raise UsageError(f"new tokens: a positive number expected, not {size}")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder}: holds something already", hint="choose another folder, or remove it")
    tokenizer = load_tokenizer(model)
    if not tokenizer.is_fast:
        raise ModelError(
            f"{model}: its tokens are letters, and nothing can be added to them",
            hint="a model with a vocabulary of pieces, such as XLM-R, mBERT or mT5, takes new tokens",
        )
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    kind = spec["model"]["type"]
    if kind not in ("BPE", "Unigram", "WordPiece"):
        raise ModelError(f"{model}: cannot add to a tokenizer of the kind {kind}")
    pairs = learn_merges(tokenizer, texts, size)
    added = _add(spec, tokenizer, pairs)
    with scratch_folder(folder.parent, f".{folder.name.lstrip('.')}-") as around:
        scratch = around / "model"
        save_tokenizer(tokenizer, {"model": spec["model"]}, scratch)
        _grow(model, scratch, len(tokenizer), [parts for _, parts in added])
        carry_modules(model, scratch)
        if folder.exists():
            folder.rmdir()
        scratch.rename(folder)
    return [token for token, _ in added]


def learn_merges(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[Example] | Sequence[str], size: int
) -> list[Merge]:
    """Up to ``size`` merges, the most frequent first: each the old tokens of its left and of its right part.

    Learned by the ``tokenizers`` library's trainer on words spelt in old tokens, a character each. Special, unknown and
    byte tokens are never merged, and nothing is merged across words.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    alone = set(tokenizer.all_special_ids)
    alone |= {index for token, index in tokenizer.get_vocab().items() if _BYTE.fullmatch(token)}
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    alphabet: set[int] = set()  # which counts towards the size of a vocabulary
    for words in _words(tokenizer, texts, alone):
        alphabet.update(*words)
    spelt = (" ".join("".join(map(symbol_of, word)) for word in words) for words in _words(tokenizer, texts, alone))
    trainer = trainers.BpeTrainer(vocab_size=len(alphabet) + size, min_frequency=2, show_progress=False)
    learner.train_from_iterator(spelt, trainer)
    merges = json.loads(learner.to_str())["model"]["merges"]
    return [(numbers_of(left), numbers_of(right)) for left, right in merges[:size]]


def _words(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[Example] | Sequence[str], alone: set[int]
) -> Iterator[list[list[int]]]:
    """For each text its words as token ids, split at tokens that are never merged.

    Gemma's scheme takes a whole text for one word: a token that begins with the space begins a word there.
    """
    lines = chain.from_iterable([text] if isinstance(text, str) else text.texts().values() for text in texts)
    while chunk := list(islice(lines, LINES_AT_A_TIME)):
        encodings = tokenizer.backend_tokenizer.encode_batch(chunk, add_special_tokens=False)
        for line, encoding in zip(chunk, encodings, strict=True):
            spaces = accumulate(int(line[begin : begin + 1] == " ") for begin, _ in encoding.offsets)
            places = zip(encoding.word_ids, spaces, encoding.ids, strict=True)
            keyed = groupby(places, lambda place: (*place[:2], place[2] in alone))
            yield [[index for *_, index in group] for (*_, cut), group in keyed if not cut]


def symbol_of(index: int) -> str:
    """A character that is no white space, for ids up to a million: planes 15 and 16 are private, 3 to 14 nearly empty."""
    return chr(FIRST + index) if index < 0x20000 else chr(0x30000 + index - 0x20000)


def numbers_of(symbols: str) -> tuple[int, ...]:
    """The ids that these characters stand for."""
    codes = map(ord, symbols)
    return tuple(code - FIRST if code >= FIRST else code - 0x30000 + 0x20000 for code in codes)


def _add(
    spec: dict[str, Any], tokenizer: PreTrainedTokenizerBase, merges: list[Merge]
) -> list[tuple[str, tuple[int, ...]]]:
    """Adds the merges to the tokenizer's description; the new tokens, each with the old ones it consists of."""
    model = spec["model"]
    kind = model["type"]
    prefix = model.get("continuing_subword_prefix") or ""
    names: dict[int, str] = {index: token for token, index in tokenizer.get_vocab().items()}
    known = set(names.values())
    scores = dict(model["vocab"]) if kind == "Unigram" else {}
    following = len(tokenizer)
    # Tokens outside the model (a mask, say) get ids after it as it is loaded: it must list them so that their ids stay theirs.
    if kind == "Unigram":
        model["vocab"] += [[names[index], -100.0] for index in range(len(model["vocab"]), following)]
    else:
        model["vocab"] |= {token: index for index, token in names.items() if token not in model["vocab"]}

    def spelling(parts: tuple[int, ...]) -> str:
        first, *rest = (names[index] for index in parts)
        return str(first) + "".join(part.removeprefix(prefix) if prefix else part for part in rest)

    added: list[tuple[str, tuple[int, ...]]] = []
    for left, right in merges:
        token = spelling(left + right)
        if kind == "BPE":
            pair = [spelling(left), spelling(right)]
            model["merges"].append(
                pair if not model["merges"] or isinstance(model["merges"][0], list) else " ".join(pair)
            )
        if token in known:
            continue
        known.add(token)
        if kind == "Unigram":
            # A little better than the best segmentation there was, so that it is taken wherever that one was.
            scores[token] = sum(scores[spelling((index,))] for index in left + right) + 1e-3 * len(left + right)
            model["vocab"].append([token, scores[token]])
        else:
            model["vocab"][token] = following + len(added)
        added.append((token, left + right))
    return added


def _grow(model: Path, folder: Path, old: int, parts: list[tuple[int, ...]]) -> None:
    """Loads the model with the head it has, grows its embeddings and saves it with its tokenizer."""
    import torch
    import transformers

    from harness.models.heads import quiet

    config = load_config(model)
    name = (config.architectures or [""])[0]
    kind = getattr(transformers, name, None) or transformers.AutoModel
    with border(f"{model}: cannot be loaded", ModelError, hint=AGAIN), quiet():
        grown = kind.from_pretrained(model, dtype="auto")
        size = max(old + len(parts), grown.get_input_embeddings().weight.shape[0])
        grown.resize_token_embeddings(size, mean_resizing=False)
    output = grown.get_output_embeddings()
    tables = {id(layer.weight): layer.weight for layer in (grown.get_input_embeddings(), output) if layer is not None}
    vectors = list(tables.values())
    if output is not None and getattr(output, "bias", None) is not None:
        vectors.append(output.bias)
    with torch.no_grad():
        for index, sequence in enumerate(parts, start=old):
            for table in vectors:
                table[index] = table[list(sequence)].mean(dim=0)
    grown.save_pretrained(folder)
