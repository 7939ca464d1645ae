"""What attributes read besides the test data: the English training data and the tokenizer of the run's model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.examples import Example

if TYPE_CHECKING:
    from harness.registry import Registry
    from harness.report.view import System


def train(registry: Registry, task: str, data_dir: str | Path | None) -> Sequence[Example]:
    """The examples that the task is fine-tuned on (last); none for a task that is not."""
    from harness.data.sources import load_examples
    from harness.specs import Split

    source = registry.training(registry.task(task))
    if source is None:
        return ()
    resolver = registry.hook.harness_resolve_data
    if isinstance(source, Split):
        target = registry.task(task)
        return load_examples(target, source, data_dir=data_dir, offline=True, resolver=resolver).examples
    return load_examples(source, source.train, data_dir=data_dir, offline=True, resolver=resolver).examples


def tokenizer(system: System) -> Any:
    """The tokenizer of the run's model; ModelError where the model is not on this machine."""
    from harness.models.load import load_tokenizer
    from harness.models.reference import parse_model
    from harness.models.resolve import resolve_model
    from harness.registry import get_registry

    reference = parse_model(str(system.record["model"]["reference"]))
    if reference.kind == "baseline":
        return None
    loader = get_registry().hook.harness_load_encoder
    return load_tokenizer(resolve_model(reference, offline=True, loader=loader).folder)
