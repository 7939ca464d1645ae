"""Does a stage on an English task in between help? A table of targets by intermediate stages, over several seeds.

Run from the root of the repository::

    python -m benchmarks.stilts_study --data-dir ../shared/data --train-limit 300 --limit 50 --out runs/study

Every row is one run a seed: the model as it is, via single tasks, and via one multi-task stage ("mnli+squad"); the rows
share the trained stages. A cell is the mean of a task's main score over the languages that the data folder holds, then
the mean and the sample standard deviation over seeds; the first row is a model that always gives the most frequent
answer. A target is scored on its test split unless another is named (pawsx:dev). The same command again goes on where
it stopped.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness import HarnessError, evaluate
from harness.api import evaluate_seeds
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener

if TYPE_CHECKING:
    from harness.run import Run
    from harness.scoring.scores import TaskScore

VIA = ("none", "mnli", "squad", "hellaswag", "mnli+squad+hellaswag")
TARGETS = ("xnli", "pawsx:dev", "udpos", "panx", "xquad", "tydiqa", "tatoeba")


class StudyProgress(ProgressListener):
    """A line a training, so that a long study shows where it is."""

    def note(self, text: str) -> None:
        print(text, flush=True)


def scores(runs: Sequence[Run], target: str) -> list[TaskScore]:
    """A target's scores, one a seed."""
    task, _, split = target.partition(":")
    wanted = [run for run in runs if run.record["options"]["split"] == (split or "test")]
    return [run.scores.tasks[task] for run in wanted if task in run.scores.tasks]


def cell(runs: Sequence[Run], target: str) -> str:
    """Mean and standard deviation over seeds of a task's mean over the languages at hand."""
    values = [score.partial for score in scores(runs, target)]
    if not values:
        return "-"
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread}"


def table(rows: Mapping[str, Sequence[Run]], targets: Sequence[str]) -> str:
    """The study as a Markdown table."""
    lines = [f"| via | {' | '.join(targets)} |", f"|---|{'---:|' * len(targets)}"]
    lines += [f"| {name} | {' | '.join(cell(runs, target) for target in targets)} |" for name, runs in rows.items()]
    return "\n".join(lines)


def languages(runs: Sequence[Run], target: str) -> str:
    """Which languages stand behind a mean."""
    for score in scores(runs, target)[:1]:
        return f"{target} {' '.join(score.metrics[score.primary[0]].languages)}"
    return f"{target} none"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--data-dir", default="../shared/data")
    parser.add_argument("--out", type=Path, default=Path("runs/study"))
    parser.add_argument("--recipe", default="benchmarks/stilts_study.toml", help="name, or file.toml")
    parser.add_argument("--via", nargs="+", default=VIA, help="none, a task, or tasks joined by +")
    parser.add_argument("--targets", nargs="+", default=TARGETS, help="a task, or task:split")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--train-limit", type=int)
    parser.add_argument("--limit", type=int)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    plain = EvalOptions(
        recipe=args.recipe,
        data_dir=args.data_dir,
        offline=True,
        train_limit=args.train_limit,
        limit=args.limit,
        stages_dir=str(args.out / "stages"),
    )
    by_split: dict[str, list[str]] = {}
    for target in args.targets:
        task, _, split = target.partition(":")
        by_split.setdefault(split or "test", []).append(task)
    rows: dict[str, list[Run]] = {"(majority)": []}
    for split, tasks in by_split.items():
        options = replace(plain, split=split)
        rows["(majority)"].append(
            evaluate("baseline:majority", tasks, out=args.out / split / "majority", options=options)
        )
    for via in args.via:
        rows[via] = []
        for split, tasks in by_split.items():
            print(f"== via {via}, {split}", flush=True)
            options = replace(plain, split=split, via=() if via == "none" else (via,))
            rows[via] += evaluate_seeds(
                args.model, args.seeds, tasks, out=args.out / split / via, options=options, reporter=StudyProgress()
            )
        print(table(rows, args.targets), flush=True)
    print("\nlanguages: " + "; ".join(languages(rows[args.via[0]], target) for target in args.targets))
    failed = [f"{run.path}: {unit}" for runs in rows.values() for run in runs for unit in run.failed]
    if failed:
        raise HarnessError(f"{len(failed)} units failed: {', '.join(failed[:5])}")


if __name__ == "__main__":
    main()
