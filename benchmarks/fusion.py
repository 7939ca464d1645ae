"""Is the English partner of a text used? A fused network with each text's own partner, and with that of another text.

Run from the root of the repository, with SIB-200 in the data folder::

    python -m benchmarks.fusion --model demo:e5-small --data-dir ../shared/data --out runs/fusion
    python -m benchmarks.fusion --task xnli --model runs/translate-train/mnli --data-dir ../shared/data --out runs/fusion-xnli

SIB-200's sentences are the same in all languages. Those of its test split are cut in two by number: some are trained on in
every language, beside their English, with some of the English training sentences (beside themselves); the others are
tested. With ``--task xnli`` they are the first and the other rows of XNLI's dev set, for a model that knows the task, such
as that of :mod:`benchmarks.translate_train`. In the second run each test text has the English of the next one with another
label. The answers to the same texts are compared by McNemar's exact test. People translated the text: easier than machine
translation, and not for claims.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from scipy.stats import binomtest

from benchmarks.fusion_task import LANGUAGES
from benchmarks.methods import table_rows
from benchmarks.rows import write_rows
from benchmarks.translate_train import MNLI, TEST, XNLI, parallel, write_english, write_table, write_translation
from harness.api import evaluate, train
from harness.registry.default import get_registry
from harness.types.options import EvalOptions

FLORES = {"en": "eng_Latn", "de": "deu_Latn", "sw": "swh_Latn", "tr": "tur_Latn", "th": "tha_Thai"}
Row = dict[str, str]
MATCHED = "validation_matched-00000-of-00001.parquet"
TASKS = {"sib200": ("topics", "topics-test"), "xnli": ("mnli", "xnli")}
"""The task that is trained on and the one that is scored."""


def sentences(data: Path, code: str, split: str) -> list[Row]:
    """The rows of a split in a language, in the order of their numbers."""
    path = data / "Davlan/sib200/data" / FLORES[code] / f"{split}.tsv"
    found = [{"id": "s" + row["index_id"], "text": row["text"], "topic": row["category"]} for row in table_rows(path)]
    return sorted(found, key=lambda row: int(row["id"][1:]))


def others(rows: Sequence[Row], label: str) -> list[Row]:
    """For each row the next one, counted round, with another label, which is in the column of that name."""
    turned = [[*rows[index + 1 :], *rows[: index + 1]] for index in range(len(rows))]
    return [next(row for row in after if row[label] != own[label]) for own, after in zip(rows, turned, strict=True)]


def make_topics(data: Path, out: Path, languages: Sequence[str], trained: int, english: int) -> None:
    """The folders ``out/true`` and ``out/other``, which differ in the English of the test texts."""
    parallel = {code: sentences(data, code, "test") for code in ("en", *languages)}
    tested = parallel["en"][trained:]
    for name, partners in (("true", tested), ("other", others(tested, "topic"))):
        folder = out / name
        first = sentences(data, "en", "train")[:english]
        write_rows(folder / "topics/train-en.jsonl", [*first, *parallel["en"][:trained]])
        write_rows(folder / "topics/dev-en.jsonl", sentences(data, "en", "dev"))
        for code in languages:
            write_rows(folder / f"topics/train-{code}.jsonl", parallel[code][:trained])
            write_rows(folder / f"topics/test-{code}.jsonl", parallel[code][trained:])
            english_of = [
                {"id": row["id"], "text": partner["text"], "source": row["id"]}
                for row, partner in zip(tested, partners, strict=True)
            ]
            write_rows(folder / f"translated/topics-test/{code}/test-en.jsonl", english_of)


def make_pairs(data: Path, out: Path, languages: Sequence[str], trained: int) -> None:
    """The same of XNLI's dev set: its first rows to train on, the others to test."""
    dev = {code: parallel(data, "validation", code) for code in ("en", *languages)}
    tested = dev["en"].slice(trained).to_pylist()
    for name, partners in (("true", tested), ("other", others(tested, "gold_label"))):
        folder = out / name
        write_english(dev["en"].slice(0, trained), folder)
        shutil.copy(data / MNLI.with_name(MATCHED), folder / MNLI.with_name(MATCHED))
        write_table(folder / XNLI / TEST, pa.concat_tables([dev[code].slice(trained) for code in languages]))
        for code in languages:
            write_translation(dev[code].slice(0, trained), folder / f"translated/mnli/{code}/train.jsonl")
            english_of = [
                {"premise": partner["sentence1"], "hypothesis": partner["sentence2"], "source": str(number)}
                for number, partner in enumerate(partners)
            ]
            write_rows(folder / f"translated/xnli/{code}/test-en.jsonl", english_of)


