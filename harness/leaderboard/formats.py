"""Exports in the layouts of other places, ours and those of plugins: a function from an export to files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import PluginError, UsageError, did_you_mean
from harness.leaderboard.export import export_row
from harness.leaderboard.export_folder import inside
from harness.leaderboard.recipes import shown_recipe
from harness.leaderboard.schema import Row
from harness.registry.registry import load_part
from harness.results.run_view import RunView
from harness.results.systems import load_runs
from harness.scoring.scale import PERCENT, Scale, common_scale
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.extensions import ExportFormat
    from harness.types.record import UnitRecord
    from harness.types.tasks import TargetTask

_PLUGINS = "'harness plugins' says who provides what; --no-plugin leaves a plugin out"


@dataclass(frozen=True)
class LanguageResult:
    """A task in one language: its cells by metric, as the row has them, and the unit of the first run."""

    task: TargetTask
    unit: Unit
    cells: Mapping[str, Mapping[str, Any]]
    primary: tuple[str, ...]
    record: UnitRecord

    @property
    def scale(self) -> Scale:
        """The scale of the score."""
        return common_scale(self.cells[name].get("scale", PERCENT) for name in self.primary)

    @property
    def score(self) -> dict[str, float]:
        """The mean of the primary metrics: ``value`` and, where all of them have an interval, ``low`` and ``high``."""
        main = [self.cells[name] for name in self.primary]
        return {
            end: fmean(cell[end] for cell in main) for end in ("value", "low", "high") if all(end in c for c in main)
        }


@dataclass(frozen=True)
class Export:
    """One system to be written down: its leaderboard row, and the runs behind it, which differ by their seed alone.

    ``row`` follows the schema of rows (``leaderboards/row.schema.json``) and holds nothing private. ``options`` are the
    settings that the format declares; ``data_dir`` has the test data, for formats that hold texts.
    """

    row: Row
    runs: Sequence[RunView]
    registry: Registry
    options: Mapping[str, str] = field(default_factory=dict)
    data_dir: str | Path | None = None

    @property
    def results(self) -> Iterator[LanguageResult]:
        """Every task and language of the row."""
        first = self.runs[0]
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for cell in self.row["cells"]:
            if cell["language"] != "avg":
                found.setdefault((cell["task"], cell["language"]), {})[cell["metric"]] = cell
        for (name, code), cells in found.items():
            unit = Unit(name, code, first.split)
            yield LanguageResult(
                self.registry.task(name), unit, cells, first.tasks[name].primary, first.units[unit.key]
            )

    @property
    def averages(self) -> list[Mapping[str, Any]]:
        """The cells of means: over languages, of groups ("group:qa") and of all tasks ("overall")."""
        return [cell for cell in self.row["cells"] if cell["language"] == "avg"]

    @property
    def setup(self) -> str:
        """Setting, version, recipe and seeds in one line, with what makes the numbers incomparable."""
        run = self.row["run"]
        seeds = f"seeds {', '.join(map(str, run['seeds']))}" if run["seeds"] else "nothing trained"
        parts = [
            self.row["setting"],
            f"xtreme-harness {run['harness']['version']}",
            f"recipe {shown_recipe(self.row)}",
            seeds,
        ]
        parts += [f"{kind}: {text}" for kind, texts in self.row["caveats"].items() for text in texts]
        return "; ".join(parts)


def whole(cell: Mapping[str, Any]) -> float:
    """The number that a cell's numbers are divided by to be proportions: 100, or 1 where its scale is another."""
    return 100.0 if cell.get("scale", PERCENT) == PERCENT else 1.0


def export_files(
    folders: Sequence[Path],
    registry: Registry,
    format: ExportFormat,
    *,
    options: Mapping[str, str] | None = None,
    data_dir: str | Path | None = None,
    **row: Any,
) -> dict[str, bytes]:
    """The files of an export, by their names in its folder; ``row`` is for :func:`~harness.leaderboard.export.export_row`.

    :class:`UsageError` for an option that the format does not have, PluginError for a format that fails.
    """
    chosen = dict(options or {})
    for name in chosen:
        if name not in format.options:
            raise UsageError(
                f"--set {name}: the format {format.name!r} has no such option", hint=did_you_mean(name, format.options)
            )
    export = Export(export_row(folders, registry, **row), load_runs(folders), registry, chosen, data_dir)
    what = f"plugin {format.provider}: {format.where}"
    with border(f"{what}: files", PluginError, hint=_PLUGINS):
        made = load_part(format, "files")(export)
    wrong = "no mapping" if not isinstance(made, Mapping) else "no files" if not made else ""
    for name, content in made.items() if not wrong else ():
        if not inside(name) or not isinstance(content, str | bytes):
            wrong = f"{name!r}: {type(content).__name__}"
    if wrong:
        raise PluginError(f"{what}: expected text or bytes by file names in the folder, not {wrong}", hint=_PLUGINS)
    return {name: text.encode() if isinstance(text, str) else text for name, text in made.items()}
