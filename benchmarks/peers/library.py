"""The libraries that people take today, used as their documentation says, with batches of 32."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    pipeline,
)

from benchmarks.peers import main

BATCH = 32


def arguments(**settings: Any) -> TrainingArguments:
    return TrainingArguments(
        output_dir=tempfile.mkdtemp(prefix="benchmark-"),
        per_device_eval_batch_size=BATCH,
        report_to=[],
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        **settings,
    )


def trainer_classification(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    from datasets import Dataset

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    trainer = Trainer(model, arguments(), data_collator=DataCollatorWithPadding(tokenizer))
    answers = {}
    for language, pairs in inputs["units"].items():
        data = Dataset.from_list([{"a": pair["a"], "b": pair["b"]} for pair in pairs]).map(
            lambda rows: tokenizer(rows["a"], rows["b"], truncation=True, max_length=128), batched=True
        )
        best = trainer.predict(data.remove_columns(["a", "b"])).predictions.argmax(1)
        answers[language] = [model.config.id2label[int(i)] for i in best]
    return answers


def pipeline_classification(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    classify = pipeline("text-classification", folder, batch_size=BATCH, dtype=torch.float32, device=-1)
    answers = {}
    for language, pairs in inputs["units"].items():
        texts = [{"text": pair["a"], "text_pair": pair["b"]} for pair in pairs]
        answers[language] = [found["label"] for found in classify(texts, truncation=True, max_length=128)]
    return answers


def sorted_classification(inputs: dict[str, Any], folder: str, *, half: bool = False) -> dict[str, Any]:
    """All requests of all languages in one list, longest first, batches padded to their longest (as lm-eval packs)."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    pairs = [pair for unit in inputs["units"].values() for pair in unit]
    ids = tokenizer([pair["a"] for pair in pairs], [pair["b"] for pair in pairs], truncation=True, max_length=128)[
        "input_ids"
    ]
    order = sorted(range(len(pairs)), key=lambda i: -len(ids[i]))
    found: list[str] = [""] * len(pairs)
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        batch = tokenizer(
            [pairs[i]["a"] for i in rows],
            [pairs[i]["b"] for i in rows],
            truncation=True,
            max_length=128,
            padding=True,
            return_tensors="pt",
        )
        with torch.inference_mode(), torch.autocast("cpu", enabled=half):
            best = model(**batch).logits.argmax(1).tolist()
        for i, label in zip(rows, best, strict=True):
            found[i] = model.config.id2label[label]
    answers, start = {}, 0
    for language, unit in inputs["units"].items():
        answers[language] = found[start : start + len(unit)]
        start += len(unit)
    return answers


def _words(tokenizer: Any, rows: Mapping[str, Any]) -> Any:
    encoded = tokenizer(rows["words"], is_split_into_words=True, truncation=True, max_length=128)
    encoded["labels"] = []
    for i in range(len(rows["words"])):
        word_ids = encoded.word_ids(i)
        encoded["labels"].append(
            [0 if word is not None and word_ids[at - 1] != word else -100 for at, word in enumerate(word_ids)]
        )
    return encoded


def trainer_tagging(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    from datasets import Dataset

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder)
    trainer = Trainer(model, arguments(), data_collator=DataCollatorForTokenClassification(tokenizer))
    answers = {}
    for language, sentences in inputs["units"].items():
        data = Dataset.from_list([{"words": sentence["words"]} for sentence in sentences]).map(
            functools.partial(_words, tokenizer), batched=True, remove_columns=["words"]
        )
        output = trainer.predict(data)
        answers[language] = [
            [model.config.id2label[int(tag)] for tag, label in zip(tags, labels, strict=True) if label != -100]
            for tags, labels in zip(output.predictions.argmax(2), output.label_ids, strict=True)
        ]
    return answers


