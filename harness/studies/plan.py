"""Frozen plans: what a study was to be before it was run, sealed, and what differs from it afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.clock import now
from harness.core.damage import Damaged
from harness.core.errors import DataError, UsageError
from harness.core.files import write_atomic
from harness.core.sealed import FIELD, read_sealed, sealed
from harness.core.version import FIRST_PARTY, __version__
from harness.models.reference import parse_model
from harness.registry.select import select
from harness.runs.record import git_state
from harness.studies.search import RECIPE
from harness.training.recipes import find_recipe
from harness.types.options import EvalOptions
from harness.types.plain import to_plain
from harness.types.studies import Arm, Study
from harness.types.units import CHECKLIST, MIXED_PAIRS

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.studies.grid import Cell
    from harness.studies.study_power import StudyPower

FILE = "plan.json"
SCHEMA = "harness-plan/1"
RULES = {
    "degenerate": "a run whose English dev score is below chance plus 5 points: kept in the primary analysis, dropped in "
    "the robustness analysis, counted as an outcome",
    "same_source": "targets that share training data with an intermediate task of an arm: left out of primary means, shown "
    "apart",
    "other": "nothing else is dropped",
    "correction": "Holm over the primary tests",
}
"""Rules of exclusion and correction that hold for every study."""
_DESCRIBES = (
    *("name", "version", "provider", "summary", "source", "question", "sizes"),
    *("models", "arms", "contrasts", "seeds", "seeds_of"),
)
"""Fields of a study that are compared by themselves, or that only describe it."""
_NEWER = ("mixed_pairs", "checklist", "distances")
"""Fields that a plan has only where they are set, so that plans frozen before there were any stay the same."""
_NEWER_OF_ARMS = ("train_on", "test_on", "tasks")
"""Such fields of an arm; in the cells of a plan, ``train_on`` and ``test_on`` are those of the runs."""
_CELL = ("limit", "train_limit", "perturb", "overrides", "recipe", "via", "split")
"""Options of a run that the plan holds."""


@dataclass(frozen=True)
class Plan:
    """A frozen plan: its ``content``, and the checksum and the time that it was sealed with."""

    content: Mapping[str, Any]
    sha256: str

    @property
    def frozen(self) -> str:
        """The time at which it was frozen."""
        return str(self.content["frozen"])

    @property
    def arms(self) -> dict[str, dict[str, Any]]:
        """The arms by name."""
        return {arm["name"]: arm for arm in self.content["arms"]}

    @property
    def seeds(self) -> dict[str, list[int]]:
        """The seeds of each model."""
        return {model: list(seeds) for model, seeds in self.content["seeds"].items()}


def plan_content(study: Study, size: str | None, cells: Sequence[Cell], registry: Registry) -> dict[str, Any]:
    """Everything that decides the results of a study and how they are analysed, as plain values."""
    units: dict[str, list[str]] = {}
    for unit in select(registry, study.benchmark or None, study.tasks, study.languages):
        units.setdefault(unit.task, []).append(unit.language)
    recipes = [find_recipe(study.recipe, registry, parse_model(model)) for model in study.models]
    content = {
        "schema": SCHEMA,
        "study": study.name,
        "size": size or "",
        "version": study.version,
        "question": study.question,
        "fields": {
            field.name: to_plain(getattr(study, field.name))
            for field in fields(study)
            if field.name not in _DESCRIBES and (field.name not in _NEWER or getattr(study, field.name))
        },
        "arms": [_arm(arm) for arm in study.arms],
        "contrasts": [to_plain(contrast) for contrast in study.contrasts],
        "seeds": {model: study.seeds_for(model) for model in study.models},
        "tasks": {
            name: {"version": registry.task(name).version, "metric": registry.task(name).metric, "languages": codes}
            for name, codes in units.items()
        },
        "recipes": {
            recipe.name: {key: value for key, value in to_plain(recipe).items() if key != "provider"}
            for recipe in recipes
        },
        "rules": RULES,
        "primary_tests": study.primary_tests,
        "cells": [_cell(cell) for cell in cells],
        "harness": {"version": __version__, "git": git_state()},
        "plugins": _plugins(registry),
    }
    return json.loads(json.dumps(content))  # type: ignore[no-any-return]


def freeze(content: Mapping[str, Any], folder: Path, power: StudyPower) -> Plan:
    """Writes a plan, with the power that it has, into a study's own folder; one that says the same is left as it is.

    UsageError where another plan was frozen there, saying what differs.
    """
    known = frozen_plan(folder)
    if known is not None:
        if changes := list(_changes(known.content, content)):
            more = f" (and {len(changes) - 3} more)" if len(changes) > 3 else ""
            raise UsageError(
                f"{folder / FILE}: another plan was frozen here on {known.frozen}: {'; '.join(changes[:3])}{more}",
                hint="a frozen plan is never changed: what is not in it is exploratory. --out FOLDER freezes this one there",
            )
        return known
    write_atomic(
        folder / FILE, json.dumps(sealed({**content, "power": to_plain(power), "frozen": now()}), indent=1) + "\n"
    )
    found = frozen_plan(folder)
    assert found is not None
    return found


def frozen_plan(folder: Path) -> Plan | None:
    """The plan that was frozen in a study's own folder; None where none was. DataError for one that was changed since."""
    path = folder / FILE
    if not path.exists():
        return None
    hint = "a frozen plan cannot be edited; put back the file as it was frozen"
    try:
        content = read_sealed(path)
        checksum = json.loads(path.read_bytes())[FIELD]
    except Damaged as damage:
        raise DataError(f"{damage}", hint=hint) from None
    except KeyError:
        raise DataError(f"{path}: it has no checksum, so that it was not frozen", hint=hint) from None
    if content.get("schema") != SCHEMA:
        raise DataError(
            f"{path}: schema {content.get('schema')!r}, {SCHEMA!r} expected", hint="another version wrote it?"
        )
    return Plan(content, checksum)


