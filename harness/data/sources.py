"""Loads the examples of a split from the best source that is there, and says what is there without loading it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from harness.core.border import border
from harness.core.errors import DataError
from harness.data._builders import count_dataset_rows, dataset_rows
from harness.data._checks import problems
from harness.data._parquet import count_rows, rows
from harness.data._stored_rows import StoredExamples, StoredRows, stored_rows
from harness.data.corpus import Corpus
from harness.data.file_formats import format_of
from harness.data.held_out import KeptExamples, kept_examples
from harness.data.languages import LanguageOfEach
from harness.data.locate import (
    Files,
    Resolver,
    Unavailable,
    data_folders,
    how_to_get,
    in_another_format,
    resolve,
    stages,
    unreachable,
)
from harness.data.noted import NotedRows
from harness.data.provenance import Provenance, provenance
from harness.data.resources import own_languages
from harness.data.store import ExampleList, ExampleStore
from harness.data.subset import limited
from harness.data.translations import SOURCE
from harness.types import entity_tags
from harness.types.examples import Example, unlabelled
from harness.types.sources import DatasetsData, FileData, HubData, Reader, Source, Split, described, pinned
from harness.types.tasks import IntermediateTask, TargetTask

__all__ = ["Files", "LoadedSplit", "Status", "label_set", "load_examples", "resolve", "split_status"]

State = Literal["present", "missing", "excerpt", "sample", "damaged"]


@dataclass(frozen=True)
class LoadedSplit:
    """The examples of a split, an :class:`~harness.data.store.ExampleStore`, and where they came from.

    ``rows`` is how many rows the source has and ``expected`` how many the official release has (None: not known), both
    before ``limit``; ``fingerprint`` is of the examples; ``notes`` are those of the sources; ``corpus`` is "sample" for
    the project's own made-up corpus, which has no notes, else "". ``provenance`` gives the origin of each part's text;
    it is descriptive, and decides no key. ``languages`` has that of each example, "" where it is not known; () where
    none is. ``originals`` has, if asked for, the id of the row that each example translates, "" where it translates none;
    of the files in ``by_number`` (their names and numbers of rows) ids are numbers of rows. ``in_place_of`` is the
    fingerprint of the examples whose translations these are, item by item; "" where they are no other's.
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
    languages: Sequence[str] = ()
    originals: Sequence[str] = ()
    by_number: tuple[tuple[str, int], ...] = ()
    in_place_of: str = ""

    @property
    def excerpt(self) -> bool:
        """Tells whether the source differs in size from the official release, so that scores are not comparable."""
        return self.expected is not None and self.rows != self.expected


@dataclass(frozen=True)
class Status:
    """State of a split's data. ``reason`` says what is wrong, or how to get what is missing."""

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
    originals: bool = False,
) -> LoadedSplit:
    """Reads a split of ``task`` from the first of its sources that is present: in the folders, the cache, then the Hub.

    ``limit`` keeps that many examples, always the same ones (see :func:`harness.data.subset.limited`). ``resolver`` is
    the hook ``harness_resolve_data``. Without ``checked``, ids and labels are taken as they are. With ``originals``, the
    split tells which rows its examples translate. Raises DataError for data that is missing, damaged, or not what the task
    expects.
    """
    found = [_locate(part, data_dir, offline, resolver) for part in split.parts or (split,)]
    reads = [_read(source, files, offline) for source, files in found]
    streams = [read for read in reads if not isinstance(read, ExampleStore | StoredRows)]
    if len(streams) < len(reads):
        store, count = _on_disk(task, found, reads, checked)
        store = _kept_of_store(task, split, store, found[0][1].name)
        kept = store if limit is None else store.limited(limit)
        return _loaded(split, found, kept, count, kept.fingerprint, _of_store(task, split, kept))
    codes = _of_parts(task, split)
    examples: list[Example] = []
    languages: list[str] = []
    numbers: list[int] = []
    translates: list[str] = []
    by_number: list[tuple[str, int]] = []
    count = position = 0
    parts = split.parts or (split,)
    for (source, files), stream, code, part in zip(found, streams, codes, parts, strict=True):
        rows_here, before, first = 0, len(examples), position
        link = _Link(code) if originals and part.original and provenance(part, source, files).translated else None
        for row in stream:
            rows_here += _counts(source, row)
            example = _example(task.name, source.example or task.example, {**row, "_row": position}, files.name)
            position += 1
            if example is not None:
                examples.append(example)
                numbers.append(position - 1)
                if originals:
                    translates.append(link.original(row, example, position - 1, first) if link else "")
        if link and link.by_number:
            by_number.append((files.name, position - first))
        if part.kept != "all":
            left = kept_examples(examples[before:], part.kept, files.name)
            translates[before:] = _of_kept(left, examples[before:], translates[before:])
            examples[before:] = left
        count += rows_here
        languages += [code] * (len(examples) - len(languages))
    name = found[0][1].first
    one_file = len([path for _, files in found for path in files.paths]) == 1
    with border(f"{name}: not examples of {task.name}", hint=_VERIFY.format(task.name)):
        if checked:
            _check(task, examples, name, numbers if one_file and len(numbers) == len(examples) else None)
        kept = ExampleList(limited(examples, limit))
        content = kept.fingerprint
    if len(kept) < len(examples):
        languages = _of_kept(kept, examples, languages)
        translates = _of_kept(kept, examples, translates)
    loaded = _loaded(split, found, kept, count, content, languages)
    said = [note for stream in streams if isinstance(stream, NotedRows) for note in stream.notes]
    loaded = replace(loaded, notes=tuple(dict.fromkeys([*loaded.notes, *said]))) if said else loaded
    return replace(loaded, originals=translates, by_number=tuple(by_number)) if originals else loaded


