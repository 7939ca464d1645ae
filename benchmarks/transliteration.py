"""Zero-shot transfer of an English model into other scripts, with and without a transliterating tokenizer.

Run from the root of the repository::

    python -m benchmarks.transliteration --model FOLDER --data-dir ../shared/data --out runs/transliteration

Both sides are trained on the same English rows from the same seeds; English scores tell whether training itself went
alike. A run that is already in --out is not made again. The table is written to transliteration.md there.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commands import evaluated

TABLES = "cyrl-latn,arab-latn,deva-latn"


@dataclass(frozen=True)
class Compared:
    """Scores of a language, one a seed, as the text is written and in Latin script."""

    language: str
    plain: Sequence[float]
    latin: Sequence[float]

    @property
    def row(self) -> str:
        """The means with their standard deviations over seeds, and the mean of the differences seed by seed."""
        gains = [after - before for before, after in zip(self.plain, self.latin, strict=True)]
        return f"| {self.language} | {spread(self.plain)} | {spread(self.latin)} | {spread(gains, sign='+')} |"


def spread(values: Sequence[float], sign: str = "") -> str:
    """``54.3 ± 1.2``: the mean and the standard deviation, which a single value lacks."""
    mean = f"{statistics.mean(values):{sign}.1f}"
    return f"{mean} ± {statistics.stdev(values):.1f}" if len(values) > 1 else mean


def compared(plain: Sequence[Mapping[str, float]], latin: Sequence[Mapping[str, float]]) -> list[Compared]:
    """The languages that all runs have scored, in the order of the first."""
    runs = [*plain, *latin]
    codes = [code for code in runs[0] if all(code in run for run in runs)]
    return [Compared(code, [run[code] for run in plain], [run[code] for run in latin]) for code in codes]


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains and scores what is not there yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="an English model with a fast tokenizer")
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--task", default="udpos[en,ru,hi,fa]")
    parser.add_argument("--split", default="dev", help="of the target languages (default: dev)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train-limit", type=int, default=400)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", default="3e-4")
    given = parser.parse_args(arguments)
    words = ["eval", "--model", given.model, "--data-dir", given.data_dir, "--task", given.task, "--split", given.split]
    words += ["--train-limit", str(given.train_limit), "--limit", str(given.limit)]
    for option in (
        f"max_steps={given.steps}",
        f"lr={given.lr}",
        f"batch={given.batch}",
        "warmup_ratio=0.1",
        "select=last",
    ):
        words += ["--set", option]
    scores: dict[str, list[Mapping[str, float]]] = {"plain": [], "latin": []}
    for seed in range(1, given.seeds + 1):
        for name, more in (("plain", []), ("latin", ["--set", f"transliterate={TABLES}"])):
            run = evaluated([*words, *more, "--set", f"seed={seed}"], given.out / f"{name}-{seed}")
            [task] = run.scores.tasks.values()
            languages = next(iter(task.metrics.values())).languages
            scores[name].append({code: estimate.value for code, estimate in languages.items()})
    rows = [each.row for each in compared(scores["plain"], scores["latin"])]
    head = ["| language | as it is written | in Latin script | difference |", "|---|---|---|---|"]
    table = "\n".join([*head, *rows])
    (given.out / "transliteration.md").write_text(f"{table}\n", encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
