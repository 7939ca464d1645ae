"""Loads the examples of a split from the best source that is there, and says what is there without loading it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from harness.core.border import border
from harness.core.errors import DataError
from harness.data.checks import problems
from harness.data.corpus import Corpus
from harness.data.locate import (
    Files,
    Resolver,
    Unavailable,
    data_folders,
    described,
    how_to_get,
    resolve,
    stages,
    unreachable,
)
from harness.data.parquet import count_rows, rows
from harness.data.provenance import Provenance, provenance
from harness.data.subset import fingerprint, limited
from harness.types import entity_tags
from harness.types.examples import Example, Tagged
from harness.types.tasks import FileData, HubData, IntermediateTask, Reader, Source, Split, TargetTask

__all__ = ["Files", "LoadedSplit", "Status", "label_set", "load_examples", "resolve", "split_status"]

State = Literal["present", "missing", "excerpt", "sample", "damaged"]


@dataclass(frozen=True)
class LoadedSplit:
    """The examples of a split and where they came from: a list, or a :class:`~harness.data.corpus.Corpus` on disk.

    ``rows`` is how many rows the source has and ``expected`` how many the official release has (None: not known), both
    before ``limit``; ``fingerprint`` is of the examples; ``notes`` are those of the sources; ``corpus`` is "sample" for
    the project's own made-up corpus, which has no notes, else "". ``provenance`` says of each part where its text comes
    from; it is described, and decides no key.
    """

    examples: Sequence[Example]
    rows: int
    expected: int | None
    source: str
    files: list[Path]
    fingerprint: str
    notes: tuple[str, ...] = ()
    corpus: str = ""
    provenance: tuple[Provenance, ...] = ()

    @property
    def excerpt(self) -> bool:
        """Whether the source differs in size from the official release, so that scores are not comparable."""
        return self.expected is not None and self.rows != self.expected


@dataclass(frozen=True)
class Status:
    """What is there of a split. ``reason`` says what is wrong, or how to get what is missing."""

    state: State
    rows: int | None
    expected: int | None
    source: str
    files: list[Path]
    reason: str = ""


def load_examples(
    task: TargetTask | IntermediateTask,
    split: Split,
    *,
    data_dir: str | Path | None = None,
    offline: bool = False,
    limit: int | None = None,
    resolver: Resolver | None = None,
    checked: bool = True,
) -> LoadedSplit:
    """Reads a split of ``task`` from the first of its sources that is present: in the folders, the cache, then the Hub.

    ``limit`` keeps that many examples, always the same ones (see :func:`harness.data.subset.limited`). ``resolver`` is
    the hook ``harness_resolve_data``. Without ``checked``, ids and labels are taken as they are. Raises
    DataError for data that is missing, damaged, or not what the task expects.
    """
    found = [_locate(part, data_dir, offline, resolver) for part in split.parts or (split,)]
    if any(isinstance(source, FileData) and source.stays_on_disk for source, _ in found):
        return _on_disk(task, split, found, limit)
    examples: list[Example] = []
    count = position = 0
    for source, files in found:
        rows_here = 0
        for row in _rows(source, files):
            rows_here += not isinstance(source, FileData) or not source.counts or source.counts in row
            row["_row"] = position
            example = _example(task.name, source.example or task.example, row, files.name)
            position += 1
            if example is not None:
                examples.append(example)
        count += rows_here
    paths = [path for _, files in found for path in files.paths]
    with border(f"{paths[0]}: not examples of {task.name}", hint=_VERIFY.format(task.name)):
        for problem in problems(examples, task.labels) if checked else ():
            raise DataError(f"{paths[0]}: {problem}", hint=_VERIFY.format(task.name))
        if checked and not task.labels and task.metric == entity_tags.METRIC:
            _check_entities(examples, paths[0])
        kept = limited(examples, limit)
        content = fingerprint(kept)
    return _loaded(split, found, kept, count, content)


_VERIFY = "is this the data of {}? See: harness data verify"


def _check_entities(examples: Sequence[Example], path: Path) -> None:
    """DataError for a tag that the metric of entities would misread; declared labels were checked with the plugin."""
    for example in examples:
        try:
            entity_tags.check((isinstance(example, Tagged) and example.tags) or ())
        except entity_tags.NoEntityTag as error:
            raise DataError(f"{path}: example {getattr(example, 'id', '')!r}: {error}", hint=error.hint) from None


def _loaded(
    split: Split, found: list[tuple[Source, Files]], examples: Sequence[Example], rows: int, content: str
) -> LoadedSplit:
    parts = zip(split.parts or (split,), found, strict=True)
    known = [(provenance(part, source, files), source, files) for part, (source, files) in parts]
    notes = [note for origin, source, files in known if not files.sample for note in (source.note, origin.note) if note]
    return LoadedSplit(
        examples=examples,
        rows=rows,
        expected=_expected(split, [source for source, _ in found]),
        source=" + ".join(described(source, files) for source, files in found),
        files=[path for _, files in found for path in files.paths],
        fingerprint=content,
        notes=tuple(dict.fromkeys(notes)),
        corpus="sample" if any(files.sample for _, files in found) else "",
        provenance=tuple(dict.fromkeys(origin for origin, _, _ in known)),
    )


def _on_disk(
    task: TargetTask | IntermediateTask, split: Split, found: list[tuple[Source, Files]], limit: int | None
) -> LoadedSplit:
    """Text that stays in its files; a corpus a source, or several where a pattern stands for several files."""
    parts = []
    for source, files in found:
        if not (isinstance(source, FileData) and source.stays_on_disk):
            raise DataError(f"{task.name}: {described(source)} cannot be mixed with text that stays on disk")
        with _reading(files):
            parts.append(cast(Corpus, source.read(*files.paths)))
    corpus = Corpus.joined(parts)
    rows = len(corpus)
    if limit is not None:
        corpus = corpus.limited(limit)
    return _loaded(split, found, corpus, rows, corpus.fingerprint)


def split_status(
    split: Split, data_dir: str | Path | None = None, offline: bool = True, *, resolver: Resolver | None = None
) -> Status:
    """What is there of a split, from metadata alone where the files are parquet; bad data is a state, not an error."""
    try:
        found = [_locate(part, data_dir, offline, resolver) for part in split.parts or (split,)]
    except Unavailable as error:
        return Status("missing", None, split.rows, described(split.sources[0]), [], f"{error} ({error.hint})")
    except DataError as error:
        return Status("damaged", None, split.rows, described(split.sources[0]), [], str(error))
    expected = _expected(split, [source for source, _ in found])
    source = " + ".join(described(source, files) for source, files in found)
    paths = [path for _, files in found for path in files.paths]
    try:
        count = sum(_count(source, files) for source, files in found)
    except DataError as error:
        return Status("damaged", None, expected, source, paths, str(error))
    if not count and expected:  # one file for several languages, and none of its rows are in this one
        return Status("missing", 0, expected, source, paths, f"{paths[0]} has no rows of this split")
    if any(files.sample for _, files in found):
        return Status("sample", count, expected, source, paths, "the made-up sample corpus")
    if expected is not None and count != expected:
        return Status(
            "excerpt", count, expected, source, paths, f"{count:,} rows, the official release has {expected:,}"
        )
    return Status("present", count, expected, source, paths)


def label_set(task: TargetTask | IntermediateTask, train: LoadedSplit) -> tuple[str, ...]:
    """The labels of a task: its closed set or, where it declares none, the sorted tags of its training data (CCG)."""
    if task.labels or isinstance(train.examples, Corpus):
        return task.labels
    return tuple(sorted({tag for item in train.examples if isinstance(item, Tagged) for tag in item.tags or ()}))


def located(
    split: Split, data_dir: str | Path | None = None, offline: bool = True, *, resolver: Resolver | None = None
) -> list[tuple[Source, Files]]:
    """The sources that a split is read from, with their files; DataError where it cannot be had."""
    return [_locate(part, data_dir, offline, resolver) for part in split.parts or (split,)]


def _locate(part: Split, data_dir: str | Path | None, offline: bool, resolver: Resolver | None) -> tuple[Source, Files]:
    empty = ""
    for find in stages(data_dir, offline, resolver):
        for source in part.sources:
            files = find(source)
            if files is None:
                continue
            if isinstance(source, HubData) and source.where is not None and not count_rows(files.paths, source):
                empty = f"; {files.paths[0]} has no such rows"
                continue
            return source, files
    places = [str(folder) for folder in data_folders(data_dir)]
    if any(isinstance(source, HubData) for source in part.sources):
        hub = f"the Hub ({unreachable[0]})" if unreachable else "the Hub"
        places += ["the Hugging Face cache"] if offline else ["the Hugging Face cache", hub]
    wanted = " or ".join(described(source) for source in part.sources)
    hint = " -- or: ".join(how_to_get(source) for source in part.sources[:2])
    raise Unavailable(
        f"{wanted} not found in {', '.join(places) or 'any data folder: none was given'}{empty}", hint=hint
    )


def _expected(split: Split, sources: list[Source]) -> int | None:
    if not split.parts:
        return sources[0].rows if sources[0].rows is not None else split.rows
    parts = [_expected(part, [source]) for part, source in zip(split.parts, sources, strict=True)]
    return split.rows if None in parts else sum(part or 0 for part in parts)


def _rows(source: Source, files: Files) -> Iterator[dict[str, Any]]:
    if isinstance(source, HubData):
        yield from rows(files.paths, source)
    else:
        with _reading(files):
            for row in source.read(*files.paths):
                yield dict(row)


def _count(source: Source, files: Files) -> int:
    if isinstance(source, HubData):
        return count_rows(files.paths, source)
    with _reading(files):
        if source.stays_on_disk:
            return len(source.read(*files.paths))  # type: ignore[arg-type]
        return sum(1 for row in source.read(*files.paths) if not source.counts or source.counts in row)


def _reading(files: Files) -> AbstractContextManager[None]:
    """The border to a reader, ours or a plugin's, which names file and line itself where it can."""
    return border(f"{files.name}: cannot be read", hint="the file is damaged, or not what its reader expects")


def _example(task: str, read: Reader, row: dict[str, Any], name: str) -> Example | None:
    try:
        return read(row)
    except BaseException as error:  # words for rows that can be read would take longer than reading them
        with border(f"{name}: row {row['_row']} cannot be read by {task}", hint=f"the row is {str(row)[:200]}"):
            if isinstance(error, KeyError):
                columns = ", ".join(column for column in row if column != "_row")
                raise DataError(f"{name}: {task} needs the column {error}", hint=f"the file has {columns}") from error
            raise
