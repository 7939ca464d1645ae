"""Submission of a study as a whole: what a batch script is made of, and the script."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import PluginError, UsageError
from harness.core.files import write_atomic
from harness.registry.registry import load_part

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.extensions import Launcher


@dataclass(frozen=True)
class Submission:
    """A study that is to be carried out in parts by a scheduler.

    A part is the command ``harness`` with ``arguments`` and ``--wave W --shard I/N``, given in ``folder``. ``waves`` has the
    number of parts of each wave; a wave begins when the one before it has ended, whatever became of its parts. ``logs`` is
    the folder for what the parts print. At most ``at_a_time`` parts run together (None: as many as the scheduler likes).
    ``options`` are those of the user: ``--launcher-option NAME=VALUE``.

    A part ends with exit code 75 when it was stopped and is to be started again. It is asked to stop by SIGUSR1 or SIGTERM.
    """

    study: str
    arguments: tuple[str, ...]
    folder: Path
    logs: Path
    waves: Mapping[str, int]
    at_a_time: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchScript:
    """A file for a scheduler, ``name`` in the folder of the jobs, and the command lines that submit it.

    ``submit`` has them with ``{file}`` in the place of the file's path.
    """

    name: str
    text: str
    submit: tuple[str, ...]


def write_script(launcher: str, submission: Submission, registry: Registry) -> tuple[Path, list[str]]:
    """Writes the script of a launcher; returns its path and the command lines that submit it.

    UsageError where the launcher has none, or an option is not known to it.
    """
    found = check_script(launcher, registry)
    made = load_part(found, "script")(submission)
    if not isinstance(made, BatchScript):
        raise PluginError(f"plugin {found.provider}: launcher {launcher!r}: script: {found.script} gave no BatchScript")
    path = submission.logs / made.name
    write_atomic(path, made.text)
    return path, [line.replace("{file}", shlex.quote(str(path))) for line in made.submit]


def check_script(launcher: str, registry: Registry) -> Launcher:
    """The launcher of this name; UsageError where it writes no batch script."""
    found = registry.launcher(launcher)
    if not found.script:
        with_script = ", ".join(sorted(each.name for each in registry.launchers().values() if each.script))
        hint = f"harness study run NAME --launcher {launcher} starts its jobs; {with_script} write a script"
        raise UsageError(f"launcher {launcher!r} writes no batch script", hint=hint)
    return found
