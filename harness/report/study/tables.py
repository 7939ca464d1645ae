"""The tables of a study: its design, coverage, effects, scores by task and language, power, exclusions and costs.

A mean is shown only where it is over all that it should be over; elsewhere the table says what is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from statistics import fmean, stdev
from typing import Any

from harness.analysis.effects.findings import Effect, TextTable
from harness.analysis.effects.observations import DEGENERATE_MARGIN
from harness.core.counted import counted
from harness.core.safe_text import sanitise
from harness.report.names import task_name
from harness.report.search import search_table
from harness.report.study.content import Cost, StudyReport, StudyRun, StudyUnit, counts
from harness.report.table import DASH, Cell, Column, PageText, Table, Value, columns, number
from harness.results.run_view import language_of
from harness.scoring.scale import PERCENT, Scale, shown
from harness.types.studies import named_stages

_STATES = {"not reached": "not run yet", "missing": "no data", "failed": "failed"}


def design_tables(report: StudyReport) -> Iterator[Table]:
    """Hypotheses, arms, models and contrasts, as they are registered."""
    study = report.study
    if study.hypotheses:
        said = [(name, words(text)) for name, text in study.hypotheses.items()]
        yield _table("hypotheses", "Hypotheses", ["hypothesis", "in words"], said)
    rows: list[tuple[Cell, ...]] = [
        (
            arm.name,
            named_stages(arm.via),
            f"control of {arm.control_of}" if arm.control_of else "",
            words(_listed({**arm.settings, **arm.factors})),
            words(", ".join(arm.models) or "all"),
            words(arm.summary),
        )
        for arm in report.arms
    ]
    head = ["arm", "stages before the target", "role", "options and factors", "models", "summary"]
    yield _without_empty(_table("arms", "Arms", head, rows))
    rows = [
        (model, ", ".join(map(str, study.seeds_for(model))), words(_listed(study.model_factors.get(model, {}))))
        for model in study.models
    ]
    yield _without_empty(_table("models", "Models", ["model", "seeds", "factors"], rows))
    if study.contrasts:
        rows = [
            (
                contrast.name,
                contrast.hypothesis,
                f"{contrast.arm} − {contrast.against}",
                ", ".join(map(task_name, contrast.tasks)) or "all",
                "without English" if contrast.zero_shot else "with English",
                "primary" if contrast.primary else "secondary",
            )
            for contrast in study.contrasts
        ]
        head = ["contrast", "hypothesis", "difference", "tasks", "languages", "rank"]
        yield _without_empty(_table("contrasts", "Contrasts", head, rows))


def coverage_table(report: StudyReport) -> Table:
    """A row a model and arm: finished runs, and scored units of each task; plain and perturbed ones together."""
    found: dict[tuple[str, str, str], list[StudyUnit]] = {}
    for unit in report.units:
        found.setdefault((unit.run.model, unit.run.arm, unit.task), []).append(unit)
    rows: list[list[Cell]] = []
    for (model, arm), runs in report.cells().items():
        finished = [run for run in runs if run.state == "finished"]
        hint = "\n".join([f"{model}, {arm}", *(f"seed {run.seed}: {run.state}" for run in runs)])
        row: list[Cell] = [model, arm, _covered(len(finished), len(runs), hint)]
        for task in report.tasks:
            units = found.get((model, arm, task), [])
            row.append(
                _covered(*counts(units), _lacking(f"{model}, {arm}, {task_name(task)}", units)) if units else None
            )
        rows.append(row)
    head = columns("model", "arm", number("runs"), *(number(task_name(task)) for task in report.tasks))
    note = "scored units (a language of a run each) of those that the study has"
    return _table("coverage", "Coverage", head, rows, [note])


def lacking_table(report: StudyReport) -> Table:
    """Units without a score, and why: a row for what the same runs lack for the same reason.

    Wants of data are told by one reason a task, as each language has its own.
    """
    whole = {run: run.state in ("failed", "unreadable", "not started") for run in report.runs}
    found: dict[tuple[str, str, str], list[StudyUnit]] = {}
    for unit in report.units:
        if unit.observation is None and not whole[unit.run]:
            reason = "" if unit.state == "missing" else unit.reason
            found.setdefault((unit.task, unit.state, reason), []).append(unit)
    number_of = Counter(unit.run for unit in report.units)
    stopped: dict[tuple[str, str, str, str], list[StudyRun]] = {}
    for run in report.runs:
        if whole[run]:
            stopped.setdefault((run.state, run.reason, run.model, run.arm), []).append(run)
    rows: list[tuple[Cell, ...]] = [
        (_named(runs, report), state, sum(number_of[run] for run in runs), "all", words(reason))
        for (state, reason, _, _), runs in stopped.items()
    ]
    for (_, state, _), units in found.items():
        # the units that the same runs lack
        lacking: dict[tuple[str, str], list[StudyUnit]] = {}
        for unit in units:
            lacking.setdefault((unit.language, unit.perturbation), []).append(unit)
        alike: dict[tuple[StudyRun, ...], list[StudyUnit]] = {}
        for each in lacking.values():
            alike.setdefault(tuple(unit.run for unit in each), []).extend(each)
        for runs, each in alike.items():
            why = sanitise(each[0].reason, 200) or ("the run is not finished" if state == "not reached" else "")
            more = len({unit.reason for unit in each}) - 1
            why += f"; {more} more reasons like this" if more > 0 else ""
            rows.append((_named(runs, report), _STATES[state], len(each), words(_units(each)), words(why)))
    return _table("lacking", "Units without a score", ["run", "state", number("units"), "which", "why"], rows)


def _named(runs: Sequence[StudyRun], report: StudyReport) -> str:
    """The runs by name; of several models or arms the first ones, and how many more there are."""
    if len(runs) == len(report.runs) > 1:
        return "every run"
    cells: dict[str, list[str]] = {}
    for run in runs:
        cells.setdefault(f"{run.model}, {run.arm}", []).append(str(run.seed))
    name, seeds = next(iter(cells.items()))
    more = len(runs) - len(seeds)
    return f"{name}, {'seeds' if len(seeds) > 1 else 'seed'} {', '.join(seeds)}" + (f" and {more} more" if more else "")


def main_effects(report: StudyReport) -> list[Effect]:
    """The effects that stand for themselves: "mnli − none", and not "mnli − none, with English"."""
    names = tuple(f"{effect.name}, " for effect in report.findings.effects)
    return [effect for effect in report.findings.effects if not effect.name.startswith(names)]


def effects_table(report: StudyReport, effects: Sequence[Effect] | None = None) -> Table:
    """Effects, all by default, with their intervals, their p before and after the correction, and what they are over."""
    effects = report.findings.effects if effects is None else effects
    margins = list(dict.fromkeys(margin for effect in effects for margin in effect.equivalent))
    units = list(dict.fromkeys(effect.unit for effect in effects))
    rows: list[list[Cell]] = [
        [
            words(effect.name),
            effect.hypothesis,
            rank(report, effect),
            amount(effect, effect.estimate),
            amount(effect, effect.low),
            amount(effect, effect.high),
            effect.unit if len(units) > 1 else "",
            probability(effect.p),
            probability(effect.p_corrected),
            *(_shown_smaller(effect.equivalent.get(margin)) for margin in margins),
            _over(effect),
            effect.method,
            words("; ".join(effect.notes)),
        ]
        for effect in effects
    ]
    tested = [f"within ±{margin}" for margin in margins]
    numbers = columns(*map(number, ("estimate", "low", "high")), "unit", number("p"), number("p, Holm"), *tested)
    head = [*columns("effect", "hypothesis", "rank"), *numbers, *columns("over", "method", "notes")]
    notes = ["low and high: the 95% interval" + (f"; all in {units[0]}" if len(units) == 1 else "")]
    if any(effect.p_corrected is not None for effect in effects):
        notes.append("p, Holm: corrected over the primary effects (Holm 1979)")
    if margins:
        notes.append(
            'within ±m: "yes" where two one-sided tests at 5% show the effect to be smaller than m; '
            '"not shown" is no proof of a difference'
        )
    return _without_empty(_table("effects", "Effects", head, rows, notes))


def power_table(report: StudyReport) -> Table:
    """The smallest effect that the data of each could have found."""
    rows: list[list[Cell]] = [
        [
            words(effect.name),
            amount(effect, effect.detectable, signed=False),
            amount(effect, report.plan.detectable.get(effect.name), signed=False),
            amount(effect, (effect.high - effect.low) / 2, signed=False),
            _over(effect),
        ]
        for effect in main_effects(report)
        if effect.detectable is not None
    ]
    head = columns(
        "effect", number("smallest detectable"), number("as planned"), number("half width of the interval"), "over"
    )
    notes = ["smallest detectable: the true effect that these data find with 80% power, two-sided at 5%"]
    return _without_empty(_table("power", "Power", head, rows, notes))


def task_tables(report: StudyReport) -> Iterator[Table]:
    """Scores by task, over languages without English, then with it; mean and deviation over seeds."""
    yield _by_task(report, "by-task", "Scores by task, without English", english=False)
    yield _by_task(report, "by-task-with-english", "Scores by task, English among the languages", english=True)


def language_table(report: StudyReport) -> Table:
    """Scores by language: mean and deviation over the seeds that there are, whose number stands beside them."""
    rows: list[list[Cell]] = []
    for (model, arm, task), units in report.by_cell().items():
        for code in dict.fromkeys(unit.language for unit in units):
            own = [unit for unit in units if unit.language == code]
            values = [unit.score for unit in own if unit.score is not None]
            if values:
                done = f"{len(values)} of {len(own)}"
                rows.append([model, arm, task_name(task), language_of(code).name, code, over_seeds(values), done])
    head = columns("model", "arm", "task", "language", "code", number("score"), "seeds")
    return _table("by-language", "Scores by language", head, rows, ["mean ± standard deviation over seeds"])


def perturbed_table(report: StudyReport) -> Table:
    """Mean loss to each perturbation: the plain score minus the perturbed one over the units that have both."""
    kinds = list(dict.fromkeys(unit.perturbation for unit in report.units if unit.perturbation))
    plain = {(unit.run, unit.task, unit.language): unit.score for unit in report.units if not unit.perturbation}
    had = {(unit.task, unit.language, unit.perturbation) for unit in report.scored}
    rows: list[list[Cell]] = []
    for kind in kinds:
        for (model, arm, task), units in report.by_cell(perturbation=kind).items():
            units = [unit for unit in units if (task, unit.language, kind) in had]
            pairs = [(plain.get((unit.run, unit.task, unit.language)), unit.score) for unit in units]
            losses = [clean - score for clean, score in pairs if clean is not None and score is not None]
            if losses:
                lost: Cell = Value(fmean(losses)) if len(losses) == len(pairs) else None
                rows.append([model, arm, task_name(task), kind, lost, f"{len(losses)} of {len(pairs)}"])
    head = columns("model", "arm", "task", "perturbation", Column("loss", "number"), "units")
    return _table(
        "perturbed", "Losses to perturbed input", head, rows, ["points; a mean only where no unit is missing"]
    )


def searched_tables(report: StudyReport) -> list[Table]:
    """The searches for an option, where there were some."""
    return [search_table(report.searches)] if report.searches else []


def degenerate_table(report: StudyReport) -> Table:
    """The trainings that learned next to nothing, by their English dev scores."""
    found: dict[tuple[str, str], StudyUnit] = {}
    for unit in report.scored:
        if unit.observation is not None and unit.observation.degenerate:
            place = unit.run.name, unit.task
            found[place] = unit if unit.language == "en" else found.get(place, unit)
    rows: list[tuple[Cell, ...]] = []
    for (name, task), unit in found.items():
        seen = unit.observation
        assert seen is not None and seen.english_dev is not None and seen.chance is not None
        rows.append((name, task_name(task), Value(seen.english_dev), Value(seen.chance)))
    note = f"English dev under chance plus {DEGENERATE_MARGIN:g} points"
    return _table(
        "degenerate", "Degenerate trainings", ["run", "task", number("English dev"), number("chance")], rows, [note]
    )


def cost_table(costs: Sequence[Cost]) -> Table:
    """Time, tokens and operations that the study took, as its records say."""
    if len(costs) > 1:
        work = [cost.flops for cost in costs if cost.flops is not None]
        tokens = [cost.tokens for cost in costs if cost.tokens is not None]
        together = Cost("together", None, sum(cost.hours for cost in costs), sum(tokens) or None, sum(work) or None)
        costs = [*costs, together]
    rows: list[tuple[Cell, ...]] = [
        (
            cost.name,
            cost.count,
            plain_number(cost.hours, f"{cost.hours:.2f}" if cost.hours >= 0.1 else f"{cost.hours:.2g}"),
            cost.tokens,
            None if cost.flops is None else plain_number(cost.flops, f"{cost.flops:.2e}"),
        )
        for cost in costs
    ]
    head = columns("", number("number"), number("hours"), number("tokens"), number("FLOPs"))
    return _without_empty(_table("costs", "Costs", head, rows, ["a stage that several runs share is counted once"]))


def finding_table(table: TextTable) -> Table:
    """A table of an analysis; a column of numbers is aligned as one."""
    values = [[row[place] for row in table.rows if row[place] is not None] for place in range(len(table.head))]
    numeric = [bool(each) and all(map(_is_number, each)) for each in values]
    head = [number(name) if aligned else Column(name) for name, aligned in zip(table.head, numeric, strict=True)]
    return _table(table.name, table.title, head, [[_cell(value) for value in row] for row in table.rows])


def study_tables(report: StudyReport) -> list[Table]:
    """Every table that has rows, as the files of the study have them."""
    made = [
        *design_tables(report),
        coverage_table(report),
        lacking_table(report),
        effects_table(report),
        power_table(report),
        *task_tables(report),
        language_table(report),
        perturbed_table(report),
        *searched_tables(report),
        degenerate_table(report),
        *map(finding_table, report.findings.tables),
        cost_table(report.costs),
    ]
    return [table for table in made if table.rows]


def rank(report: StudyReport, effect: Effect) -> str:
    """``primary``, ``secondary``, or ``exploratory`` of what a frozen plan does not have."""
    if effect.name in report.plan.exploratory or any(note.startswith("exploratory") for note in effect.notes):
        return "exploratory"
    return "primary" if effect.primary else "secondary"


def amount(effect: Effect, value: float | None, *, signed: bool = True) -> Cell:
    """A number in the unit of an effect, with its sign."""
    if value is None or not isfinite(value):
        return None
    return plain_number(value, amount_text(effect, value, signed=signed))


def amount_text(effect: Effect, value: float, *, signed: bool = True) -> str:
    """Two decimals of points, three digits of anything else: ``+1.25``, ``−0.00312``; a dash for what is not finite."""
    if not isfinite(value):
        return DASH
    scale: Scale = PERCENT if effect.unit == "points" else "unbounded"
    return shown(value, scale, signed=signed, more=1 if scale == PERCENT else 0).replace("-", "−")


def interval_text(effect: Effect) -> str:
    """``−0.31 to +1.25``."""
    return " to ".join(amount_text(effect, end) for end in (effect.low, effect.high))


def words(text: str) -> Cell:
    """A text that may be long, which a page wraps."""
    return PageText(text, style="words") if len(text) > 40 else text


def probability(p: float | None) -> Cell:
    """A p-value: ``0.031``, ``< 0.001``."""
    return None if p is None else plain_number(p, "< 0.001" if p < 0.001 else f"{p:.3f}")


def plain_number(value: float, text: str) -> PageText:
    """A number with its text."""
    return PageText(text, order=repr(float(value)), number=float(value))


def over_seeds(values: Sequence[float]) -> Value:
    """Mean and standard deviation; a single seed has none."""
    return Value(fmean(values), stdev(values) if len(values) > 1 else None)


def _by_task(report: StudyReport, name: str, title: str, *, english: bool) -> Table:
    """The mean over the languages that any run has scored; the head of a task without some says how many these are."""
    cells = report.by_cell()
    had = {(unit.task, unit.language) for unit in report.scored if english or unit.language != "en"}
    every = {(unit.task, unit.language) for unit in report.units if english or unit.language != "en"}
    rows: list[list[Cell]] = []
    tasks = [task for task in report.tasks if any(task == of for of, _ in had)]
    for model, arm in report.cells():
        row: list[Cell] = [model, arm]
        for task in tasks:
            units = [unit for unit in cells.get((model, arm, task), ()) if (task, unit.language) in had]
            done, planned = counts(units)
            if done == planned and units:
                row.append(over_seeds(_seed_means(units)))
            elif done:
                row.append(
                    PageText(f"{done} of {planned}", style="part", order="-1e9", hint="units; not all, so no mean")
                )
            else:
                row.append(None)
        rows.append(row)
    heads = []
    for task in tasks:
        here, planned = (sum(of == task for of, _ in those) for those in (had, every))
        heads.append(number(task_name(task) + (f" ({here} of {planned} languages)" if here < planned else "")))
    notes = ["mean over languages; ± standard deviation over seeds"]
    if any(isinstance(cell, PageText) for row in rows for cell in row):
        notes.append('"n of m": units are missing, so there is no mean')
    return _table(name, title, ["model", "arm", *heads], rows if tasks else [], notes)


def _seed_means(units: Sequence[StudyUnit]) -> list[float]:
    """The mean over languages of each seed."""
    seeds: dict[int, list[float]] = {}
    for unit in units:
        if unit.score is not None:
            seeds.setdefault(unit.run.seed, []).append(unit.score)
    return [fmean(values) for values in seeds.values()]


def _covered(done: int, planned: int, hint: str) -> PageText:
    style = "up-1" if done == planned else "part" if done else "none"
    return PageText(f"{done} of {planned}", hint=hint, style=style, order=repr(done / max(planned, 1)))


def _lacking(where: str, units: Sequence[StudyUnit]) -> str:
    """The hint of a coverage cell: what is not there, and the first reasons."""
    lines = [where]
    found: dict[str, list[StudyUnit]] = {}
    for unit in units:
        if unit.observation is None:
            found.setdefault(_STATES[unit.state], []).append(unit)
    lines += [f"{state}: {_units(each)}" for state, each in found.items()]
    return "\n".join(lines if found else [*lines, "all there"])


def _units(units: Sequence[StudyUnit]) -> str:
    """``XNLI: de, sw; PAN-X: sw``, each once."""
    tasks: dict[str, dict[str, None]] = {}
    for unit in units:
        name = f"{task_name(unit.task)}~{unit.perturbation}" if unit.perturbation else task_name(unit.task)
        tasks.setdefault(name, {})[unit.language] = None
    return "; ".join(f"{task}: {', '.join(codes)}" for task, codes in tasks.items())


def _over(effect: Effect) -> str:
    """``1 task, 15 languages, 3 seeds``."""
    return ", ".join(counted(count, name.removesuffix("s")) for name, count in effect.counts.items())


def _shown_smaller(found: bool | None) -> str:
    return "" if found is None else "yes" if found else "not shown"


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {_factor(value)}" for name, value in values.items())


def _factor(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return (
        {True: "yes", False: "no", "": "none"}.get(value, str(value)) if isinstance(value, bool | str) else str(value)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, PageText):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return plain_number(value, shown(value, "unbounded").replace("-", "−")) if isfinite(value) else None
    return str(value)


def _table(
    name: str, title: str, head: Iterable[str | Column], rows: Sequence[Sequence[Cell]], notes: Sequence[str] = ()
) -> Table:
    return Table.of(title, head, rows, notes, name=name)


def _without_empty(table: Table) -> Table:
    """The table without the columns in which nothing stands."""
    kept = [place for place in range(len(table.columns)) if any(row[place] not in (None, "") for row in table.rows)]
    return Table(
        table.title,
        tuple(table.columns[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in table.rows),
        table.notes,
        table.name,
    )