def with_frozen_distances(study: Study, plan: Plan | None) -> Study:
    """The study with the distances between languages that were frozen, where it was given none."""
    known = plan.content["fields"].get("distances") if plan else None
    return replace(study, distances=known) if known and not study.distances else study


def deviations(plan: Plan, study: Study, cells: Sequence[Cell], registry: Registry) -> list[str]:
    """Everything in which a study, as it is run or analysed now, is not its frozen plan; a sentence each."""
    content = plan_content(with_frozen_distances(study, plan), plan.content["size"], cells, registry)
    found = [*_changes(plan.content, content), *_software(plan.content, content)]
    return list(dict.fromkeys(found))


def is_exploratory(
    plan: Plan | None,
    study: Study,
    *,
    model: str,
    arm: str,
    seed: int,
    task: str = "",
    language: str = "",
    perturbation: str = "",
) -> bool:
    """Tells whether a run, or one unit of it, is not part of the frozen plan; nothing is where no plan was frozen.

    An arm that has changed since it was frozen is another arm. The runs beside a search (``<arm>@recipe``) are of their arm,
    and a sequence of stages in a study without arms is named as in "mnli > squad".
    """
    if plan is None:
        return False
    arm = arm.removesuffix(f"@{RECIPE}")
    own = next((_arm(each) for each in study.arms if each.name == arm), None)
    planned = plan.arms.get(arm)
    if own is not None and (planned is None or _treatment(planned) != _treatment(own)):
        return True
    if own is None and not any(cell["arm"] == arm for cell in plan.content["cells"]):
        return True
    if seed not in plan.seeds.get(model, ()):
        return True
    known = plan.content["fields"]
    if perturbation == CHECKLIST:  # its languages are not those of the task whose models are asked
        return not known.get("checklist")
    if task and (task not in plan.content["tasks"] or language not in ("", *plan.content["tasks"][task]["languages"])):
        return True
    if perturbation == MIXED_PAIRS:
        return not known.get("mixed_pairs")
    return bool(perturbation) and perturbation not in known["perturb"]


def exploratory_contrasts(plan: Plan | None, study: Study) -> list[str]:
    """The names of contrasts that the frozen plan does not have as they are now."""
    if plan is None:
        return []
    known = [*plan.content["contrasts"]]
    return [contrast.name for contrast in study.contrasts if to_plain(contrast) not in known]


