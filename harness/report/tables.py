"""The tables of a report: overview, tasks, transfer gaps, languages, scripts, families, resource classes, differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import fmean

from harness.analysis.differences import Differences, common_codes
from harness.report.robustness import perturbed
from harness.report.table import Cell, Table, Value, table
from harness.results.run_view import RunView, TaskView, language_of, sort_codes
from harness.runs.identity import same_but_for_the_seed

_CLASSES = {0: "left-behinds", 1: "scraping-bys", 2: "hopefuls", 3: "rising stars", 4: "underdogs", 5: "winners"}
"""Names of the resource classes (Joshi et al. 2020, table 1)."""

_DAGGER = "† not every language of the benchmark was scored: no benchmark score"

Grouping = Callable[[str], str]
GROUPINGS: dict[str, Grouping] = {
    "script": lambda code: language_of(code).script,
    "family": lambda code: language_of(code).family,
    "resource class": lambda code: resource_class(language_of(code).resource_class),
}
"""What languages are grouped by, besides standing for themselves."""


def resource_class(number: int | None) -> str:
    """ "5 (winners)"; "unknown" where the language has no class."""
    return "unknown" if number is None else f"{number} ({_CLASSES.get(number, '')})"


def all_tables(systems: Sequence[RunView], compared: Sequence[Differences]) -> list[Table]:
    """Every table of the report, in its order."""
    return [
        overview(systems),
        by_task(systems, compared),
        transfer_gap(systems),
        *matrices(systems, compared),
        *perturbed(systems),
        *over_seeds(systems),
    ]


def overview(systems: Sequence[RunView]) -> Table:
    """A row a run: what it is, the overall score, the groups."""
    groups = list(dict.fromkeys(group for system in systems for group in system.groups))
    seeded = len({system.seed for system in systems}) > 1
    rows: list[list[Cell]] = []
    for system in systems:
        scored = sum(len(task.units) for task in system.tasks.values())
        failed = len(system.record["failed"])
        lacking = sum(len(task.missing) for task in system.tasks.values()) - failed
        rows.append(
            [
                system.name,
                system.model,
                *([str(system.seed)] if seeded else []),
                scored,
                max(lacking, 0),
                failed,
                None if system.overall is None else Value(system.overall, half=system.overall_half_width),
                *(_value(system.groups.get(group)) for group in groups),
            ]
        )
    columns = ["run", "model", *(["seed"] if seeded else []), "scored", "missing", "failed", "overall", *groups]
    incomplete = any(system.overall is None and system.record["benchmark"] for system in systems)
    notes = ["an overall score or a group needs every task and language of the benchmark"] if incomplete else []
    return table("overview", "Runs", columns, rows, notes)


def by_task(systems: Sequence[RunView], compared: Sequence[Differences]) -> Table:
    """A row a task: one run in detail, or several side by side over their common languages."""
    return _one(systems[0]) if len(systems) == 1 else _side_by_side(systems, compared)


def _one(system: RunView) -> Table:
    rows: list[list[Cell]] = []
    for task in system.tasks.values():
        total = len(task.units) + len(task.missing)
        gap, mean = task.gap(), task.mean()
        worst = min(task.units, key=lambda code: task.units[code].score.value) if len(task.units) > 1 else ""
        rows.append(
            [
                task.name,
                f"{len(task.units)}/{total}",
                None if mean is None else Value(mean, half=task.half_width, mark=_dagger(task)),
                None if gap is None else Value(gap.points, mark=_dagger(task)),
                f"{worst} {task.units[worst].score.value:.1f}" if worst else "",
                _metrics(task),
            ]
        )
    columns = ["task", "languages", "score", "transfer gap", "worst language", "metric"]
    notes = ["± half of the 95% interval"] if any(task.half_width is not None for task in system.tasks.values()) else []
    notes += [_DAGGER] if any(not task.complete for task in system.tasks.values()) else []
    return table("by-task", "Scores by task (mean over languages)", columns, rows, notes)


def _side_by_side(systems: Sequence[RunView], compared: Sequence[Differences]) -> Table:
    rows: list[list[Cell]] = []
    notes = ["means over the languages in which all runs took the same test"]
    for name in _tasks(systems):
        codes = common_codes(systems, name)
        views = [system.tasks.get(name) for system in systems]
        partial = any(view is None or len(codes) < len(view.units) + len(view.missing) for view in views)
        mark = "†" if partial else ""
        means = [view.mean(codes) if view is not None and codes else None for view in views]
        rows.append(
            [
                name,
                len(codes),
                *(None if mean is None else Value(mean, mark=mark) for mean in means),
                *(
                    None if mean is None or means[0] is None else Value(mean - means[0], mark=c.mark(name), signed=True)
                    for mean, c in zip(means[1:], compared, strict=True)
                ),
            ]
        )
        if partial and _DAGGER not in notes:
            notes.append(_DAGGER)
    columns = ["task", "languages", *(system.name for system in systems), *(_delta(c, compared) for c in compared)]
    return table("by-task", "Scores by task, side by side", columns, rows, [*notes, *_difference_notes(compared)])


def transfer_gap(systems: Sequence[RunView]) -> Table:
    """English minus the mean of the other languages, by task and run."""
    several = len(systems) > 1
    rows: list[list[Cell]] = []
    incomplete = False
    for name in _tasks(systems):
        for system in systems:
            task = system.tasks.get(name)
            gap = task.gap() if task else None
            if task and gap:
                mark = _dagger(task)
                incomplete |= bool(mark)
                cells: list[Cell] = [Value(gap.english), Value(gap.others), Value(gap.points, mark=mark)]
                rows.append([name, *([system.name] if several else []), *cells])
    columns = ["task", *(["run"] if several else []), "English", "other languages", "gap"]
    return table(
        "transfer-gap",
        "Transfer gap (English minus the mean of the other languages)",
        columns,
        rows,
        [_DAGGER] if incomplete else [],
    )


def matrices(systems: Sequence[RunView], compared: Sequence[Differences]) -> Iterator[Table]:
    """Language, script, family and resource class against task: each run, then each difference."""
    codes = sort_codes({code for system in systems for task in system.tasks.values() for code in task.units})
    for kind in ("language", *GROUPINGS):
        groups = {code: [code] for code in codes} if kind == "language" else group_codes(codes, GROUPINGS[kind])
        slug = kind.replace(" ", "-")
        for system in systems:
            suffix = f": {system.name}" if len(systems) > 1 else ""
            tasks = [name for name, task in system.tasks.items() if task.units]
            shown = {
                label: members
                for label, members in groups.items()
                if any(code in system.tasks[name].units for name in tasks for code in members)
            }
            rows = [
                [*_label(kind, label, members), *(_cell(system.tasks[name], kind, members) for name in tasks)]
                for label, members in shown.items()
            ]
            notes = ["± half of the 95% interval"] if kind == "language" else ["means over the group's languages"]
            yield table(f"by-{slug}", f"Scores by {kind}{suffix}", [*_head(kind), *tasks], rows, notes)
        for difference in compared:
            yield _difference_matrix(kind, slug, groups, difference)


def group_codes(codes: Iterable[str], key: Grouping) -> dict[str, list[str]]:
    """Languages by group: resource classes from high to low, other groups from large to small."""
    groups: dict[str, list[str]] = {}
    for code in codes:
        groups.setdefault(key(code), []).append(code)
    ranked = key is GROUPINGS["resource class"]
    order = sorted(groups, reverse=True) if ranked else sorted(groups, key=lambda name: (-len(groups[name]), name))
    return {name: groups[name] for name in sorted(order, key=lambda name: name == "unknown")}


def over_seeds(systems: Sequence[RunView]) -> Iterator[Table]:
    """Mean and standard deviation of runs that differ in nothing but their seed."""
    families: dict[str, list[RunView]] = {}
    for system in systems:
        families.setdefault(repr(same_but_for_the_seed(system.record)), []).append(system)
    several = {key: members for key, members in families.items() if len({m.seed for m in members}) > 1}
    if not several:
        return
    names = _tasks(systems)
    rows: list[list[Cell]] = []
    for members in families.values():
        means = [
            [m.tasks[name].mean(common_codes(members, name)) if name in m.tasks else None for m in members]
            for name in names
        ]
        overall = _over([member.overall for member in members])
        rows.append([members[0].model, len(members), overall, *(_over(values) for values in means)])
    notes = ["mean ± standard deviation over seeds", "a single seed has no deviation"]
    yield table("seeds", "Over seeds", ["model", "seeds", "overall", *names], rows, notes)


def _over(values: Sequence[float | None]) -> Cell:
    present = [value for value in values if value is not None]
    if not present or len(present) < len(values):
        return None
    mean = fmean(present)
    if len(present) == 1:
        return Value(mean)
    return Value(mean, half=(sum((value - mean) ** 2 for value in present) / (len(present) - 1)) ** 0.5)


def _difference_matrix(kind: str, slug: str, groups: Mapping[str, list[str]], difference: Differences) -> Table:
    def cell(task: str, members: list[str]) -> Cell:
        values = [difference.units[task, code] for code in members if (task, code) in difference.units]
        mark = difference.mark(task, members[0]) if kind == "language" else ""
        return Value(fmean(values), mark=mark, signed=True) if values else None

    tasks = list(difference.tasks)
    rows = [
        [*_label(kind, label, members), *(cell(task, members) for task in tasks)] for label, members in groups.items()
    ]
    rows = [row for row in rows if any(isinstance(value, Value) for value in row)]
    title = f"Differences by {kind}: {difference.other} minus {difference.reference}"
    notes = _difference_notes([difference]) if kind == "language" else ["means over the group's common languages"]
    return table(f"differences-by-{slug}", title, [*_head(kind), *tasks], rows, notes)


def _difference_notes(compared: Sequence[Differences]) -> list[str]:
    notes = []
    for difference in compared:
        if difference.significant is not None:
            notes.append(f"* significant ({difference.test})")
        elif difference.reason:
            notes.append(f"{difference.other}: {difference.reason}")
        if difference.unlike:
            notes.append(f"not compared, as they are not the same test: {'; '.join(difference.unlike[:20])}")
    return list(dict.fromkeys(notes))


def _delta(difference: Differences, compared: Sequence[Differences]) -> str:
    return "difference" if len(compared) == 1 else f"{difference.other} − {difference.reference}"


def _head(kind: str) -> list[str]:
    return ["language", "name"] if kind == "language" else [kind, "languages"]


def _label(kind: str, label: str, members: list[str]) -> list[Cell]:
    if kind == "language":
        return [label, language_of(label).name]
    shown = " ".join(members)
    return [label, shown if len(shown) <= 30 else f"{len(members)} languages"]


def _cell(task: TaskView, kind: str, members: list[str]) -> Cell:
    scored = [code for code in members if code in task.units]
    if not scored:
        return None
    if kind != "language":
        return _value(task.mean(scored))
    score = task.units[scored[0]].score
    return Value(score.value, half=score.half_width)


def _tasks(systems: Sequence[RunView]) -> list[str]:
    return list(dict.fromkeys(name for system in systems for name, task in system.tasks.items() if task.units))


def _metrics(task: TaskView) -> str:
    """What the score is: the name of the metric, or the names and means of those it is the mean of."""
    if len(task.primary) == 1 or not task.units:
        return " ".join(task.primary)
    means = {name: fmean(unit.metrics[name].value for unit in task.units.values()) for name in task.primary}
    return ", ".join(f"{name} {mean:.1f}" for name, mean in means.items())


def _dagger(task: TaskView) -> str:
    return "" if task.complete else "†"


def _value(value: float | None) -> Cell:
    return None if value is None else Value(value)
