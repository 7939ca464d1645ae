"""Zero-shot transfer as a researcher would write it with transformers' Trainer: English training, every language scored.

Shares no code with the harness: it reads the parquet files itself, builds the rows after the libraries' own examples, and
scores with scikit-learn, seqeval and SQuAD's rules as written down by Rajpurkar et al. 2016.

    python -m benchmarks.peers.transfer TASK MODEL DATA SEED ANSWERS --lr 5e-5 --epochs 3 --batch 32

ANSWERS gets a JSON object: a score (0-100) for every language. --same-order takes the rows in the harness's order instead of
one of the Trainer's own; --keep keeps the trained model.
"""

from __future__ import annotations

import argparse
import collections
import json
import re
import string
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from datasets import Dataset
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)

UDPOS = {
    "en": "English", "de": "German", "es": "Spanish", "zh": "Chinese", "ja": "Japanese", "vi": "Vietnamese",
    "yo": "Yoruba", "fa": "Persian", "th": "Thai",
}  # fmt: skip
TYDIQA = {"english": "en", "finnish": "fi", "indonesian": "id", "korean": "ko", "swahili": "sw"}
NLI = ("contradiction", "entailment", "neutral")
LENGTH = {"pair": 128, "tags": 128, "answers": 384}
STRIDE = 128
LONGEST_ANSWER = 30

Rows = list[dict[str, Any]]
Score = Callable[[Any, Any], float]


def table(data: Path, name: str) -> Rows:
    rows: Rows = pq.read_table(data / f"{name}-00000-of-00001.parquet").to_pylist()
    return rows


def class_names(data: Path, name: str, column: str) -> list[str]:
    """The names of a numbered label, from the file's own description."""
    about = json.loads(pq.read_schema(data / f"{name}-00000-of-00001.parquet").metadata[b"huggingface"])
    feature = about["info"]["features"][column]
    names: list[str] = (feature.get("feature") or feature)["names"]
    return names


def languages(data: Path, pattern: str) -> list[str]:
    """Codes of the folders that a pattern with one star finds."""
    before, _, after = pattern.partition("*")
    found = [str(path.relative_to(data)) for path in data.glob(pattern)]
    return sorted(name[len(before) : len(name) - len(after)] for name in found)


class HarnessOrder(torch.utils.data.Sampler[int]):
    """The order in which the harness takes so few rows: for every epoch a permutation that NumPy draws from [seed, epoch]."""

    def __init__(self, rows: int, seed: int) -> None:
        self.rows, self.seed, self.epoch = rows, seed, 0

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.rows)
        self.epoch += 1
        return iter(order.tolist())