def _arm(arm: Arm) -> dict[str, Any]:
    """The plain values of an arm, newer ones only where they are set."""
    plain, usual = to_plain(arm), to_plain(Arm(arm.name))
    return {name: value for name, value in plain.items() if name not in _NEWER_OF_ARMS or value != usual[name]}


def _cell(cell: Cell) -> dict[str, Any]:
    options, usual = to_plain(cell.options), to_plain(EvalOptions())
    newer = [name for name in _NEWER_OF_ARMS if name in options and options[name] != usual[name]]
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(
            {
                "model": cell.model,
                "arm": cell.treatment,
                "tried": str(cell.tried) if cell.tried else "",
                "chosen": cell.choice.option if cell.choice else "",
                "value": RECIPE if cell.beside else "",
                "seeds": list(cell.seeds),
                **{name: options[name] for name in (*_CELL, *newer)},
            }
        )
    )


def _identity(cell: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(cell[name]) for name in ("model", "arm", "tried", "chosen", "value"))


def _treatment(arm: Mapping[str, Any]) -> tuple[Any, ...]:
    return arm["via"], arm["options"], *(arm.get(name) for name in _NEWER_OF_ARMS)


def _plugins(registry: Registry) -> dict[str, str]:
    """The versions of the distributions whose plugins are loaded; of files their names."""
    return {
        plugin.name if plugin.kind == "file" else plugin.distribution: plugin.version
        for plugin in registry.plugins()
        if plugin.status == "ok" and plugin.distribution != FIRST_PARTY
    }


def _changes(planned: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[str]:
    """The differences of two plans in what is run and how it is analysed, in words."""
    for name in ("study", "version", "size", "question", "rules", "primary_tests"):
        yield from _differs(name, planned[name], content[name])
    for name in dict.fromkeys([*planned["fields"], *content["fields"]]):
        yield from _differs(name, planned["fields"].get(name), content["fields"].get(name))
    for kind in ("arms", "contrasts"):
        known, here = ({each["name"]: each for each in plan[kind]} for plan in (planned, content))
        yield from _members(kind[:-1], known, here)
    yield from _members("task", planned["tasks"], content["tasks"])
    yield from _members("recipe", planned["recipes"], content["recipes"])
    for model in dict.fromkeys([*planned["seeds"], *content["seeds"]]):
        if model not in content["seeds"] or model not in planned["seeds"]:
            yield f"model {model} was {'added' if model in content['seeds'] else 'left out'}"
        else:
            yield from _differs(f"seeds of {model}", planned["seeds"][model], content["seeds"][model])
    here = {_identity(cell): cell for cell in content["cells"]}
    for cell in planned["cells"]:
        other = here.get(_identity(cell))
        if other is not None:  # models, arms and seeds that were added or left out are said above
            for name in dict.fromkeys([*cell, *other]):
                if name in (*_CELL, *_NEWER_OF_ARMS):
                    yield from _differs(f"{cell['model']}, {cell['arm']}: {name}", cell.get(name), other.get(name))


def _software(planned: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[str]:
    """The differences in what computes: versions of the harness and of plugins."""
    yield from _differs("version of the harness", planned["harness"]["version"], content["harness"]["version"])
    was, is_now = ((plan["harness"]["git"] or {}).get("commit") for plan in (planned, content))
    if was and is_now:
        yield from _differs("commit of the harness", was, is_now)
    for name, version in planned["plugins"].items():
        yield from _differs(f"version of the plugin {name}", version, content["plugins"].get(name, "not installed"))


def _members(kind: str, planned: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*planned, *here]):
        if name not in here or name not in planned:
            yield f"{kind} {name!r} was {'added' if name in here else 'left out'}"
        else:
            for field in dict.fromkeys([*planned[name], *here[name]]):
                yield from _differs(f"{kind} {name!r}: {field}", planned[name].get(field), here[name].get(field))


def _differs(what: str, planned: Any, here: Any) -> Iterator[str]:
    if planned != here:
        yield f"{what} is {_shown(here)}, planned {_shown(planned)}"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
