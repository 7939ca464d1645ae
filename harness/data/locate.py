"""Finds the files of a source: in the data folders, the Hugging Face cache, then the Hub. Scripts are never run."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.border import PASSING, border, in_words
from harness.core.errors import DataError, PluginError, UsageError
from harness.data.file_formats import (
    COMPRESSIONS,
    FORMATS,
    READ,
    card_patterns,
    format_of,
    places_of,
    split_files,
    unread_files,
)
from harness.types.sources import DatasetsData, FileData, HubData, Source, described, pinned

log = logging.getLogger(__name__)

SAMPLE_MARKER = "sample-corpus.json"
"""A folder with this file at its root is the project's own made-up corpus."""

CONVERTED = "refs/convert/parquet"
"""Revision at which the Hub keeps parquet copies of data sets that are stored in another form."""

Resolver = Callable[..., Any]
"""The hook ``harness_resolve_data``: called with ``source``, ``data_dir`` and ``offline``; parquet paths or None."""


class Unavailable(DataError):
    """Data that is in none of the places, or that could not be downloaded."""


@dataclass(frozen=True)
class Files:
    """The local files of one source; ``root`` is the data folder or snapshot they were found in.

    ``origin`` is "folder", "cache", "hub" or "plugin"; "python" is that of a data set without files, whose name is
    ``label``. ``converted`` tells whether they are the Hub's parquet copy of files in another form.
    """

    paths: tuple[Path, ...]
    origin: str
    root: Path | None = None
    label: str = ""
    converted: bool = False

    @property
    def first(self) -> str:
        """The path of the first of them."""
        return str(self.paths[0]) if self.paths else self.label

    @property
    def name(self) -> str:
        """The first of them, and how many there are besides."""
        return self.first + (f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else "")

    @property
    def sample(self) -> bool:
        """Tells whether they belong to the sample corpus."""
        return self.root is not None and (self.root / SAMPLE_MARKER).is_file()

    @property
    def commit(self) -> str:
        """The commit of the Hub snapshot, or of what ``hf download`` left in a data folder; "" where it is not known."""
        if self.root is not None and self.root.parent.name == "snapshots":
            return self.root.name
        return _downloaded(self.paths[0], self.root) if self.origin == "folder" and self.root and self.paths else ""


def _downloaded(path: Path, root: Path) -> str:
    """The commit in the notes that ``hf download`` keeps of a file in one of the folders above it, up to ``root``."""
    for folder in path.parents:
        note = folder / ".cache" / "huggingface" / "download" / f"{path.relative_to(folder)}.metadata"
        if note.is_file():
            commit = note.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
            return commit if re.fullmatch("[0-9a-f]{40}", commit) else ""
        if folder == root:
            break
    return ""


def data_folders(data_dir: str | Path | None = None) -> list[Path]:
    """The data folders: those of the argument, else of HARNESS_DATA_DIR; several are joined by ``os.pathsep``.

    Raises UsageError for a folder that does not exist.
    """
    given = os.fspath(data_dir) if data_dir is not None else os.environ.get("HARNESS_DATA_DIR", "")
    names = [given] if Path(given).is_dir() else given.split(os.pathsep)
    folders = [Path(name).expanduser().absolute() for name in names if name.strip()]
    for folder in folders:
        if not folder.is_dir():
            origin = "--data-dir" if data_dir is not None else "HARNESS_DATA_DIR"
            raise UsageError(
                f"data folder not found: {folder}", hint=f"{origin} takes folders joined by {os.pathsep!r}"
            )
    return folders


def resolve(
    source: Source, data_dir: str | Path | None = None, offline: bool = False, *, resolver: Resolver | None = None
) -> Files | None:
    """The local files of ``source``, downloaded if need be, or None where it cannot be found.

    Raises DataError where some of its files are missing, Unavailable where the Hub cannot be reached.
    """
    return next((files for find in stages(data_dir, offline, resolver) if (files := find(source)) is not None), None)


