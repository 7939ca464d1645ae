"""Data sets of the Hub behind the sources that records name."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from harness.types.sources import FileData, HubData, Source, Split, described, pinned

_COMMIT = re.compile(r"@([0-9a-f]{7,40})(?=\[|$)")


@dataclass(frozen=True)
class HubDataset:
    """A split of a data set on the Hub. ``revision`` is its full commit, "" where it is not known."""

    repo: str
    config: str
    split: str
    revision: str = ""


def without_commit(source: str) -> str:
    """A source as a record names it, without the commit that it was read at."""
    return _COMMIT.sub("", source)


def hub_datasets(recorded: str, split: Split) -> list[HubDataset]:
    """Data sets that a split was read from, by the words of its record ("a + b"); those of plain files are left out."""
    known = {without_commit(described(source)): source for piece in split.parts or (split,) for source in piece.sources}
    found = []
    for text in recorded.split(" + "):
        dataset = _dataset(known.get(without_commit(text)))
        if dataset is not None:
            found.append(replace(dataset, revision=_completed(_COMMIT.search(text), dataset.revision)))
    return list(dict.fromkeys(found))


def _dataset(source: Source | None) -> HubDataset | None:
    if source is None or isinstance(source, FileData) or not source.repo:
        return None
    config, split = (source.config or "", source.split) if isinstance(source, HubData) else ("", "")
    return HubDataset(source.repo, config, split, pinned(source))


def _completed(commit: re.Match[str] | None, pin: str) -> str:
    """The commit that data were read at, in full: the record has twelve digits of it, which may be those of the pin."""
    if commit is None or len(commit[1]) == 40:
        return commit[1] if commit else ""
    return pin if pin.startswith(commit[1]) else ""
