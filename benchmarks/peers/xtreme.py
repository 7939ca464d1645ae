"""Loops in the manner of XTREME's released scripts (google-research/xtreme): every row padded to the maximum length,
small batches in the order of the files, language by language, examples prepared and decoded one by one in Python.

Written anew for current versions of torch and transformers. XTREME pins torch 1.3 and a transformers of early 2020:
attention without fused kernels (``eager``) and, for BERT, the tokenizer written in Python stand for these here. The
settings are those of the scripts: batches of 8 (32 for tagging, 100 for sentence vectors, of which all layers are
computed and kept), 128 tokens, 384 for questions with a stride of 128; four batches of 8 make a step of training.
Vectors of either side of a language load the model again. The scripts for retrieval and questions start a process for
every language: :mod:`benchmarks.peers.by_language`.
"""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModel,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertTokenizerLegacy,
)

from benchmarks.peers import main

BATCH, TAGGING_BATCH = 8, 32
EAGER: dict[str, Any] = {"attn_implementation": "eager"}


def tokenizer_of(folder: str) -> Any:
    """A tokenizer written in Python, where transformers still has one for the model; questions need offsets, though."""
    return (BertTokenizerLegacy if (Path(folder) / "vocab.txt").is_file() else AutoTokenizer).from_pretrained(folder)


def separators(tokenizer: Any) -> list[int]:
    """What stands between two texts: two separators for XLM-R, one for BERT."""
    return [tokenizer.sep_token_id] * (tokenizer.num_special_tokens_to_add(pair=True) - 2)


def stacked(rows: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor([row[name] for row in rows]) for name in names}


MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def pair_row(tokenizer: Any, pair: dict[str, Any]) -> dict[str, Any]:
    settings = {"max_length": 128, "truncation": True, "padding": "max_length", "return_token_type_ids": True}
    return dict(tokenizer(pair["a"], pair["b"], **settings))


