"""Files of models that packages of PyPI carry: found where they are installed, and compared with what is expected."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from harness.core.border import border
from harness.core.errors import ModelError


@dataclass(frozen=True)
class PackagedFile:
    """A file within an installed package, and its sha256."""

    distribution: str
    package: str
    name: str
    sha256: str

    @property
    def path(self) -> Path | None:
        """The file; None where the package is not installed, which is looked up without importing it."""
        found = find_spec(self.package)
        return (
            Path(found.submodule_search_locations[0], self.name) if found and found.submodule_search_locations else None
        )

    def content(self, model: str, install: str) -> bytes:
        """Its bytes; ModelError, with the command that installs the package, where they are missing or others."""
        path = self.path
        if path is None:
            raise ModelError(f"{model}: the PyPI package {self.distribution} is not installed", hint=install)
        with border(f"{model}: {path} cannot be read", ModelError, hint=install):
            found = path.read_bytes()
        if (digest := sha256(found).hexdigest()) != self.sha256:
            raise ModelError(
                f"{path}: not the file of {self.distribution}: its sha256 is {digest}, expected {self.sha256}",
                hint=install,
            )
        return found
