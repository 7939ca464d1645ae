"""Seeds that tasks recommend, for commands that are given none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.registry.select import select
from harness.types.options import EvalOptions

if TYPE_CHECKING:
    from harness.models.reference import ModelReference
    from harness.registry.registry import Registry


def recommended_seeds(
    registry: Registry,
    model: ModelReference,
    options: EvalOptions,
    *,
    benchmark: str | None = None,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> tuple[tuple[int, ...], str]:
    """The seeds that all selected tasks recommend, and a line that says so.

    There are none, and no line, where the options give a seed, where a baseline trains nothing, and where no task
    recommends any. Where only some do, or others, there are none, and the line says which do.
    """
    given = any(name.rpartition(".")[2] == "seed" for name in options.overrides)
    if given or model.kind == "baseline":
        return (), ""
    names = dict.fromkeys(unit.task for unit in select(registry, benchmark, tasks, languages, options.split))
    found = {name: registry.task(name).seeds for name in names}
    several = [name for name, seeds in found.items() if seeds]
    if not several:
        return (), ""
    seeds = found[several[0]]
    numbers, whose = ",".join(map(str, seeds)), ", ".join(several)
    if set(found.values()) == {seeds}:
        return seeds, f"a run for each of the seeds {numbers}, the default of {whose}; --seed {seeds[0]} makes one"
    return (), f"one run, as not all tasks agree on seeds; for {whose}, --seeds {numbers} makes several"
