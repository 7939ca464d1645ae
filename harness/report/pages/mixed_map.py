"""Heat maps of pairs of mixed languages: languages of first texts against languages of second ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.report.mixed_pairs import matrix_codes
from harness.report.names import task_name
from harness.report.pages.colour_scale import TaskScale
from harness.report.pages.score_map import HeatGrid, no_score, score_cell
from harness.results.run_view import RunView, language_of


def mixed_grids(runs: Sequence[RunView]) -> Iterator[HeatGrid]:
    """A map of each run and task with pairs of mixed languages: first languages against second ones.

    Its colours are those of the task's scores in one language.
    """
    for run in runs:
        for name in run.mixed_pairs:
            task, codes, scored = run.tasks[name], matrix_codes(run, name), run.mixed_cells(name)
            scale = TaskScale.of(runs, name)
            title = f"{task_name(name)}, pairs of mixed languages" + (f": {run.name}" if len(runs) > 1 else "")
            rows = []
            for first in codes:
                cells = []
                for second in codes:
                    names = (language_of(first).name, language_of(second).name)
                    where = f"{task_name(name)}\nfirst text {names[0]}, second text {names[1]}"
                    unit = scored.get((first, second))
                    cells.append(score_cell(task, where, unit, scale) if unit else no_score(where, "no score: failed"))
                rows.append((f"{language_of(first).name} {first}", tuple(cells)))
            yield HeatGrid(title, "language of the second text", "first text", tuple(codes), tuple(rows))
