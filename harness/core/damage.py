"""Damaged files and folders: reported in one line and moved out of the way, never deleted."""

from __future__ import annotations

import logging
from itertools import count
from pathlib import Path

from harness.core.claims import confirm_claims
from harness.core.errors import DataError

log = logging.getLogger(__name__)

MARK = ".damaged"
"""Ends the name of what was set aside, before a number where there are several."""


class Damaged(DataError):
    """A file or a folder that the harness wrote, and that is no longer what it wrote. The message names it."""


def set_aside(path: Path, damage: Damaged, then: str) -> None:
    """Renames ``path`` to ``<path>.damaged`` and logs a warning: the damage, and what happens ``then``.

    :class:`DataError` where it cannot be renamed. Nothing is done where it is gone: another process was faster.
    """
    names = (path.with_name(f"{path.name}{MARK}{f'-{number}' if number > 1 else ''}") for number in count(1))
    confirm_claims()
    aside = next(name for name in names if not name.exists())
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(
            f"{damage}; {path} cannot be moved out of the way: {error.strerror}",
            hint="move it away yourself, or work in another folder",
        ) from None
    log.warning("%s; it is now %s: %s", damage, aside.name, then)
