"""Two runs side by side: what may be compared, the differences, and which of them are significant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.errors import HarnessError
from harness.registry.registry import Registry
from harness.results.run_view import RunView, sort_codes
from harness.scoring.scale import Scale

_ASPECTS = ("task version", "data", "split", "number of examples")


@dataclass(frozen=True)
class Differences:
    """``other`` minus ``reference`` on the units both have, over like data.

    ``units`` is by (task, language), ``tasks`` the mean over the common languages. ``significant`` holds the keys of
    units, and of tasks as (task, None), whose difference is; it is None where that was not tested, and ``reason`` says
    why. ``unlike`` names the units that were left out because they are not the same test. ``scales`` is by task.
    """

    reference: str
    other: str
    units: Mapping[tuple[str, str], float]
    tasks: Mapping[str, float]
    unlike: tuple[str, ...] = ()
    significant: frozenset[tuple[str, str | None]] | None = None
    reason: str = ""
    test: str = ""
    scales: Mapping[str, Scale] = field(default_factory=dict)

    def mark(self, task: str, code: str | None = None) -> str:
        """ "*" where the difference is significant."""
        return "*" if self.significant and (task, code) in self.significant else ""


def common_codes(systems: Sequence[RunView], task: str) -> list[str]:
    """Languages in which all systems took the same test of this task; English first."""
    views = [system.tasks.get(task) for system in systems]
    if not views or any(view is None for view in views):
        return []
    first, *others = (view.units for view in views if view is not None)
    return sort_codes(
        code
        for code, unit in first.items()
        if all(code in units and units[code].identity == unit.identity for units in others)
    )


def differences(reference: RunView, other: RunView, registry: Registry) -> Differences:
    """The differences of two systems; their significance is tested where both have their files."""
    units: dict[tuple[str, str], float] = {}
    tasks: dict[str, float] = {}
    for task in reference.tasks:
        common = common_codes((reference, other), task)
        for code in common:
            mine, yours = (system.tasks[task].units[code].score.value for system in (other, reference))
            units[task, code] = mine - yours
        means = [system.tasks[task].mean(common) if common else None for system in (other, reference)]
        if means[0] is not None and means[1] is not None:
            tasks[task] = means[0] - means[1]
    significant, reason, test = _significance(reference, other, registry)
    scales = {task: reference.tasks[task].scale for task in tasks}
    unlikes = unlike((reference, other))
    return Differences(reference.name, other.name, units, tasks, unlikes, significant, reason, test, scales)


def unlike(systems: Sequence[RunView]) -> tuple[str, ...]:
    """Units that the systems share in name only: "xnli[sw]: other data"."""
    found = []
    first, *others = systems
    for task, seen in first.tasks.items():
        for code, unit in seen.units.items():
            for other in others:
                view = other.tasks.get(task)
                if view is not None and code in view.units and view.units[code].identity != unit.identity:
                    aspects = [
                        name
                        for name, mine, yours in zip(_ASPECTS, unit.identity, view.units[code].identity, strict=True)
                        if mine != yours
                    ]
                    found.append(f"{task}[{code}] ({', '.join(aspects)})")
                    break
    return tuple(found)


def _significance(
    reference: RunView, other: RunView, registry: Registry
) -> tuple[frozenset[tuple[str, str | None]] | None, str, str]:
    """Keys of the significant differences, or None and why they were not tested; and a description of the test.

    The test is that of ``harness compare``: McNemar or the paired bootstrap on the runs' own files, p-values corrected.
    """
    if reference.path is None or other.path is None:
        return None, "significance was not tested: the runs' prediction files are not available", ""
    from harness.analysis.comparison.compare import compare_systems

    try:
        found = compare_systems([[reference.path], [other.path]], registry)
    except HarnessError as error:
        return None, f"significance was not tested: {error}", ""
    significant: set[tuple[str, str | None]] = set()
    for task, compared in found.tasks.items():
        if compared.average.differences[0].significant:
            significant.add((task, None))
        significant.update((task, code) for code, line in compared.languages.items() if line.differences[0].significant)
    return frozenset(significant), "", "p < 0.05: McNemar or paired bootstrap, Holm's correction"
