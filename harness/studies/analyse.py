"""The analysis of a study: its runs become observations, these become findings, and the findings become files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from shlex import join, quote
from typing import TYPE_CHECKING, Any

from harness.analysis.effects import resample
from harness.analysis.effects.findings import Effect, Findings
from harness.analysis.effects.study_arms import contrasts_of
from harness.core.border import border
from harness.core.errors import DataError, PluginError
from harness.core.files import write_atomic
from harness.core.version import __version__
from harness.registry.registry import load_part
from harness.report.study.content import PlanState, StudyReport, StudyUnit
from harness.report.study.figures import study_figures
from harness.report.study.files import all_charts, file_stems, results_jsonl, stats, stats_json, table_files, unit_rows
from harness.report.study.page import study_page
from harness.report.study.tables import effects_table, main_effects
from harness.report.table import Table
from harness.runs.record import git_state
from harness.studies.collect import Collected, arms_of, collect, costs, searches
from harness.studies.grid import StudyFolders, cells
from harness.studies.plan import (
    Plan,
    deviations,
    exploratory_contrasts,
    frozen_plan,
    is_exploratory,
    with_frozen_distances,
)
from harness.studies.search import RECIPE
from harness.types.options import EvalOptions
from harness.types.studies import NO_STAGES, Study

if TYPE_CHECKING:
    from pandas import DataFrame

    from harness.registry.registry import Registry

ANALYSIS = "analysis"
"""The folder of an analysis, in that of its study."""
PAGE = "index.html"
STATS = "stats.json"
DEFAULT = "harness.analysis.effects.contrasts:analyse"
"""The analysis of a study that names none."""
FIGURE_TYPES = ("pdf", "svg")
_MOST_COMMANDS = 5
"""Commands that the page lists, of the runs of a study that was made in many parts."""


@dataclass(frozen=True)
class StudyAnalysis:
    """The analysis of a study: what was found, and the folder that it was written into."""

    path: Path
    report: StudyReport

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The effects, primary ones first."""
        return self.report.findings.effects

    @property
    def conclusions(self) -> tuple[str, ...]:
        """The answers in words."""
        return self.report.findings.conclusions

    @property
    def complete(self) -> bool:
        """Tells whether every run is finished and every unit has its score."""
        return self.report.complete

    @property
    def page(self) -> Path:
        """The page to read."""
        return self.path / PAGE

    def table(self) -> Table:
        """The effects that stand for themselves as a table; variants of them are in ``effects``."""
        return effects_table(self.report, main_effects(self.report))

    def to_dict(self) -> dict[str, Any]:
        """The content of ``stats.json``."""
        return stats(self.report)

    def to_pandas(self) -> DataFrame:
        """The content of ``results.jsonl``: a row a unit of the design, scored or not."""
        from pandas import DataFrame

        return DataFrame(list(unit_rows(self.report)))


def analyse_folders(
    study: Study,
    folders: StudyFolders,
    registry: Registry,
    size: str = "",
    factors: Mapping[tuple[str, str, int], Mapping[str, Any]] = {},
) -> StudyAnalysis:
    """Analyses a study (at one of its sizes) by its runs, and writes ``analysis`` into its own folder.

    ``factors`` are more of them for the observations of single runs, by model, arm and seed: what was measured of them.
    Runs may be missing; what cannot be said without them is not said. The page is written last, each file as a whole or
    not at all. Without matplotlib there are no figures. Raises DataError where no run has begun, PluginError where the
    study's analysis fails.
    """
    collected = collect(study, folders.runs, registry)
    if not collected.views and not any(run.state == "unreadable" for run in collected.runs):
        raise DataError(
            f"{folders.runs}: no run of the study {study.name!r}",
            hint=f"harness study run {study.name}{f' --size {size}' if size else ''} makes them; --out names another folder",
        )
    plan = frozen_plan(folders.own)
    study = with_frozen_distances(study, plan)
    state = _plan_state(plan, study, folders, collected, registry)
    compared = _compared(study, state)
    units = tuple(_marked(_with_factors(unit, factors), plan, study) for unit in collected.units)
    arms = {arm.name for arm in compared.arms}  # runs with the recipe's own value, beside a search, are in none
    observations = [unit.observation for unit in units if unit.observation and unit.run.arm in arms]
    report = StudyReport(
        study=compared,
        arms=compared.arms,
        size=size,
        folder=str(folders.runs),
        runs=collected.runs,
        units=units,
        findings=_findings(compared, observations),
        plan=state,
        costs=tuple(costs(collected)),
        searches=searches(folders.runs),
        versions=_versions(collected),
        commands=tuple(_commands(study, size, collected, registry, frozen=plan is not None)),
        titles=registry.titles(),
    )
    out = folders.own / ANALYSIS
    _write(report, out)
    return StudyAnalysis(out, report)


def _findings(study: Study, observations: Sequence[Any]) -> Findings:
    """The findings of the study's analysis; none where there is no score yet."""
    if not observations:
        return Findings((), (), (), (), ("no unit has been scored yet",))
    analyse = load_part(replace(study, analysis=study.analysis or DEFAULT), "analysis")
    with border(f"plugin {study.provider}: study {study.name!r}: analysis", PluginError):
        found = analyse(study, observations)
    if not isinstance(found, Findings):
        raise PluginError(
            f"plugin {study.provider}: study {study.name!r}: analysis: it returned {type(found).__name__}, not Findings"
        )
    return found


def _compared(study: Study, plan: PlanState) -> Study:
    """The study as it is analysed.

    A study that names sequences of stages gets arms, and one without contrasts those that it is analysed by. A contrast
    that the frozen plan does not have is not primary.
    """
    named = replace(study, arms=arms_of(study))
    contrasts = (
        replace(each, primary=each.primary and each.name not in plan.exploratory) for each in contrasts_of(named, ())
    )
    return replace(named, contrasts=tuple(contrasts))


