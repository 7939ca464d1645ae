"""The examples behind a run's scores, where the data are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.sources import load_examples
from harness.results.run_view import RunView
from harness.types.examples import Example

if TYPE_CHECKING:
    from harness.registry.registry import Registry


def scored_examples(
    run: RunView, task: str, code: str, registry: Registry, data_dir: str | Path | None
) -> Sequence[Example]:
    """The very examples that were scored (same fingerprint), in the order of the data; none where they are not there."""
    options, unit = run.record["options"], run.tasks[task].units[code].record
    try:
        target = registry.task(task)
        split = target.languages[code][run.split]
        resolver = registry.hook.harness_resolve_data
        limit = options.get("limit")
        loaded = load_examples(target, split, data_dir=data_dir, offline=True, limit=limit, resolver=resolver)
    except Exception:  # the report goes without them
        return ()
    same = loaded.fingerprint == unit["data"]["fingerprint"]
    return loaded.examples if same and isinstance(loaded.examples, list) else ()
