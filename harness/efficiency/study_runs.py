"""Latency and memory of the models of a study: measured side by side, arm by arm, and read again for its analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import DataError
from harness.efficiency.measure import measure
from harness.efficiency.protocol import NATURAL, Protocol
from harness.efficiency.result import FILE, read_efficiency
from harness.efficiency.written import write_files
from harness.studies.collect import collect
from harness.studies.measured import checkpoint_of
from harness.types.options import EvalOptions
from harness.types.studies import NO_STAGES, Study

if TYPE_CHECKING:
    from harness.registry.registry import Registry

FOLDER = "efficiency"
"""The folder of the measurements, in that of the study."""
Costs = Mapping[tuple[str, str, int], Mapping[str, float]]
"""Factors of the observations of each run, by model, arm and seed: ``latency_ms``, ``memory_mb``, ``throughput_8``, ..."""


def measure_runs(
    study: Study,
    folder: Path,
    registry: Registry,
    options: EvalOptions,
    protocol: Protocol,
    *,
    task: str,
    memory: bool = True,
    said: Callable[[str], None] = lambda text: None,
) -> list[Path]:
    """Measures what the runs of a study scored a task with, and returns the files.

    The arms of one model and seed take turns (:func:`~harness.efficiency.measure.measure`), first that without stages, so
    that their ratios are of one time on one machine. What is there already is left as it is. DataError where no run has a
    checkpoint for the task, or only one arm of each.
    """
    name = task.partition("[")[0]
    groups: dict[Path, dict[str, Path]] = {}
    collected = collect(study, folder, registry)
    for run in collected.runs:
        checkpoint = checkpoint_of(collected.views[run.folder], name) if run.folder in collected.views else None
        if checkpoint is not None:
            place = folder / FOLDER / Path(run.folder).parts[0] / f"seed-{run.seed}"
            groups.setdefault(place, {})[run.arm] = checkpoint
    several = {place: arms for place, arms in groups.items() if len(arms) > 1}
    if not several:
        raise DataError(
            f"{folder}: no model with one seed has checkpoints of {name} in two arms",
            hint="harness study run makes them; --task names a task that is trained for",
        )
    for place, arms in several.items():
        ordered = sorted(arms, key=lambda arm: arm != NO_STAGES)
        checkpoints = [arms[arm] for arm in ordered]
        if not {path.name for path in checkpoints} <= _measured(place / FILE).keys():
            said(f"{place.relative_to(folder / FOLDER)}: {', '.join(ordered)}")
            models = list(map(str, checkpoints))
            write_files(measure(models, task, registry, options, protocol, memory=memory, said=said), place)
    return [place / FILE for place in several]


def measured_costs(study: Study, folder: Path, registry: Registry) -> Costs:
    """Reads the costs of runs that were measured; {} where nothing was. DataError for a file that is damaged."""
    found: dict[str, Mapping[str, float]] = {}
    for path in sorted((folder / FOLDER).glob(f"*/*/{FILE}")):
        found |= _measured(path)
    collected = collect(study, folder, registry) if found else None
    costs = {}
    for run in collected.runs if collected else ():
        stages = collected.views[run.folder].stages if collected and run.folder in collected.views else ()
        own = [found[name] for stage in stages if (name := Path(stage.get("folder") or "").name) in found]
        if own:
            costs[run.model, run.arm, run.seed] = own[-1]
    return costs


def _measured(path: Path) -> dict[str, dict[str, float]]:
    """The costs of the models of a measurement by the names of their folders, which hold the keys of their stages."""
    found = {}
    for each in read_efficiency(path)["models"] if path.is_file() else ():
        memory = (each["memory"] or {}).get("model")
        found[Path(each["reference"]).name] = {
            "latency_ms": each["latency"]["total"][0]["value"],
            **({"memory_mb": memory / 1e6} if memory else {}),
            **{
                f"throughput_{cell['batch_size']}": cell["total"]
                for cell in each["throughput"]
                if cell["length"] == NATURAL and cell["total"]
            },
        }
    return found