def classification(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    tokenizer = tokenizer_of(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, **EAGER).eval()
    answers = {}
    for language, examples in inputs["units"].items():
        rows = [pair_row(tokenizer, pair) for pair in examples]
        logits = []
        for start in range(0, len(rows), BATCH):
            with torch.no_grad():
                logits.append(model(**stacked(rows[start : start + BATCH], MODEL_INPUTS)).logits.numpy())
        answers[language] = [model.config.id2label[int(i)] for i in np.concatenate(logits).argmax(1)]
    return answers


def tagging(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    tokenizer = tokenizer_of(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder, **EAGER).eval()

    end = separators(tokenizer)

    def row(pieces: list[str]) -> dict[str, Any]:
        ids = tokenizer.convert_tokens_to_ids([tokenizer.cls_token, *pieces]) + end
        blank = [0] * (128 - len(ids))
        return {
            "input_ids": ids + [tokenizer.pad_token_id] * len(blank),
            "attention_mask": [1] * len(ids) + blank,
            "token_type_ids": [0] * 128,
        }

    answers = {}
    for language, sentences in inputs["units"].items():
        rows, firsts, owners = [], [], []
        for number, sentence in enumerate(sentences):
            pieces: list[str] = []
            starts: list[int] = []
            for word in sentence["words"]:
                tokens = tokenizer.tokenize(word) or [tokenizer.unk_token]
                if len(pieces) + len(tokens) > 127 - len(end):  # cut between words, as their preprocessing does
                    rows, firsts, owners = [*rows, row(pieces)], [*firsts, starts], [*owners, number]
                    pieces, starts = [], []
                starts.append(len(pieces) + 1)
                pieces += tokens
            rows, firsts, owners = [*rows, row(pieces)], [*firsts, starts], [*owners, number]
        tags: list[list[str]] = [[] for _ in sentences]
        for start in range(0, len(rows), TAGGING_BATCH):
            part = slice(start, start + TAGGING_BATCH)
            with torch.no_grad():
                logits = model(**stacked(rows[part], MODEL_INPUTS)).logits.numpy()
            for best, starts, owner in zip(logits.argmax(2), firsts[part], owners[part], strict=True):
                tags[owner] += [model.config.id2label[int(best[at])] for at in starts]
        answers[language] = tags
    return answers


def retrieval(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    import faiss

    def vectors(sentences: list[str]) -> np.ndarray:
        tokenizer, model = tokenizer_of(folder), AutoModel.from_pretrained(folder, **EAGER).eval()
        layers: list[list[np.ndarray]] = []
        for start in range(0, len(sentences), 100):
            token_ids = []
            for sentence in sentences[start : start + 100]:
                tokens = tokenizer.tokenize(sentence)[:510]
                token_ids.append(tokenizer.convert_tokens_to_ids([tokenizer.cls_token, *tokens, tokenizer.sep_token]))
            width = max(map(len, token_ids))
            ids = torch.tensor([row + [tokenizer.pad_token_id] * (width - len(row)) for row in token_ids])
            mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in token_ids])
            with torch.no_grad():
                states = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
            weights = mask[:, :, None].float()
            layers.append([((state * weights).sum(1) / weights.sum(1)).numpy() for state in states])
        kept = [np.concatenate(layer) for layer in zip(*layers, strict=True)]
        found = kept[inputs["layer"]]
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    answers = {}
    for language, pairs in inputs["units"].items():
        foreign = vectors([pair["foreign"] for pair in pairs])
        english = vectors(sorted(pair["english"] for pair in pairs))
        index = faiss.IndexFlatIP(foreign.shape[1])
        index.add(foreign)
        answers[language] = index.search(english, 1)[1][:, 0].tolist()
    return answers


def qa(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder, **EAGER).eval()
    between, second = separators(tokenizer), int("token_type_ids" in tokenizer.model_input_names)
    answers = {}
    for language, questions in inputs["units"].items():
        rows = []
        for number, question in enumerate(questions):
            asked = tokenizer.tokenize(question["question"])[:64]
            context = tokenizer(question["context"], add_special_tokens=False, return_offsets_mapping=True)
            ids, places = context["input_ids"], context["offset_mapping"]
            room = 384 - len(asked) - len(between) - 2
            head = tokenizer.convert_tokens_to_ids([tokenizer.cls_token, *asked]) + between
            starts = [0]
            while starts[-1] + room < len(ids):
                starts.append(starts[-1] + min(128, room))
            spans = [(start, min(room, len(ids) - start)) for start in starts]
            for window, (start, length) in enumerate(spans):
                row = [*head, *ids[start : start + length], tokenizer.sep_token_id]
                blank = [0] * (384 - len(row))
                best = {}
                for at in range(length):
                    scores = [
                        min(start + at - s, s + n - 1 - start - at) + 0.01 * n if s <= start + at < s + n else -1
                        for s, n in spans
                    ]
                    best[len(head) + at] = max(range(len(spans)), key=scores.__getitem__) == window
                rows.append(
                    {
                        "question": number,
                        "offsets": {len(head) + at: places[start + at] for at in range(length)},
                        "best": best,
                        "input_ids": row + [tokenizer.pad_token_id] * len(blank),
                        "attention_mask": [1] * len(row) + blank,
                        "token_type_ids": [0] * len(head) + [second] * (length + 1) + blank,
                    }
                )
        candidates = collections.defaultdict(list)
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            with torch.no_grad():
                output = model(**stacked(batch, MODEL_INPUTS))
            for row, first, last in zip(batch, output.start_logits.tolist(), output.end_logits.tolist(), strict=True):
                width = sum(row["attention_mask"])
                firsts, lasts = (
                    sorted(range(width), key=lambda i, logits=logits: -logits[i])[:20] for logits in (first, last)
                )
                for a in firsts:
                    for b in lasts:
                        if a not in row["offsets"] or b not in row["offsets"] or not row["best"][a]:
                            continue
                        if b < a or b - a + 1 > 30:
                            continue
                        candidates[row["question"]].append((first[a] + last[b], row["offsets"][a], row["offsets"][b]))
        texts = []
        for number, question in enumerate(questions):
            ordered = sorted(candidates[number], key=lambda candidate: -candidate[0])
            texts.append(question["context"][ordered[0][1][0] : ordered[0][2][1]].strip() if ordered else "")
        answers[language] = texts
    return answers


def training(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    tokenizer = tokenizer_of(folder)
    torch.manual_seed(0)
    labels = inputs["labels"]
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(labels), **EAGER).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=inputs["lr"], weight_decay=0.0, foreach=False)
    rows = []
    for pair in inputs["train"]:
        rows.append(pair_row(tokenizer, pair) | {"labels": labels.index(pair["label"])})
    losses = []
    for step in range(inputs["steps"]):
        first, size = step * inputs["batch"], inputs["batch"]
        total = 0.0
        for start in range(first, first + size, BATCH):
            part = rows[start : min(start + BATCH, first + size)]
            loss = model(**stacked(part, (*MODEL_INPUTS, "labels"))).loss * (len(part) / size)
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        model.zero_grad()
        losses.append(total)
    return {"losses": losses}


PEERS = {
    "classification": classification,
    "tagging": tagging,
    "retrieval": retrieval,
    "qa": qa,
    "training": training,
}

if __name__ == "__main__":
    main(PEERS)