class OrderedTrainer(Trainer):
    """A Trainer that takes the rows in the harness's order, and for answers its loss: padding is no possible place."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return HarnessOrder(len(train_dataset or self.train_dataset), self.args.seed)

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **options: Any) -> Any:
        if "start_positions" not in inputs or options.get("return_outputs"):
            return super().compute_loss(model, inputs, *args, **options)
        places = [inputs.pop("start_positions"), inputs.pop("end_positions")]
        output, padding = model(**inputs), inputs["attention_mask"] == 0
        logits = [each.masked_fill(padding, -torch.inf) for each in (output.start_logits, output.end_logits)]
        losses = [torch.nn.functional.cross_entropy(*each) for each in zip(logits, places, strict=True)]
        return sum(losses) / 2


def trainer(model: Any, collator: Any, seed: int, settings: argparse.Namespace) -> Trainer:
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(prefix="transfer-"),
        per_device_train_batch_size=settings.batch,
        per_device_eval_batch_size=32,
        learning_rate=settings.lr,
        num_train_epochs=settings.epochs,
        weight_decay=0.0,
        warmup_steps=settings.warmup,
        max_grad_norm=1.0,
        bf16=settings.dtype == "bf16",
        lr_scheduler_type="linear",
        seed=seed,
        data_seed=seed,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
    )
    kind = OrderedTrainer if settings.same_order else Trainer
    return kind(model, arguments, data_collator=collator)


def trained(run: Trainer, settings: argparse.Namespace) -> None:
    run.train()
    if settings.keep is not None:
        run.save_model(str(settings.keep))


def pairs(task: str, model_name: str, data: Path, seed: int, settings: argparse.Namespace) -> dict[str, float]:
    """XNLI after training on MNLI."""
    names = class_names(data, "nyu-mll/glue/mnli/train", "label")
    train = [(row["premise"], row["hypothesis"], NLI.index(names[row["label"]])) for row in
             table(data, "nyu-mll/glue/mnli/train")]  # fmt: skip
    test: dict[str, Rows] = collections.defaultdict(list)
    for row in table(data, "google/xtreme/XNLI/test"):
        test[row["language"]].append(row)
    tokenizer = AutoTokenizer.from_pretrained(model_name)

    def rows(examples: Sequence[tuple[str, str, int]]) -> Dataset:
        first, second, labels = zip(*examples, strict=True)
        encoded = tokenizer(list(first), list(second), truncation=True, max_length=LENGTH["pair"])
        return Dataset.from_dict({**encoded, "labels": list(labels)})

    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(model_name, num_labels=3)
    run = trainer(model, DataCollatorWithPadding(tokenizer), seed, settings)
    run.train_dataset = rows(train)
    trained(run, settings)
    found = {}
    for code, each in test.items():
        examples = [(row["sentence1"], row["sentence2"], NLI.index(row["gold_label"])) for row in each]
        logits = run.predict(rows(examples)).predictions
        found[code] = 100 * float(np.mean(np.asarray(logits).argmax(-1) == [label for _, _, label in examples]))
    return found


def tags(task: str, model_name: str, data: Path, seed: int, settings: argparse.Namespace) -> dict[str, float]:
    """PAN-X (seqeval's F1) or parts of speech (accuracy), first pieces of words labelled."""
    if task == "panx":
        column, folder = "ner_tags", "google/xtreme/PAN-X.{}"
        codes = {code: code for code in languages(data, "google/xtreme/PAN-X.*/test-00000-of-00001.parquet")}
        english = "en"
    else:
        column, folder = "pos_tags", "google/xtreme/udpos.{}"
        codes = {code: name for code, name in UDPOS.items() if (data / folder.format(name)).is_dir()}
        english = "English"
    names = class_names(data, folder.format(english) + "/train", column)
    tokenizer = AutoTokenizer.from_pretrained(model_name)

    def rows(examples: Rows) -> Dataset:
        encoded = tokenizer(
            [row["tokens"] for row in examples], is_split_into_words=True, truncation=True, max_length=LENGTH["tags"]
        )
        labels = []
        for index, row in enumerate(examples):
            words = encoded.word_ids(index)
            first = [word is not None and word != before for before, word in zip([None, *words], words, strict=False)]
            labels.append([row[column][word] if new else -100 for new, word in zip(first, words, strict=True)])
        return Dataset.from_dict({**encoded, "labels": labels})

    set_seed(seed)
    model = AutoModelForTokenClassification.from_pretrained(model_name, num_labels=len(names))
    run = trainer(model, DataCollatorForTokenClassification(tokenizer), seed, settings)
    run.train_dataset = rows(table(data, folder.format(english) + "/train"))
    trained(run, settings)
    found = {}
    for code, name in codes.items():
        examples = table(data, folder.format(name) + "/test")
        output = run.predict(rows(examples))
        best, gold = np.asarray(output.predictions).argmax(-1), np.asarray(output.label_ids)
        predicted = [[names[tag] for tag in best[i][gold[i] != -100]] for i in range(len(examples))]
        # Words beyond the longest row, which the model did not see, count as wrong: they are given the tag "O" or "X".
        filled = [_filled(row, each, names) for row, each in zip(examples, predicted, strict=True)]
        true = [[names[tag] for tag in row[column]] for row in examples]
        if task == "panx":
            from seqeval.metrics import f1_score

            found[code] = 100 * float(f1_score(true, filled))
        else:
            right = sum(a == b for x, y in zip(true, filled, strict=True) for a, b in zip(x, y, strict=True))
            found[code] = 100 * right / sum(map(len, true))
    return found


def _filled(row: Mapping[str, Any], predicted: list[str], names: Sequence[str]) -> list[str]:
    lost = len(row["tokens"]) - len(predicted)
    return [*predicted, *["O" if "O" in names else "X"] * lost]


def normal(text: str) -> str:
    """Lower case, no punctuation, no English articles, single spaces."""
    kept = "".join(character for character in text.lower() if character not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def overlap(answer: str, gold: str) -> float:
    """Token F1 of two normalised answers."""
    a, b = normal(answer).split(), normal(gold).split()
    if not a or not b:
        return float(a == b)
    common = sum((collections.Counter(a) & collections.Counter(b)).values())
    return 2 * common / (len(a) + len(b))


def answers(task: str, model_name: str, data: Path, seed: int, settings: argparse.Namespace) -> dict[str, float]:
    """F1 on XQuAD after SQuAD, or on TyDiQA after its English part."""
    test: dict[str, Rows] = collections.defaultdict(list)
    if task == "xquad":
        train = table(data, "google/xtreme/SQuAD/train")
        for code in languages(data, "google/xtreme/XQuAD.*/validation-00000-of-00001.parquet"):
            test[code] = table(data, f"google/xtreme/XQuAD.{code}/validation")
    else:
        train = [row for row in table(data, "google/xtreme/tydiqa/train") if row["id"].startswith("english-")]
        for row in table(data, "google/xtreme/tydiqa/validation"):
            test[TYDIQA[row["id"].partition("-")[0]]].append(row)
    tokenizer = AutoTokenizer.from_pretrained(model_name)

    def windows(examples: Rows) -> Any:
        return tokenizer(
            [row["question"].strip() for row in examples],
            [row["context"] for row in examples],
            truncation="only_second",
            max_length=LENGTH["answers"],
            stride=STRIDE,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )

    def training_rows(examples: Rows) -> Dataset:
        encoded = windows(examples)
        starts, ends = [], []
        for index, offsets in enumerate(encoded["offset_mapping"]):
            row = examples[encoded["overflow_to_sample_mapping"][index]]
            begin = row["answers"]["answer_start"][0]
            end = begin + len(row["answers"]["text"][0])
            inside = [i for i, part in enumerate(encoded.sequence_ids(index)) if part == 1]
            if offsets[inside[0]][0] > begin or offsets[inside[-1]][1] < end:
                starts.append(0)
                ends.append(0)
            else:
                last = max(offsets[i][0] for i in inside if offsets[i][0] <= begin)
                starts.append(min(i for i in inside if offsets[i][0] == last))  # a piece of white space belongs to it
                ends.append(min(i for i in inside if offsets[i][1] >= end))
        columns = {key: encoded[key] for key in tokenizer.model_input_names if key in encoded}
        return Dataset.from_dict({**columns, "start_positions": starts, "end_positions": ends})

    set_seed(seed)
    model = AutoModelForQuestionAnswering.from_pretrained(model_name)
    run = trainer(model, DataCollatorWithPadding(tokenizer), seed, settings)
    run.train_dataset = training_rows(train)
    trained(run, settings)
    found = {}
    for code, examples in test.items():
        encoded = windows(examples)
        columns = {key: encoded[key] for key in tokenizer.model_input_names if key in encoded}
        begin, end = run.predict(Dataset.from_dict(columns)).predictions
        best: dict[int, tuple[float, str]] = {}
        for index, offsets in enumerate(encoded["offset_mapping"]):
            number = encoded["overflow_to_sample_mapping"][index]
            inside = np.array([part == 1 for part in encoded.sequence_ids(index)])
            size = len(inside)
            scores = begin[index][:size, None] + end[index][None, :size]
            allowed = inside[:, None] & inside[None, :] & np.triu(np.ones((size, size), bool))
            allowed &= ~np.triu(np.ones((size, size), bool), LONGEST_ANSWER)
            scores = np.where(allowed, scores, -np.inf)
            i, j = np.unravel_index(int(scores.argmax()), scores.shape)
            if number not in best or scores[i, j] > best[number][0]:
                text = examples[number]["context"][offsets[i][0] : offsets[j][1]]
                best[number] = (float(scores[i, j]), text)
        each = [max(overlap(best[n][1], gold) for gold in row["answers"]["text"]) for n, row in enumerate(examples)]
        found[code] = 100 * float(np.mean(each))
    return found


PEERS = {"xnli": pairs, "panx": tags, "udpos": tags, "xquad": answers, "tydiqa": answers}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("task", choices=PEERS)
    parser.add_argument("model")
    parser.add_argument("data", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--lr", type=float, required=True)
    parser.add_argument("--epochs", type=float, required=True)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--warmup", type=int, default=0, help="steps in which the rate rises")
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--same-order", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for the trained model")
    settings = parser.parse_args()
    found = PEERS[settings.task](settings.task, settings.model, settings.data, settings.seed, settings)
    settings.answers.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
