"""Check of published rows."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

from harness.core.errors import DataError
from harness.leaderboard.rows import read_rows, row_files
from harness.leaderboard.validation import problems
from harness.registry.discovery import GROUP
from harness.testing.contract import Status
from harness.testing.subject import Subject
from harness.types.benchmarks import PublishedRows

Result = tuple[str, Status, str]


def valid(subject: Subject) -> Iterator[Result]:
    """Every row keeps the schema, and its file comes with the plugin: it is there wherever that is installed."""
    for collection in subject.registry.all(PublishedRows).values():
        if collection.provider == subject.provider:
            yield f"published rows {collection.name}", *_judge(Path(collection.path), subject)


def _judge(path: Path, subject: Subject) -> tuple[Status, str]:
    if not any(path.resolve().is_relative_to(folder) for folder in _folders(subject)):
        return "failed", f"{path}: not in the distribution of the plugin; write Path(__file__).parent / {path.name!r}"
    count = 0
    for file in row_files(path):
        try:
            rows = read_rows(file)
        except DataError as error:
            return "failed", str(error)
        for row in rows:
            count += 1
            for problem in problems(row):
                if not problem.warning:
                    return "failed", f"{file}: {row.get('id')}: {problem.text}"
    return "passed" if count else "failed", f"{count} rows"


def _folders(subject: Subject) -> list[Path]:
    """Folders of the packages of the plugin's distribution; of a plugin file, its own folder."""
    if subject.status.path:
        return [Path(subject.status.path).resolve().parent]
    name = subject.status.distribution
    points = [point for point in distribution(name).entry_points if point.group == GROUP]
    packages = {package for package, owners in packages_distributions().items() if name in owners}
    specs = map(find_spec, packages | {point.module.partition(".")[0] for point in points})
    return [Path(folder).resolve() for spec in specs if spec for folder in spec.submodule_search_locations or ()]
