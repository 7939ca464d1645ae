"""Tables of a study and of its plan: arms, contrasts, costs, and the smallest effects that it can find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.pace import duration
from harness.report.table import Table, columns, detail, number
from harness.studies.study_power import CHANGED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.studies.study_cost import StudyCost
    from harness.studies.study_power import StudyPower
    from harness.types.studies import Study

_GIGA = 1e9


def arms_table(study: Study) -> Table:
    """A row an arm: its stages, what is set for it, and the arm that it is a control of."""
    rows = [
        (
            arm.name,
            " > ".join(arm.via) or "-",
            arm.control_of,
            _pairs(arm.settings),
            _pairs(arm.factors),
            "all" if not arm.models else f"{len(arm.models)} of {len(study.models)}",
            arm.summary,
        )
        for arm in study.arms
    ]
    head = columns(
        "arm", "stages", "control of", detail("options"), detail("factors"), detail("models"), detail("summary")
    )
    return Table.of("Arms", head, rows, name="arms")


def contrasts_table(study: Study) -> Table:
    """A row a contrast: the arms that it compares, on which tasks, and the hypothesis that it tests."""
    rows = [
        (
            each.name,
            each.arm,
            each.against,
            "primary" if each.primary else "secondary",
            each.hypothesis,
            ", ".join(each.tasks) or "all",
        )
        for each in study.contrasts
    ]
    return Table.of("Contrasts", ["contrast", "arm", "against", "test", "hypothesis", "tasks"], rows, name="contrasts")


def sizes_table(study: Study) -> Table:
    """A row a size: the models, arms and seeds that it has."""
    sized = [(size, study.at(size)) for size in study.sizes]
    rows = [
        (
            size,
            ", ".join(each.models),
            len(each.arms or each.via),
            len(each.contrasts),
            "/".join(dict.fromkeys(str(len(each.seeds_for(model))) for model in each.models)),
            each.benchmark or ", ".join(each.tasks),
        )
        for size, each in sized
    ]
    head = columns("size", "models", *map(number, ("arms", "contrasts", "seeds")), detail("scored on"))
    return Table.of("Sizes", head, rows, name="sizes")


def cost_table(cost: StudyCost) -> Table:
    """A row a model, and one for all: runs, stages that are trained once, operations, time and memory."""
    rows: list[tuple[Any, ...]] = [
        (
            each.model,
            _parameters(each.parameters),
            each.runs + each.search_runs,
            len(each.stages),
            each.trainings,
            _operations(each.training_operations),
            _operations(each.scoring_operations),
            duration(each.seconds) if each.seconds else "-",
            _gigabytes(each.memory),
        )
        for each in cost.models
    ]
    if len(rows) > 1:
        rows.append(
            (
                "all",
                "",
                sum(each.runs + each.search_runs for each in cost.models),
                sum(len(each.stages) for each in cost.models),
                sum(each.trainings for each in cost.models),
                _operations(cost.training_operations),
                _operations(cost.scoring_operations),
                duration(cost.seconds) if cost.seconds else "-",
                "",
            )
        )
    head = columns(
        "model",
        number("parameters", detail=True),
        *map(number, ("runs", "stages", "of", "training FLOPs", "scoring FLOPs", "time", "memory")),
    )
    return Table.of("Cost", head, rows, _cost_notes(cost), name="cost")


def power_table(power: StudyPower) -> Table:
    """A row a contrast: the smallest true difference that is found with 80% power, alone and after Holm at worst."""
    rows = [
        (
            each.contrast,
            "primary" if each.primary else "secondary",
            len(each.tasks),
            each.languages,
            each.seeds,
            f"{each.detectable:.2f}",
            f"{each.corrected:.2f}" if each.primary else "",
            ", ".join(f"±{margin}" for margin, shown in each.equivalent.items() if shown) or "none",
        )
        for each in power.contrasts
    ]
    tests = f"{power.primary} primary test{'s' * (power.primary != 1)}"
    notes = [
        f"points that are found with 80% power at 5%, alone and as the strictest of {tests} of Holm's; assumed standard "
        f"deviations: {power.language_sd:g} of gains over languages, {power.seed_sd:g} of scores over seeds "
        "(--language-sd, --seed-sd: those of a pilot)",
        "equivalence: the margins within which a true zero would be shown to be",
    ]
    head = columns(
        "contrast",
        "test",
        *map(number, ("tasks", "languages", "seeds", "detectable", "after Holm")),
        "equivalence",
    )
    return Table.of("Smallest effects", head, rows, notes, name="power")


def task_power_table(power: StudyPower) -> Table:
    """A row a task: the smallest difference of two systems that one of its test sets finds."""
    rows = [(each.task, each.languages, each.items, f"{each.detectable:.2f}") for each in power.tasks]
    notes = [f"in one language, where {CHANGED:.0%} of the answers differ between two systems"]
    head = columns("task", *map(number, ("languages", "items", "detectable")))
    return Table.of("Smallest differences in one language", head, rows, notes, name="units")


def _cost_notes(cost: StudyCost) -> list[str]:
    rates: dict[str, None] = {}
    for each in cost.models:
        if each.rate is not None:
            rates[each.rate.source] = None
    notes = [
        "stages: those that are trained, each once, of all that the runs need; time: on one device, at the rate that is "
        + "; ".join(rates or {"not known": None}),
        "memory: weights, gradients and optimizer of the stage that needs most, without activations",
    ]
    if not cost.measured:
        notes.append("numbers of rows are the official ones, their lengths assumed: --measure reads the data instead")
    return [*notes, *(f"not counted: {text}" for text in cost.unknown)]


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items() if value != "")


def _parameters(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.1f}M"


def _operations(count: float | None) -> str:
    return f"{count:.1e}" if count else "-"


def _gigabytes(count: float | None) -> str:
    return "?" if count is None else f"{count / _GIGA:.1f} GB"
