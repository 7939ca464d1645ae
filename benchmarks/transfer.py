"""Zero-shot transfer by the harness beside a plain Trainer script: the same data, settings and seeds, every language.

Run from the root of the repository::

    python -m benchmarks.transfer --model demo:e5-small --data-dir ../shared/data --out runs/transfer

The two share no code (:mod:`benchmarks.peers.transfer`), so their heads, orders of data and dropout differ even with one
seed: their means over seeds are compared by a test of equivalence. With ``--same-start`` the plain script starts from the
harness's fresh head and takes the rows in its order and shape, so that only dropout differs, and seeds are compared in
pairs. With ``--same-order`` neither has dropout either, so that both must arrive at the same model. A run that is already
in --out is not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import stats
from transformers import AutoTokenizer

from benchmarks.commands import evaluated


@dataclass(frozen=True)
class Target:
    """A task with its training set, the number that is compared, and settings found on English dev data."""

    task: str
    stage: str
    metric: str
    lr: float
    epochs: float
    batch: int = 16
    warmup: int = 0


TARGETS = (
    Target("xnli", "xnli", "accuracy", lr=1e-4, epochs=2, warmup=40),
    Target("panx", "panx", "f1", lr=3e-4, epochs=5),
    Target("udpos", "udpos", "accuracy", lr=3e-4, epochs=1),
    Target("xquad", "squad", "f1", lr=3e-4, epochs=1),
    Target("tydiqa", "tydiqa", "f1", lr=3e-4, epochs=1),
)
MARGIN = 3.0
"""Points within which two means over seeds count as equivalent: less than the effects that such excerpts can show."""

SENTENCES = ("premise", "hypothesis", "sentence1", "sentence2")
TYDIQA_ID = r"^(?P<language>[a-z]+)-"

Row = Mapping[str, Any]
Scores = Mapping[str, float]


def excerpt(source: Path, target: Path, rows: int, train_rows: int, fits: Callable[[Row], bool] | None = None) -> None:
    """Copies the data of the targets, with at most so many rows of a file (of XNLI and TyDiQA: of a language in it).

    With ``fits`` they are the first for which it is true, of four times as many.
    """
    files = [*source.glob("google/xtreme/**/*.parquet"), *source.glob("nyu-mll/glue/mnli/*.parquet")]
    for file in files:
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        count = train_rows if file.name.startswith("train") else rows
        if fits is None:
            table = _first(pq.read_table(file), count)
        else:
            table = _first(pq.read_table(file), 4 * count)
            table = table.filter(pa.array([fits(row) for row in table.to_pylist()], pa.bool_()))
            table = _first(table, count)
        pq.write_table(table, copy)


def one_row(model: Path) -> Callable[[Row], bool]:
    """For :func:`excerpt`: rows of data that neither side cuts or fills in, which they do each in its way."""
    tokenizer = AutoTokenizer.from_pretrained(model)

    def pieces(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def fits(row: Row) -> bool:
        if "context" in row:
            return (asked := pieces(row["question"])) <= 60 and asked + pieces(row["context"]) <= 375
        texts = row["tokens"] if "tokens" in row else [row[name] for name in SENTENCES if name in row]
        counts = [pieces(text) for text in texts]
        joined = any(mark in text for text in row.get("tokens", ()) for mark in " \u200c")  # which XTREME takes out
        return all(counts) and sum(counts) <= 120 and not joined

    return fits


def _first(table: pa.Table, rows: int) -> pa.Table:
    if "language" in table.column_names:
        languages = table["language"]
    elif "id" in table.column_names and pc.all(pc.match_substring_regex(table["id"], TYDIQA_ID)).as_py():
        languages = pc.struct_field(pc.extract_regex(table["id"], TYDIQA_ID), "language")
    else:
        return table.slice(0, rows)
    keep = []
    for name in pc.unique(languages).to_pylist():
        keep += pc.indices_nonzero(pc.equal(languages, name)).to_pylist()[:rows]
    return table.take(sorted(keep))


def by_harness(
    target: Target,
    model: str,
    data: Path,
    seed: int,
    out: Path,
    dtype: str,
    options: Mapping[str, object] | None = None,
    more: Sequence[str] = (),
) -> Scores:
    """The harness's scores by language; ``options`` are added to those of the comparison, ``more`` to the command."""
    folder = out / "harness" / f"{target.task}-{seed}"
    words = ["eval", "--task", target.task, "--dtype", dtype, "--stages", str(out / "stages"), *more]
    run = evaluated([*words, *_words(target, model, data, seed, options or {})], folder)
    languages = run.scores.tasks[target.task].metrics[target.metric].languages
    return {code: estimate.value for code, estimate in languages.items()}