def _with_factors(unit: StudyUnit, factors: Mapping[tuple[str, str, int], Mapping[str, Any]]) -> StudyUnit:
    own = factors.get((unit.run.model, unit.run.arm, unit.run.seed))
    if unit.observation is None or not own:
        return unit
    seen = unit.observation
    return replace(unit, observation=replace(seen, factors={**seen.factors, **own}))


def _marked(unit: StudyUnit, plan: Plan | None, study: Study) -> StudyUnit:
    """The unit with its observation marked as exploratory where the frozen plan does not have it."""
    if unit.observation is None or plan is None:
        return unit
    seen = unit.observation
    arm = seen.arm.removesuffix(f"@{RECIPE}")
    beyond = is_exploratory(
        plan,
        study,
        model=seen.model,
        arm="" if arm == NO_STAGES and not study.arms else arm,
        seed=seen.seed,
        task=seen.task,
        language=seen.language,
        perturbation=seen.perturbation,
    )
    return replace(unit, observation=replace(seen, exploratory=beyond))


def _plan_state(
    plan: Plan | None, study: Study, folders: StudyFolders, collected: Collected, registry: Registry
) -> PlanState:
    """The frozen plan and what differs from it, also that it was frozen after a run had begun."""
    if plan is None:
        return PlanState()
    grid = list(cells(study, folders.runs, _limits(collected)))
    changes = deviations(plan, study, grid, registry)
    begun = min((view.record["created"] for view in collected.views.values()), default="")
    if begun and datetime.fromisoformat(begun) < datetime.fromisoformat(plan.frozen):
        changes.insert(0, f"the plan was frozen on {plan.frozen}, after the first run had begun on {begun}")
    power = plan.content.get("power") or {}
    detectable = {each["contrast"]: each["detectable"] for each in power.get("contrasts", ())}
    return PlanState(plan.sha256, plan.frozen, tuple(changes), tuple(exploratory_contrasts(plan, study)), detectable)


def _limits(collected: Collected) -> EvalOptions:
    """The limits that all runs were given on the command line, or by the study."""
    options = [view.record["options"] for view in collected.views.values()]
    limits = {each.get("limit") for each in options}
    train_limits = {each.get("train_limit") for each in options}
    return EvalOptions(
        limit=limits.pop() if len(limits) == 1 else None,
        train_limit=train_limits.pop() if len(train_limits) == 1 else None,
    )


def _versions(collected: Collected) -> dict[str, str]:
    """Versions of what computed the runs and the statistics; several side by side where runs differ."""
    found: dict[str, dict[str, None]] = {}
    for view in collected.views.values():
        record = view.record
        harness = record["harness"]
        git = harness.get("git")
        state = f" ({git['commit'][:12]}{', changed' if git['dirty'] else ''})" if git else ""
        found.setdefault("harness of the runs", {})[harness["version"] + state] = None
        environment = record["environment"]
        found.setdefault("Python", {})[str(environment.get("python"))] = None
        for name, version in environment.get("packages", {}).items():
            if version and name in ("torch", "transformers", "tokenizers", "numpy"):
                found.setdefault(name, {})[version] = None
        options = record["options"]
        where = ", ".join(str(options[name]) for name in ("device", "dtype") if options.get(name))
        found.setdefault("computed on", {})[where] = None
    versions = {name: "; ".join(values) for name, values in found.items()}
    git = git_state()
    state = f" ({git['commit'][:12]}{', changed' if git['dirty'] else ''})" if git else ""
    bootstrap = f"{resample.DRAWS:,} draws, seed {resample.SEED}"
    return {**versions, "harness of the analysis": __version__ + state, "bootstrap": bootstrap}


def _commands(study: Study, size: str, collected: Collected, registry: Registry, *, frozen: bool) -> Iterator[str]:
    """The commands that make everything again: those that the runs were made with, as far as they say so."""
    files = [Path(plugin.path).name for plugin in registry.plugins() if plugin.kind == "file" and plugin.path]
    start = " ".join(["harness", *(f"--plugin {quote(name)}" for name in files), "study"])
    of = f"{study.name} --size {size}" if size else study.name
    yield f"{start} plan {of}" + (" --freeze" if frozen else "")
    sessions = (each for view in collected.views.values() for each in view.record.get("sessions", ()))
    given = dict.fromkeys(join(each["command"]) for each in sessions)
    made = [command for command in given if " study run " in f"{command} "]
    yield from made[:_MOST_COMMANDS] or [f"{start} run {of}"]
    yield f"{start} analyse {of}"


def _write(report: StudyReport, out: Path) -> None:
    """Writes all files, what the reader opens first last, and removes those of an earlier analysis that are no more."""
    written = []

    def write(name: str, content: str | bytes) -> None:
        write_atomic(out / name, content)
        written.append(name)

    for name, text in table_files(report):
        write(f"tables/{name}", text)
    if find_spec("matplotlib") is not None:
        charts = all_charts(report)
        charts = [
            replace(chart, name=stem) for chart, stem in zip(charts, file_stems(c.name for c in charts), strict=True)
        ]
        for type in FIGURE_TYPES:
            for figure in study_figures(charts, report.study.margins, type):
                write(f"figures/{figure.name}.{type}", figure.content)
    write("results.jsonl", results_jsonl(report))
    write(STATS, stats_json(report))
    write(PAGE, study_page(report))
    for kind, endings in (("tables", ("md", "csv", "tex")), ("figures", FIGURE_TYPES)):
        for path in (path for ending in endings for path in (out / kind).glob(f"*.{ending}")):
            if f"{kind}/{path.name}" not in written:
                path.unlink(missing_ok=True)