def _of_kept(kept: Sequence[Example], examples: Sequence[Example], values: list[str]) -> list[str]:
    """Of values, one for each example, those of the examples that are kept; none where there are none."""
    if not values:
        return values
    of_each = {id(example): value for example, value in zip(examples, values, strict=True)}
    return [of_each[id(example)] for example in kept]


class _Link:
    """Finds the row that an example of a translation translates: by ``source``, by its own id, or by its number.

    ``code`` is the language that ids may begin with. An id that is the number of the row is none of its own.
    """

    def __init__(self, code: str) -> None:
        self._prefix = f"{code}:"
        self.by_number = False

    def original(self, row: Mapping[str, Any], example: Example, position: int, first: int) -> str:
        """The id, where the row is at ``position`` among all rows and its part begins at ``first``."""
        if SOURCE in row:
            return str(row[SOURCE])
        name = str(getattr(example, "id", "")).removeprefix(self._prefix)
        if name != str(position):
            return name
        self.by_number = True
        return str(position - first)


_HELD_OUT = {
    "training": "without the tenth that is held out, as the task has no dev split",
    "held out": "a tenth of the training data, which is not trained on, as the task has no dev split",
}


def _kept_of_store(task: TargetTask | IntermediateTask, split: Split, store: ExampleStore, name: str) -> ExampleStore:
    """The examples on disk that a split keeps; its parts are not told apart."""
    [kept, *others] = {part.kept for part in split.parts or (split,)}
    if others:
        raise DataError(
            f"{task.name}: of data that stay on disk, examples can be held out of all parts of a split only",
            hint="give the task a dev split",
        )
    return store if kept == "all" else KeptExamples(store, kept, name)


def _of_parts(task: TargetTask | IntermediateTask, split: Split) -> list[str]:
    """The language of each part; "" where the part does not say it, and the task's own data mix several."""
    own = own_languages(task)
    return [part.language or (own[0] if len(own) == 1 else "") for part in split.parts or (split,)]


def _of_store(task: TargetTask | IntermediateTask, split: Split, kept: Sequence[Example]) -> Sequence[str]:
    """The language of each example of a store: of text by its file (sw.txt), of others where it is one for all."""
    if isinstance(kept, Corpus):
        return LanguageOfEach(kept.names, kept.part_of, len(kept))
    codes = set(_of_parts(task, split))
    return LanguageOfEach([*codes], lambda index: 0, len(kept)) if len(codes) == 1 else ()


_VERIFY = "is this the data of {}? See: harness data verify"


def _check(
    task: TargetTask | IntermediateTask, examples: Sequence[Example], name: str, rows: Sequence[int] | None = None
) -> None:
    """DataError for what no family can use, and for tags that the metric of entities would misread.

    Labels that the task declares were checked with the plugin. ``rows`` are the numbers of the examples' rows.
    """
    for problem in problems(examples, task.labels, rows):
        raise DataError(f"{name}: {problem}", hint=_VERIFY.format(task.name))
    if task.labels or task.metric != entity_tags.METRIC:
        return
    for example in examples:
        try:
            entity_tags.check(getattr(example, "tags", None) or ())
        except entity_tags.NoEntityTag as error:
            raise DataError(f"{name}: example {getattr(example, 'id', '')!r}: {error}", hint=error.hint) from None