def _words(target: Target, model: str, data: Path, seed: int, options: Mapping[str, object]) -> list[str]:
    """The words of a command that are the same for the training and the evaluation."""
    settings = {"lr": target.lr, "epochs": target.epochs, "batch": target.batch, "select": "last", "evaluate_every": 0}
    settings |= {"warmup_steps": target.warmup, "weight_decay": 0, **options}
    words = ["--model", model, "--data-dir", str(data), "--seed", str(seed)]
    return [*words, *(word for name, value in settings.items() for word in ("--set", f"{target.stage}.{name}={value}"))]


def by_trainer(
    target: Target, model: Path, data: Path, seed: int, out: Path, dtype: str, more: Sequence[object] = ()
) -> Scores:
    """The plain script's scores by language, from a process of its own that gets the words in ``more``, too."""
    answers = out / "trainer" / f"{target.task}-{seed}.json"
    if not answers.exists():
        answers.parent.mkdir(parents=True, exist_ok=True)
        settings = ["--lr", target.lr, "--epochs", target.epochs, "--batch", target.batch, "--warmup", target.warmup]
        command = [target.task, model, data, seed, answers, *settings, "--dtype", dtype, *more]
        words = [sys.executable, "-m", "benchmarks.peers.transfer", *map(str, command)]
        subprocess.run(words, check=True, env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"})
    found: Scores = json.loads(answers.read_text(encoding="utf-8"))
    return found


def without_chance(
    target: Target, model: Path, data: Path, seed: int, out: Path, dtype: str = "fp32"
) -> tuple[Scores, Scores]:
    """Scores of the harness and of the plain script from one fresh head, in one order of the same rows, without dropout."""
    calm = without_dropout(model, out / "model")
    return from_one_start(target, calm, data, seed, out, dtype, ["--keep", out / f"{target.task}-{seed}" / "trained"])


def from_one_start(
    target: Target, model: Path, data: Path, seed: int, out: Path, dtype: str, more: Sequence[object] = ()
) -> tuple[Scores, Scores]:
    """Scores of the harness and of the plain script from one fresh head, in one order of the same rows."""
    own = out / f"{target.task}-{seed}"
    # The script ends a sentence with one separator.
    rows = {"extra_separator": "false"} if target.stage in ("panx", "udpos") else {}
    ours = by_harness(target, str(model), data, seed, own, dtype, rows)
    unchanged = {**rows, "lr": 1e-30, "max_steps": 1}
    by_harness(target, str(model), data, seed, own / "start", dtype, unchanged, ["--limit", "1"])
    (start,) = (own / "start" / "stages").glob(f"{target.stage}-*")
    return ours, by_trainer(target, start, data, seed, own, dtype, ["--same-order", *more])


def without_dropout(model: Path, copy: Path) -> Path:
    """A copy of the model whose configuration has no dropout."""
    if not copy.exists():
        shutil.copytree(model, copy)
        file = copy / "config.json"
        settings = json.loads(file.read_text(encoding="utf-8"))
        settings |= {name: 0.0 for name in settings if "dropout" in name and isinstance(settings[name], float)}
        file.write_text(json.dumps(settings, indent=1), encoding="utf-8")
    return copy


@dataclass(frozen=True)
class Equivalence:
    """Difference of two means over seeds, its standard error, and what a test of equivalence says of it.

    ``p`` is the larger of the two one-sided p-values of a t-test (Schuirmann 1987): below 0.05 the means differ by less
    than the margin. ``detectable`` is the smallest margin that the test would confirm with a probability of 80% if there
    were no difference.
    """

    difference: float
    error: float
    p: float
    detectable: float


def equivalence(ours: Sequence[float], theirs: Sequence[float], margin: float, paired: bool = False) -> Equivalence:
    """Two one-sided tests of the means of two samples: Welch's, or of the differences of pairs."""
    difference = statistics.fmean(ours) - statistics.fmean(theirs)
    if paired:
        error = statistics.stdev(a - b for a, b in zip(ours, theirs, strict=True)) / len(ours) ** 0.5
        freedom = float(len(ours) - 1)
    else:
        parts = [statistics.variance(values) / len(values) for values in (ours, theirs)]
        error = sum(parts) ** 0.5
        terms = sum(part**2 / (len(values) - 1) for part, values in zip(parts, (ours, theirs), strict=True))
        freedom = sum(parts) ** 2 / terms if error else 1.0
    if error == 0:
        return Equivalence(difference, 0.0, float(abs(difference) >= margin), 0.0)
    below = stats.t.sf((difference + margin) / error, freedom)
    above = stats.t.cdf((difference - margin) / error, freedom)
    needed = stats.t.ppf(0.95, freedom) + stats.t.ppf(0.9, freedom)
    return Equivalence(difference, error, float(max(below, above)), float(needed * error))


def table(target: Target, ours: Sequence[Scores], theirs: Sequence[Scores], paired: bool) -> list[str]:
    """Rows of the page: every language, then the mean over them."""
    lines = []
    for code in sorted(ours[0]):
        each = [[scores[code] for scores in side] for side in (ours, theirs)]
        lines.append(f"| {target.task} | {code} | {_line(*each, paired)} |")
    means = [[statistics.fmean(scores[code] for code in ours[0]) for scores in side] for side in (ours, theirs)]
    lines.append(f"| **{target.task}** | **mean** | {_line(*means, paired)} |")
    return lines


def _line(ours: Sequence[float], theirs: Sequence[float], paired: bool) -> str:
    found = equivalence(ours, theirs, MARGIN, paired)
    shown = [f"{statistics.fmean(side):.1f} ± {statistics.stdev(side):.1f}" for side in (ours, theirs)]
    return f"{shown[0]} | {shown[1]} | {found.difference:+.1f} | {found.p:.3f} | {found.detectable:.1f}"


def same_order_table(tasks: Sequence[str], model: Path, data: Path, seed: int, out: Path, dtype: str) -> list[str]:
    """Rows of the page: scores by language from trainings without chance, side by side."""
    lines = ["| task | language | harness | Trainer | difference |", "|---|---|---:|---:|---:|"]
    for target in TARGETS:
        if target.task in tasks:
            ours, theirs = without_chance(target, model, data, seed, out, dtype)
            lines += [
                f"| {target.task} | {code} | {ours[code]:.2f} | {theirs[code]:.2f} | {ours[code] - theirs[code]:+.2f} |"
                for code in sorted(ours)
            ]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a transformers folder")
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/transfer"))
    parser.add_argument("--rows", type=int, default=200, help="test rows of each language")
    parser.add_argument("--train-rows", type=int, default=1000, help="rows of each training set")
    parser.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32", help="of both sides (bf16: autocast)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--tasks", nargs="+", default=[target.task for target in TARGETS])
    parser.add_argument(
        "--same-start", action="store_true", help="one fresh head and order of rows for both; dropout differs"
    )
    parser.add_argument("--same-order", action="store_true", help="nothing random on either side; the first seed only")
    args = parser.parse_args()
    data = args.out / f"data-{args.rows}-{args.train_rows}"
    if not data.exists():
        alike = args.same_start or args.same_order
        excerpt(args.data_dir, data, args.rows, args.train_rows, one_row(args.model) if alike else None)
    if args.same_order:
        print("\n".join(same_order_table(args.tasks, args.model, data, args.seeds[0], args.out, args.dtype)))
        return
    lines = [
        f"| task | language | harness | Trainer | difference | p, within {MARGIN:g} | detectable |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for target in TARGETS:
        if target.task not in args.tasks:
            continue
        if args.same_start:
            both = [from_one_start(target, args.model, data, seed, args.out, args.dtype) for seed in args.seeds]
            ours, theirs = [pair[0] for pair in both], [pair[1] for pair in both]
        else:
            ours = [by_harness(target, str(args.model), data, seed, args.out, args.dtype) for seed in args.seeds]
            theirs = [by_trainer(target, args.model, data, seed, args.out, args.dtype) for seed in args.seeds]
        lines += table(target, ours, theirs, args.same_start)
        (args.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
