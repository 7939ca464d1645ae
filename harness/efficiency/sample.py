"""Sample of a task's test sets that all models are measured on: all languages in equal shares, drawn by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import DataError, UsageError
from harness.data.access import DataAccess
from harness.evaluation.plan import make_plan
from harness.types.examples import Example, pool_role
from harness.types.tasks import TargetTask
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class Sample:
    """Examples of a task and the language of each, in an order drawn by the seed; ``missing`` languages have no data."""

    task: TargetTask
    examples: tuple[Example, ...]
    languages: tuple[str, ...]
    missing: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def codes(self) -> list[str]:
        """The languages, sorted."""
        return sorted(set(self.languages))

    def unit(self, positions: Sequence[int]) -> UnitExamples:
        """Some of the examples, as a unit; positions beyond the end begin anew."""
        chosen = [position % len(self) for position in positions]
        languages = [self.languages[position] for position in chosen]
        examples = [self.examples[position] for position in chosen]
        return UnitExamples(self.task.name, languages[0], "test", examples, languages=languages)

    def texts(self, code: str) -> list[str]:
        """The texts in a language, all fields of an example apart."""
        own = [example for example, of in zip(self.examples, self.languages, strict=True) if of == code]
        return [text for example in own for text in example.texts().values()]


def draw_sample(
    registry: Registry, data: DataAccess, task: str, languages: Sequence[str], seed: int, most: int
) -> Sample:
    """As many examples of each language, ``most`` or those of the smallest, of the task that a selector names.

    UsageError for a selector of several tasks, and for a task whose examples are only predicted together; DataError where
    there are no data.
    """
    planned = make_plan(registry, data, split="test", tasks=[task], languages=languages)
    names = dict.fromkeys(entry.task.name for entry in planned)
    if len(names) != 1:
        raise UsageError(f"--task {task!r}: one task expected, not {len(names)}: {', '.join(names)}")
    present = [entry for entry in planned if entry.present and entry.split is not None]
    if not present:
        raise DataError(
            f"{planned[0].unit.key}: {planned[0].reason}",
            hint="--data-dir names a folder in the Hub's layout; `harness data sample FOLDER` writes one to try",
        )
    of_task = present[0].task
    loaded = {
        entry.unit.language: data.load(of_task, entry.split).examples for entry in present if entry.split is not None
    }
    for code, examples in loaded.items():
        if not len(examples):
            raise DataError(f"{of_task.name}/{code}/test: no example", hint="leave the language out")
        if of_task.pool is not None or pool_role(examples[0]).pool:
            raise UsageError(
                f"--task {of_task.name}: its examples are searched together, so that none has a time of its own",
                hint="choose a task whose examples are predicted one by one, such as classification",
            )
    count = min(most, *map(len, loaded.values()))
    rng = np.random.default_rng(seed)
    drawn = [
        (examples[int(position)], code)
        for code, examples in sorted(loaded.items())
        for position in rng.choice(len(examples), count, replace=False)
    ]
    shuffled = [drawn[int(position)] for position in rng.permutation(len(drawn))]
    missing = tuple(entry.unit.language for entry in planned if not entry.present)
    return Sample(of_task, tuple(example for example, _ in shuffled), tuple(code for _, code in shuffled), missing)
