"""The examples behind a run's scores, where the data are available."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.access import DataAccess
from harness.data.pairing import translated_test
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
        data = DataAccess.of(registry, data_dir, offline=True)
        loaded = data.load(target, split, options.get("limit"), checked=False)  # the fingerprint says as much
        if options.get("test_on") == "translated" and code != "en":
            loaded = translated_test(target, code, run.split, loaded, data)
    except Exception:  # the report goes without them
        return ()
    same = loaded.fingerprint == unit["data"]["fingerprint"]
    return loaded.examples if same and isinstance(loaded.examples, list) else ()