def _loaded(
    split: Split,
    found: list[tuple[Source, Files]],
    examples: Sequence[Example],
    rows: int,
    content: str,
    languages: Sequence[str],
) -> LoadedSplit:
    parts = zip(split.parts or (split,), found, strict=True)
    known = [(provenance(part, source, files), source, files) for part, (source, files) in parts]
    notes = [note for origin, source, files in known if not files.sample for note in (source.note, origin.note) if note]
    notes += [note for _, source, files in known if not files.sample and (note := _off_the_pin(source, files))]
    notes += [_HELD_OUT[part.kept] for part in split.parts or (split,) if part.kept != "all"]
    return LoadedSplit(
        examples=examples,
        rows=rows,
        expected=_expected(split, [source for source, _ in found]),
        source=" + ".join(described(source, files.commit) for source, files in found),
        files=[path for _, files in found for path in files.paths],
        fingerprint=content,
        notes=tuple(dict.fromkeys(notes)),
        corpus="sample" if any(files.sample for _, files in found) else "",
        provenance=tuple(dict.fromkeys(origin for origin, _, _ in known)),
        languages=languages,
    )


def _off_the_pin(source: Source, files: Files) -> str:
    """Tells at which commit a source was read, where that is not the one it is pinned at; "" where it is not known."""
    pin, commit = pinned(source), files.commit
    if not pin or commit in ("", pin):
        return ""
    copy = ", the Hub's parquet copy" if files.converted else ""
    return f"{described(source)}: pinned at {pin[:12]}, read at {commit[:12]}{copy}"


Read = Iterator[dict[str, Any]] | NotedRows | StoredRows | ExampleStore
"""Content of a source: rows one after the other, rows that stay on disk, or the examples themselves."""


def _read(source: Source, files: Files, offline: bool) -> Read:
    source = _through_datasets(source, files)
    if isinstance(source, HubData):
        return rows(files.paths, source)
    if isinstance(source, DatasetsData):
        return (stored_rows if source.stays_on_disk else dataset_rows)(source, files, offline)
    return _read_files(source, files)


def _through_datasets(source: Source, files: Files) -> Source:
    """A source of the Hub's layout whose files are not parquet, as the library ``datasets`` reads them."""
    kind = format_of(files.paths[0]) if isinstance(source, HubData) and files.paths else None
    if not isinstance(source, HubData) or kind in (None, "parquet"):
        return source
    return DatasetsData(
        kind, tuple(path.name for path in files.paths), repo=source.repo, columns=source.columns, where=source.where
    )


def _read_files(source: FileData, files: Files) -> Iterator[dict[str, Any]] | NotedRows | ExampleStore:
    with _reading(files):
        found = source.read(*files.paths)
    if isinstance(found, ExampleStore):
        return found
    return NotedRows(_each(found, files), found.notes) if isinstance(found, NotedRows) else _each(found, files)


def _each(found: Iterable[Any], files: Files) -> Iterator[dict[str, Any]]:
    with _reading(files):
        for row in found:
            yield dict(row)


def _on_disk(
    task: TargetTask | IntermediateTask, found: list[tuple[Source, Files]], reads: list[Read], checked: bool
) -> tuple[ExampleStore, int]:
    """The examples of a split that stays on disk, and how many rows they come from."""
    corpora = [read for read in reads if isinstance(read, Corpus)]
    if len(corpora) == len(reads):
        joined = Corpus.joined(corpora)
        return joined, len(joined)
    if len(reads) == 1 and isinstance(reads[0], ExampleStore):
        return reads[0], len(reads[0])
    parts = []
    for (source, files), read in zip(found, reads, strict=True):
        if not isinstance(read, StoredRows):
            raise DataError(f"{task.name}: {described(source)} cannot be mixed with examples that stay on disk")
        name = files.name if files.paths else described(source)
        parts += [
            (each, partial(_example, task.name, source.example or task.example, name=name)) for each in read.tables
        ]
    name = found[0][1].first
    with border(f"{name}: not examples of {task.name}", hint=_VERIFY.format(task.name)):
        store = StoredExamples(parts, partial(_check, task, name=name) if checked else None)
    return store, store.rows