def stages(
    data_dir: str | Path | None, offline: bool, resolver: Resolver | None
) -> Iterator[Callable[[Source], Files | None]]:
    """The places to look in, nearest first; each a function from a source to its files there."""
    folders = data_folders(data_dir)
    if resolver is not None:
        yield lambda source: _from_plugin(source, data_dir, offline, resolver)
    for folder in folders:
        yield lambda source, folder=folder: _in_folder(source, folder)  # type: ignore[misc]
    if any((folder / SAMPLE_MARKER).is_file() for folder in folders):
        return  # the sample corpus is never mixed with real data
    yield _in_python
    yield _in_cache
    if not offline and os.environ.get("HF_HUB_OFFLINE", "").lower() not in ("1", "true", "yes", "on"):
        yield _on_hub


def in_another_format(sources: Sequence[Source], folders: Sequence[Path]) -> str:
    """Names files that have the right name and an ending that is not looked for; "" where there are none."""
    found: list[Path] = []
    for source in sources:
        for folder in folders:
            if isinstance(source, HubData):
                base = folder / source.repo
                named = unread_files([*places_of(base, source), base], source.split)
                found += [path for path in named if format_of(path) is None]
                continue
            base = folder / source.repo if isinstance(source, DatasetsData) else folder
            for name in source.files:
                if "*" not in name:
                    place = base / name
                    found += unread_files([place.parent], place.name.partition(".")[0])
    paths = list(dict.fromkeys(found))
    if not paths:
        return ""
    shown = ", ".join(map(str, paths[:3])) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    be = "is" if len(paths) == 1 else "are"
    hub = any(isinstance(source, HubData) for source in sources)
    expected = READ if hub else "the name that the task's source gives"
    return f"{shown} {be} there, but in another format: {expected} is expected"


def how_to_get(source: Source) -> str:
    """Tells the user how to get the files of this source into a data folder."""
    if isinstance(source, FileData) or (isinstance(source, DatasetsData) and not source.repo):
        return source.obtain
    revision = f" --revision {source.revision}" if source.revision else ""
    if isinstance(source, DatasetsData):
        pattern = "' '".join(source.files)
    else:
        pattern = f"{source.config or 'data'}/{source.split}*"
    download = f"hf download {source.repo} --repo-type dataset{revision} --include '{pattern}'"
    return f"{download} --local-dir DATA_DIR/{source.repo}"


def _from_plugin(source: Source, data_dir: str | Path | None, offline: bool, resolver: Resolver) -> Files | None:
    if not isinstance(source, HubData):
        return None
    hint = "'harness plugins' lists the plugins; --no-plugin leaves one out"
    with border(f"harness_resolve_data failed for {described(source)}", PluginError, hint=hint):
        found = resolver(source=source, data_dir=data_dir, offline=offline)
    return Files(tuple(Path(path) for path in found), "plugin") if found else None


def _in_folder(source: Source, folder: Path) -> Files | None:
    with border(f"{folder}: cannot be searched for {described(source)}", hint="check the folder and its rights"):
        if isinstance(source, HubData):
            paths = _split(folder / source.repo, source)
            return Files(paths, "folder", folder) if paths else None
        if isinstance(source, DatasetsData) and source.load is not None:
            return None
        base = folder / source.repo if isinstance(source, DatasetsData) else folder
        found = _named(base, source.files)
        return Files(found, "folder", folder) if found else None


