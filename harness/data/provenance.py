"""Provenance of text: declared by its source, or by a file next to the data."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from harness.core.border import border
from harness.core.errors import DataError, did_you_mean
from harness.core.files import read_text
from harness.data.locate import Files
from harness.types.sources import FileData, Origin, Source, Split

if TYPE_CHECKING:
    from harness.types.record import ProvenanceRecord


@dataclass(frozen=True)
class Provenance:
    """Of a part of a split: ``language`` is "" where the split does not name one; ``system`` says who translated."""

    language: str
    origin: Origin
    system: str

    @property
    def translated(self) -> bool:
        """Tells whether people or a machine translated the text."""
        return self.origin in ("human_translation", "machine_translation")

    @property
    def note(self) -> str:
        """Note next to the score ("es: machine translation (XNLI-MT)"); "" for native text.

        Nothing is said of a test set that people translated, which is the benchmark's own way: only training data in a
        language name it.
        """
        if self.origin == "native" or (self.origin == "human_translation" and not self.language):
            return ""
        return (f"{self.language}: " if self.language else "") + origin_words(self.origin, self.system)

    def to_dict(self) -> ProvenanceRecord:
        """Plain values, as records have them."""
        return {"language": self.language, "origin": self.origin, "system": self.system}


def origin_words(origin: str, system: str) -> str:
    """``machine translation (XNLI-MT)``."""
    return origin.replace("_", " ") + (f" ({system})" if system else "")


def provenance(part: Split, source: Source, files: Files) -> Provenance:
    """That of the files of a source; DataError for a file about them that cannot be used."""
    if isinstance(source, FileData) and source.about and files.root is not None:
        for folder in files.paths[0].parents:
            if folder == files.root:
                break
            if (folder / source.about).is_file():
                return Provenance(part.language, *_read_about(folder / source.about))
    return Provenance(part.language, source.origin, source.system)


def _read_about(path: Path) -> tuple[Origin, str]:
    known = get_args(Origin)
    hint = f'origin = one of {", ".join(known)}; system = "who translated", if anybody did'
    text = read_text(path)
    with border(f"{path}: not TOML", hint=hint):
        values: dict[str, Any] = tomllib.loads(text)
    for name in values:
        if name not in ("origin", "system"):
            raise DataError(f"{path}: unknown key {name!r}; {did_you_mean(name, ('origin', 'system'))}", hint=hint)
    origin, system = values.get("origin"), values.get("system", "")
    if origin not in known:
        found = "no origin" if origin is None else f"origin {origin!r}"
        raise DataError(f"{path}: {found}, expected one of {', '.join(known)}", hint=hint)
    if not isinstance(system, str):
        raise DataError(f"{path}: system {system!r}, expected text", hint=hint)
    return cast(Origin, origin), system
