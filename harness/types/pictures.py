"""Pictures that are read when they are asked for: equal where their bytes are, wherever these are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from harness.core.errors import DataError

_OBTAIN = "put the pictures there: under the names that the captions give them"


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture (PNG, JPEG, ...): its name, and a file or bytes.

    ``digest`` is blake2b of the bytes, in 32 hexadecimal digits; "" where the picture is not at hand and only its captions
    are. ``path`` and ``content`` say where the bytes are. They are no part of equality, nor of a fingerprint of data.
    """

    name: str
    digest: str = ""
    path: str = field(default="", compare=False)
    content: bytes = field(default=b"", compare=False, repr=False)

    @property
    def identity(self) -> str:
        """One key for a picture, however often it is stored."""
        return self.digest or self.name

    @classmethod
    def of_file(cls, path: Path, name: str = "") -> Picture:
        """The picture in a file, which stays there; DataError where it cannot be read."""
        return cls(name or path.name, _digest(_bytes_of(path)), str(path))

    @classmethod
    def of_bytes(cls, content: bytes, name: str) -> Picture:
        """The picture that these bytes are."""
        return cls(name, _digest(content), content=content)

    def read(self) -> bytes:
        """The bytes as they are stored; DataError where they are not at hand, or no longer the same."""
        if not self.digest:
            raise DataError(f"{self.path or self.name}: this picture is not there", hint=_OBTAIN)
        if self.content:
            return self.content
        content = _bytes_of(Path(self.path))
        if _digest(content) != self.digest:
            raise DataError(f"{self.path}: the picture was changed while it was used", hint="start again")
        return content


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: this picture cannot be read ({error.strerror})", hint=_OBTAIN) from None
