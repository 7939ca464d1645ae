"""Is a model at least as good in a language after training on its translation as after training on English?

Run from the root of the repository::

    python -m benchmarks.translate_train --data-dir ../shared/data --out runs/translate-train

XNLI's dev set is the same in all languages, so that its first rows stand in for English training data and for their
translation. People translated it: easier than machine translation, and not for claims. A small encoder learns nothing from
a thousand pairs, so that both trainings go on from one on MNLI, the same for all seeds. A run that is already in --out is
not made again. The table is written to translate-train.md there.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.commands import evaluated
from benchmarks.methods import option
from benchmarks.rows import write_rows, write_translators
from harness import Comparison, compare
from harness.api import train
from harness.types.options import EvalOptions

XNLI = Path("google/xtreme/XNLI")
MNLI = Path("nyu-mll/glue/mnli/train-00000-of-00001.parquet")
DEV, TEST = (f"{name}-00000-of-00001.parquet" for name in ("validation", "test"))
CLASSES = ("entailment", "neutral", "contradiction")
MARGIN = 1.0
"""Points that training on the translation may be worse by: the bound of the check."""


def parallel(source: Path, split: str, code: str) -> pa.Table:
    """The rows of a language in a split of XNLI, which are those of every other language, in the same order."""
    table = pq.read_table(source / XNLI / f"{split}-00000-of-00001.parquet")
    return table.filter(pc.equal(table["language"], code))


def write_table(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def write_english(rows: pa.Table, folder: Path) -> None:
    """Writes English rows of XNLI as the training data of MNLI."""
    numbers = pa.array([CLASSES.index(label) for label in rows["gold_label"].to_pylist()])
    columns = {"premise": rows["sentence1"], "hypothesis": rows["sentence2"], "label": numbers}
    write_table(folder / MNLI, pa.table({**columns, "idx": pa.array(range(len(rows)))}))


def write_translation(rows: pa.Table, path: Path) -> None:
    """Writes rows of XNLI in another language as the translation of the English ones, which people made."""
    lines = [
        {"premise": row["sentence1"], "hypothesis": row["sentence2"], "label": row["gold_label"], "source": str(number)}
        for number, row in enumerate(rows.to_pylist())
    ]
    write_rows(path, lines)
    write_translators(path.parent.parent, "professional translators")


def prepared(source: Path, folder: Path, code: str, rows: int, tested: int) -> Path:
    """The folder of data: rows of the dev set as English training data and as its translation, and rows of the test set."""
    english, translated = (parallel(source, "validation", each) for each in ("en", code))
    write_english(english.slice(0, rows), folder)
    write_translation(translated.slice(0, rows), folder / "translated/xnli" / code / "train.jsonl")
    write_table(folder / XNLI / DEV, pa.concat_tables([each.slice(rows) for each in (english, translated)]))
    tests = [parallel(source, "test", each).slice(0, tested) for each in ("en", code)]
    write_table(folder / XNLI / TEST, pa.concat_tables(tests))
    return folder


def start(args: argparse.Namespace) -> Path:
    """The model after MNLI, which both trainings go on from."""
    settings: Mapping[str, Any] = {"lr": args.lr, "epochs": 2, "batch": 16, "warmup_steps": 40, "select": "last"}
    options = EvalOptions(
        data_dir=str(args.data_dir),
        offline=True,
        dtype=args.dtype,
        train_limit=args.train_rows,
        overrides=dict(settings),
    )
    return train(args.model, "mnli", out=args.out / "mnli", options=options).folder


def table(found: Comparison, code: str) -> list[str]:
    """A line a training: accuracy in English and in the language; the difference in the language with its interval."""
    lines = [f"| trained on | en | {code} | difference in {code}, 95% |", "|---|---:|---:|---:|"]
    task = found.tasks["xnli"]
    for index, name in enumerate(("English", "its translation")):
        cells = [f"{task.languages[each].scores[index]:.1f}" for each in ("en", code)]
        gain = ""
        if index:
            difference = task.languages[code].differences[index - 1]
            gain = f"{difference.value:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]"
        lines.append(f"| {name} | {' | '.join(cells)} | {gain} |")
    return lines


def main(argv: Sequence[str] | None = None) -> Comparison:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.translate_train", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--model", default="demo:e5-small")
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/translate-train"))
    parser.add_argument("--language", default="de", help="of XNLI's dev and test set (default: de)")
    parser.add_argument("--train-rows", type=int, default=3000, help="pairs of MNLI to train on before")
    parser.add_argument("--rows", type=int, default=1000, help="rows of the dev set to train on")
    parser.add_argument("--tested", type=int, default=500, help="rows of the test set in each language")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--dtype", default="fp32")
    args = parser.parse_args(argv)
    model = start(args)
    data = prepared(args.data_dir, args.out / "data", args.language, args.rows, args.tested)
    words = ["eval", "--model", str(model), "--task", f"xnli[en,{args.language}]", "--data-dir", str(data)]
    words += ["--dtype", args.dtype, "--stages", str(args.out / "stages")]
    for name, value in {"lr": args.lr / 2, "epochs": 2, "batch": 16, "select": "last", "evaluate_every": 0}.items():
        words += option(name, value)
    groups = []
    for name, more in (("english", ()), ("translation", ("--train-on", f"xnli[{args.language}]"))):
        folders = [args.out / name / f"seed-{seed}" for seed in args.seeds]
        for seed, folder in zip(args.seeds, folders, strict=True):
            evaluated([*words, "--seed", str(seed), *more], folder)
        groups.append(list(map(str, folders)))
    found = compare(groups)
    lines = table(found, args.language)
    worse = -found.tasks["xnli"].languages[args.language].differences[0].value
    lines.append(f"\nworse by more than {MARGIN:g} points: {'yes' if worse > MARGIN else 'no'}")
    (args.out / "translate-train.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    return found


if __name__ == "__main__":
    main()