def pipeline_tagging(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    tag = pipeline("token-classification", folder, batch_size=BATCH, ignore_labels=[], dtype=torch.float32, device=-1)
    answers = {}
    for language, sentences in inputs["units"].items():
        answers[language] = []
        texts = [" ".join(sentence["words"]) for sentence in sentences]
        for sentence, text, tokens in zip(sentences, texts, tag(texts), strict=True):
            starts, at = {}, 0
            for number, word in enumerate(sentence["words"]):
                starts[at] = number
                at += len(word) + 1
            tags = ["O"] * len(sentence["words"])
            for token in tokens:
                start = token["start"] + text[token["start"] :].startswith(" ")  # some tokens begin with the space
                if start in starts:
                    tags[starts[start]] = token["entity"]
            answers[language].append(tags)
    return answers


def sentence_transformers(inputs: dict[str, Any], folder: str, *, half: bool = False) -> dict[str, Any]:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import semantic_search

    model = SentenceTransformer(folder, device="cpu")
    if half:
        model = model.to(torch.bfloat16)
    answers = {}
    for language, pairs in inputs["units"].items():
        foreign, english = (
            model.encode(texts, batch_size=BATCH, normalize_embeddings=True, convert_to_tensor=True)
            for texts in ([pair["foreign"] for pair in pairs], sorted(pair["english"] for pair in pairs))
        )
        answers[language] = [hits[0]["corpus_id"] for hits in semantic_search(english, foreign, top_k=1)]
    return answers


def mteb_retrieval(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    """The task Tatoeba of mteb, with the pairs at hand in place of those of the Hub."""
    import mteb
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer

    from harness.types.languages import iso639_3

    names = {code: f"{'cmn' if code == 'zh' else iso639_3(code)}-eng" for code in inputs["units"]}
    task = mteb.get_task("Tatoeba", hf_subsets=list(names.values()))
    task.dataset = {
        names[code]: {
            "test": Dataset.from_dict(
                {"sentence1": [pair["english"] for pair in pairs], "sentence2": [pair["foreign"] for pair in pairs]}
            )
        }
        for code, pairs in inputs["units"].items()
    }
    task.data_loaded = True
    with tempfile.TemporaryDirectory() as scratch:
        mteb.evaluate(
            SentenceTransformer(folder, device="cpu"),
            task,
            encode_kwargs={"batch_size": BATCH},
            cache=None,
            prediction_folder=scratch,
            show_progress_bar=False,
        )
        found = json.loads(next(Path(scratch).glob("*.json")).read_text(encoding="utf-8"))
    answers = {}
    for code, pairs in inputs["units"].items():
        best = [hit["corpus_id"] for hit in found[names[code]]["test"]["sentence1-sentence2"]]
        answers[code] = [best[row] for row in sorted(range(len(pairs)), key=lambda row: pairs[row]["english"])]
    return answers


def trainer_qa(inputs: dict[str, Any], folder: str) -> dict[str, Any]:
    """As the question answering example of transformers: windows by the fast tokenizer, n-best lists in Python."""
    from datasets import Dataset

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder)
    trainer = Trainer(model, arguments(), data_collator=DataCollatorWithPadding(tokenizer))

    def windows(rows: Mapping[str, Any]) -> Any:
        encoded = tokenizer(
            rows["question"],
            rows["context"],
            truncation="only_second",
            max_length=384,
            stride=128,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding="max_length",
        )
        encoded["offset_mapping"] = [
            [place if encoded.sequence_ids(i)[at] == 1 else None for at, place in enumerate(places)]
            for i, places in enumerate(encoded["offset_mapping"])
        ]
        return encoded

    answers = {}
    for language, questions in inputs["units"].items():
        data = Dataset.from_list([{name: row[name] for name in ("question", "context")} for row in questions])
        data = data.map(windows, batched=True, remove_columns=["question", "context"])
        start, end = trainer.predict(data.remove_columns(["offset_mapping", "overflow_to_sample_mapping"])).predictions
        best: dict[int, tuple[float, str]] = {}
        for row, first, last in zip(data, start, end, strict=True):
            places, number = row["offset_mapping"], row["overflow_to_sample_mapping"]
            context = questions[number]["context"]
            for a in np.argsort(first)[-1:-21:-1].tolist():
                for b in np.argsort(last)[-1:-21:-1].tolist():
                    if places[a] is None or places[b] is None or b < a or b - a + 1 > 30:
                        continue
                    score = float(first[a] + last[b])
                    if number not in best or score > best[number][0]:
                        best[number] = score, context[places[a][0] : places[b][1]]
        answers[language] = [best.get(number, (0.0, ""))[1].strip() for number in range(len(questions))]
    return answers


def trainer_training(
    inputs: dict[str, Any], folder: str, callbacks: Sequence[TrainerCallback] = (), **settings: Any
) -> dict[str, Any]:
    from datasets import Dataset

    labels = inputs["labels"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(labels))
    rows = [{"a": p["a"], "b": p["b"], "label": labels.index(p["label"])} for p in inputs["train"]]
    data = Dataset.from_list(rows).map(
        lambda rows: tokenizer(rows["a"], rows["b"], truncation=True, max_length=128),
        batched=True,
        remove_columns=["a", "b"],
    )
    own = arguments(
        per_device_train_batch_size=inputs["batch"],
        max_steps=inputs["steps"],
        learning_rate=inputs["lr"],
        weight_decay=0.0,
        logging_steps=1,
        **settings,
    )
    collator = DataCollatorWithPadding(tokenizer)
    trainer = Trainer(model, own, train_dataset=data, data_collator=collator, callbacks=list(callbacks))
    trainer.train()
    return {"losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]}


PEERS = {
    "trainer-classification": trainer_classification,
    "pipeline-classification": pipeline_classification,
    "sorted-classification": sorted_classification,
    "sorted-classification-bf16": functools.partial(sorted_classification, half=True),
    "trainer-tagging": trainer_tagging,
    "pipeline-tagging": pipeline_tagging,
    "mteb": mteb_retrieval,
    "sentence-transformers": sentence_transformers,
    "sentence-transformers-bf16": functools.partial(sentence_transformers, half=True),
    "trainer-qa": trainer_qa,
    "trainer-training": trainer_training,
    "trainer-training-best": functools.partial(trainer_training, train_sampling_strategy="group_by_length", bf16=True),
}

if __name__ == "__main__":
    main(PEERS)