def right(files: Iterable[tuple[Path, Path]]) -> list[bool]:
    """Whether each answer is right, by the files of predictions and of labels of each language."""
    found: list[bool] = []
    for both in files:
        answers, gold = (path.read_text(encoding="utf-8").splitlines() for path in both)
        found += [answer == label for answer, label in zip(answers, gold, strict=True)]
    return found


def main(argv: list[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fusion", description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="demo:e5-small")
    parser.add_argument("--task", choices=TASKS, default="sib200")
    parser.add_argument("--data-dir", type=Path, required=True, help="a data folder with SIB-200, or XNLI")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--languages", default="de,sw,tr", help=f"of {LANGUAGES} (default: de,sw,tr)")
    parser.add_argument(
        "--trained",
        type=int,
        help="parallel rows to train on; the others of 204 (XNLI: 2,490) test (default: 130, 1500)",
    )
    parser.add_argument(
        "--english", type=int, default=280, help="English sentences that are trained on beside themselves"
    )
    parser.add_argument("--local-layers", type=int, default=1)
    parser.add_argument("--fusion-layers", type=int, default=10)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--dtype", default="fp32")
    args = parser.parse_args(argv)
    languages = args.languages.split(",")
    trained, scored = TASKS[args.task]
    if args.task == "sib200":
        make_topics(args.data_dir, args.out, languages, args.trained or 130, args.english)
    else:
        make_pairs(args.data_dir, args.out, languages, args.trained or 1500)
    registry = get_registry([Path(__file__).with_name("fusion_task.py")])
    overrides = {
        "lr": 1e-4,
        "batch": 16,
        "epochs": args.epochs,
        "warmup_ratio": 0.1,
        "select": "last",
        "seed": args.seed,
        "local_layers": args.local_layers,
        "fusion_layers": args.fusion_layers,
    }

    def options(name: str, **more: Any) -> EvalOptions:
        return EvalOptions(
            data_dir=str(args.out / name), offline=True, device="cpu", recipe="demo", dtype=args.dtype, **more
        )

    stage = train(
        args.model,
        f"{trained}[en,{args.languages}]@fusion",
        out=args.out / "model",
        options=options("true", overrides={**overrides, "max_steps": 0}),
        registry=registry,
    )
    answers = {}
    for name in ("true", "other"):
        chosen = options(name, train="never")
        run = evaluate(
            str(stage.folder),
            [scored],
            languages=languages,
            out=args.out / f"run-{name}",
            options=chosen,
            registry=registry,
        )
        answers[name] = right(run.view.files(run.view.units[f"{scored}/{code}/test"]) for code in languages)
    pairs = list(zip(answers["true"], answers["other"], strict=True))
    only = [sum(one and not two for one, two in pairs), sum(two and not one for one, two in pairs)]
    result = {
        "texts": len(pairs),
        "languages": languages,
        "seconds": stage.summary["seconds"],
        **{f"accuracy, {name} partner": round(100 * sum(found) / len(found), 1) for name, found in answers.items()},
        "right only with the true partner": only[0],
        "right only with the other partner": only[1],
        "p (McNemar, exact)": binomtest(only[0], sum(only)).pvalue if sum(only) else 1.0,
    }
    print(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    main()