def _named(base: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """The files of these names and patterns; none where one of them is missing."""
    found: list[Path] = []
    for name in names:
        matches = [base / name] if (base / name).is_file() else list(base.glob(name)) if "*" in name else []
        if not matches:
            return ()
        found += sorted(matches, key=lambda path: (path.name, path))
    return tuple(found)


def _in_python(source: Source) -> Files | None:
    made = isinstance(source, DatasetsData) and source.load is not None
    return Files((), "python", label=described(source)) if made else None


def _split(base: Path, source: HubData) -> tuple[Path, ...]:
    """The files of a split under ``base``, all of them; DataError where shards are missing."""
    paths = split_files(base, source)
    _check_shards(list(paths), source)
    return paths


def _check_shards(paths: list[Path], source: HubData) -> None:
    numbers = [re.search(r"-(\d{5})-of-(\d{5})", path.name) for path in paths]
    there = {int(found[1]) for found in numbers if found}
    wanted = set(range(max((int(found[2]) for found in numbers if found), default=0)))
    if missing := sorted(wanted - there):
        shards = ", ".join(f"{number:05d}" for number in missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise DataError(
            f"{paths[0].parent}: {len(missing)} of {len(wanted)} files of {source.split!r} are missing ({shards})",
            hint=how_to_get(source),
        )


def _in_snapshot(source: HubData | DatasetsData, folder: Path) -> tuple[Path, ...]:
    return _split(folder, source) if isinstance(source, HubData) else _named(folder, source.files)


def _in_cache(source: Source) -> Files | None:
    if isinstance(source, FileData) or not source.repo:
        return None
    from huggingface_hub import snapshot_download

    for revision in _revisions(source):
        try:
            folder = Path(snapshot_download(source.repo, repo_type="dataset", revision=revision, local_files_only=True))
        except PASSING:
            raise
        except BaseException as error:  # not in the cache, or in one that is damaged
            log.debug("%s is not in the cache: %s", described(source), in_words(error))
            continue
        if paths := _in_snapshot(source, folder):
            return Files(paths, "cache", folder, converted=revision == CONVERTED)
    return None


unreachable: list[str] = []
"""Reason why the Hub cannot be reached, once that is known."""


def _on_hub(source: Source) -> Files | None:
    if isinstance(source, FileData) or not source.repo or unreachable:
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    for revision, patterns in _asked_for(source):
        try:
            folder = Path(
                snapshot_download(source.repo, repo_type="dataset", revision=revision, allow_patterns=patterns)
            )
        except (RepositoryNotFoundError, RevisionNotFoundError, GatedRepoError) as error:
            log.info("%s: %s", described(source), error)
            continue
        except PASSING:
            raise
        except BaseException as error:  # a network may raise anything
            # One wait is enough: the other files of this process are not asked for.
            unreachable.append(in_words(error))
            log.warning("the Hub cannot be reached, going on without it (%s)", unreachable[0])
            return None
        if paths := _in_snapshot(source, folder):
            return Files(paths, "hub", folder, converted=revision == CONVERTED)
    return None


def _asked_for(source: HubData | DatasetsData) -> Iterator[tuple[str | None, list[str]]]:
    """The revisions to ask the Hub for, and the names of files in each: Parquet first, then what else can be read."""
    if isinstance(source, DatasetsData):
        for revision in _revisions(source):
            yield revision, list(source.files)
        return
    places = [source.config] if source.config is not None else ["data", "default"]
    for revision in _revisions(source):
        yield revision, [f"{place}/{source.split}{end}" for place in places for end in _ends(".parquet")]
    anywhere = [str(place.relative_to(".")) for place in places_of(Path(), source)]
    others = [
        f"{'' if place == '.' else f'{place}/'}{source.split}{end}"
        for place in anywhere
        for ending in FORMATS
        for compression in ("", *COMPRESSIONS)
        for end in _ends(ending + compression)
    ]
    for revision in _revisions(source):
        if revision != CONVERTED or source.revision == CONVERTED:
            yield revision, [*others, "README.md"]
            if named := _of_card(source, revision):
                yield revision, [*named, "README.md"]


def _ends(ending: str) -> tuple[str, ...]:
    """The ends of names of one file, of its shards, and of files in a folder of the split."""
    return f"-*{ending}", ending, f"/*{ending}"


def _of_card(source: HubData, revision: str | None) -> list[str]:
    """The names and patterns of files that the card of a data set names for a split, once the card is in the cache."""
    from huggingface_hub import try_to_load_from_cache

    card = try_to_load_from_cache(source.repo, "README.md", revision=revision, repo_type="dataset")
    return card_patterns(Path(card).parent, source) if isinstance(card, str) else []


def _revisions(source: HubData | DatasetsData) -> tuple[str | None, ...]:
    """The revisions that a source may be read at, the best first: its own, then, unless that is a branch, any other."""
    own = (source.revision,) if source.revision is not None else ()
    if own and not pinned(source):
        return own
    return (*own, None) if isinstance(source, DatasetsData) else (*own, None, CONVERTED)