def split_status(
    split: Split, data_dir: str | Path | None = None, offline: bool = True, *, resolver: Resolver | None = None
) -> Status:
    """Finds what is there of a split, from metadata alone where the files are parquet; bad data is a state, not an error."""
    try:
        found = [_locate(part, data_dir, offline, resolver) for part in split.parts or (split,)]
    except Unavailable as error:
        return _missing(split, error)
    except DataError as error:
        return Status("damaged", None, split.rows, described(split.sources[0]), [], str(error))
    expected = _expected(split, [source for source, _ in found])
    source = " + ".join(described(source, files.commit) for source, files in found)
    paths = [path for _, files in found for path in files.paths]
    try:
        count = sum(_count(source, files, offline) for source, files in found)
    except Unavailable as error:
        return _missing(split, error)
    except DataError as error:
        return Status("damaged", None, expected, source, paths, str(error))
    if not count and expected:  # one file for several languages, and none of its rows are in this one
        return Status("missing", 0, expected, source, paths, f"{found[0][1].first} has no rows of this split")
    if any(files.sample for _, files in found):
        return Status("sample", count, expected, source, paths, "the made-up sample corpus")
    if expected is not None and count != expected:
        return Status(
            "excerpt", count, expected, source, paths, f"{count:,} rows, the official release has {expected:,}"
        )
    return Status("present", count, expected, source, paths)


def _missing(split: Split, error: Unavailable) -> Status:
    hint = f" ({error.hint})" if error.hint else ""
    return Status("missing", None, split.rows, described(split.sources[0]), [], f"{error}{hint}")


def label_set(task: TargetTask | IntermediateTask, train: LoadedSplit) -> tuple[str, ...]:
    """The labels of a task: its closed set or, where it declares none, the sorted tags of its training data (CCG)."""
    if task.labels or unlabelled(train.examples):
        return task.labels
    return tuple(sorted({tag for item in train.examples for tag in getattr(item, "tags", None) or ()}))


def located(
    split: Split, data_dir: str | Path | None = None, offline: bool = True, *, resolver: Resolver | None = None
) -> list[tuple[Source, Files]]:
    """The sources that a split is read from, with their files; DataError where it cannot be found."""
    return [_locate(part, data_dir, offline, resolver) for part in split.parts or (split,)]


def _locate(part: Split, data_dir: str | Path | None, offline: bool, resolver: Resolver | None) -> tuple[Source, Files]:
    empty = ""
    for find in stages(data_dir, offline, resolver):
        for source in part.sources:
            files = find(source)
            if files is None:
                continue
            if isinstance(source, HubData) and source.where is not None and not _count(source, files, offline):
                empty = f"; {files.paths[0]} has no such rows"
                continue
            return source, files
    places = [str(folder) for folder in data_folders(data_dir)]
    if any(isinstance(source, HubData) or getattr(source, "repo", "") for source in part.sources):
        hub = f"the Hub ({unreachable[0]})" if unreachable else "the Hub"
        places += ["the Hugging Face cache"] if offline else ["the Hugging Face cache", hub]
    wanted = " or ".join(described(source) for source in part.sources)
    hint = " -- or: ".join(how_to_get(source) for source in part.sources[:2])
    other = in_another_format(part.sources, data_folders(data_dir))
    raise Unavailable(
        f"{wanted} not found in {', '.join(places) or 'any data folder: none was given'}{empty}"
        + (f"; {other}" if other else ""),
        hint=hint,
    )


def _expected(split: Split, sources: list[Source]) -> int | None:
    if not split.parts:
        return sources[0].rows if sources[0].rows is not None else split.rows
    parts = [_expected(part, [source]) for part, source in zip(split.parts, sources, strict=True)]
    return split.rows if None in parts else sum(part or 0 for part in parts)


def _counts(source: Source, row: Mapping[str, Any]) -> bool:
    """Tells whether a row counts towards the official size."""
    return not isinstance(source, FileData) or not source.counts or source.counts in row


def _count(source: Source, files: Files, offline: bool) -> int:
    source = _through_datasets(source, files)
    if isinstance(source, HubData):
        return count_rows(files.paths, source)
    if isinstance(source, DatasetsData):
        return count_dataset_rows(source, files, offline)
    read = _read_files(source, files)
    if isinstance(read, ExampleStore):
        return len(read)
    return sum(_counts(source, row) for row in read)


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
