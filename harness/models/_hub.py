"""Downloads from the Hub: whatever goes wrong becomes one error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.core.border import border
from harness.core.errors import ModelError


@contextmanager
def from_hub(what: str, *, offline: bool, hint: str) -> Iterator[None]:
    """A border for downloads. Offline, what is not in the cache is said in these words and not in the library's."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    told = f"{what}: not in the local cache" if offline else what
    with border(told, ModelError, hint=hint):
        try:
            yield
        except LocalEntryNotFoundError as error:
            if not offline:
                raise
            raise ModelError(told, hint=hint) from error
