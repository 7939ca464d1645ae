"""Sources of attributes besides the test data: the English training data and the tokenizer of the run's model.

Both must be those of the run: its record has their fingerprints.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError, ModelError
from harness.data.access import DataAccess
from harness.inference.session import Compute, open_model
from harness.models.reference import parse_model
from harness.models.resolve import Access, resolve_model
from harness.training.sources import task_of
from harness.training.train_on import OWN, trained_on
from harness.types.examples import Example

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.results.run_view import RunView


def train(system: RunView, registry: Registry, name: str, data_dir: str | Path | None) -> Sequence[Example]:
    """The English examples of a task: those that the run fine-tuned on last, where it did.

    DataError where the data are others now, or those of each language alone. A task that is not fine-tuned has none.
    """
    fingerprints = _trained_on(system, name)
    if OWN in system.train_on:
        raise DataError(
            f"{system.name}: {name} is trained on other data in each language", hint="leave the attribute out"
        )
    data = DataAccess.of(registry, data_dir, offline=True)
    task = task_of(registry, name, system.benchmark)
    sources = [*trained_on(task, registry, system.train_on, data)]
    if not sources:
        return ()
    loaded = data.load(sources[-1], sources[-1].train, system.record["options"].get("train_limit"))
    if fingerprints and loaded.fingerprint not in fingerprints:
        raise DataError(f"{loaded.source}: not the data that {name} was fine-tuned on in {system.name}")
    return loaded.examples


def _trained_on(system: RunView, name: str) -> set[str]:
    """Fingerprints of the training data of the stages that the task's units were predicted by."""
    stages = {stage["key"]: stage for stage in system.stages}
    checkpoints = {unit.record.get("checkpoint") for unit in system.tasks[name].units.values()}
    chosen = [stages[key] for key in checkpoints if key in stages] if checkpoints != {None} else list(stages.values())
    return {part["data"]["train"]["fingerprint"] for stage in chosen for part in stage["tasks"]}


def tokenizer(system: RunView, access: Access) -> Any:
    """The tokenizer of the run's model; ModelError where the model is not on this machine, or is another one now.

    What ``access`` allows is up to the user: a record may come from anywhere, and allows nothing.
    """
    described = system.record["model"]
    reference = parse_model(str(described["reference"]))
    if reference.kind == "baseline":
        return None
    model = resolve_model(reference, access)
    if described.get("fingerprint") not in (None, model.fingerprint):
        raise ModelError(f"{reference}: not the model that {system.name} scored: its files have changed since")
    return open_model(model, access, Compute()).tokenizer
