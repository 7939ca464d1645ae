"""The base of launchers: what starts jobs somewhere and says when they have ended."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from harness.core.errors import PluginError, UsageError, did_you_mean
from harness.registry.registry import load_part
from harness.studies.job import Job, JobFiles, JobResult, read_result

if TYPE_CHECKING:
    from harness.models.loaded import LoadedModel
    from harness.registry.registry import Registry
    from harness.types.progress import ProgressListener

Handle: TypeAlias = Any
"""Handle of a started job: a process, or the number of a batch job."""


class JobLauncher(ABC):
    """Starts jobs, up to ``jobs`` at a time, watches them and stops them. Order, failures and results are not its business.

    A job is submitted when all that it needs is done, and again when its process has ended without a result. ``folder``
    holds the files of the jobs; the machine that runs a job must see it, and the folders that the job names. The process
    of a job is :meth:`command`: it writes the result before it ends.
    """

    default_jobs = 1
    """Jobs at a time where ``--jobs`` is not given."""
    option_names: ClassVar[tuple[str, ...]] = ()
    """Names of its settings, which ``--launcher-option NAME=VALUE`` gives."""

    def __init__(self, folder: Path, jobs: int, registry: Registry, reporter: ProgressListener) -> None:
        self.folder = folder
        self.jobs = jobs
        self.registry = registry
        self.reporter = reporter
        self.options: Mapping[str, str] = {}
        """Settings by name, all of them among :attr:`option_names`; they are there before the first job."""
        self.loaded: LoadedModel | None = None
        """The model of all jobs, where it is in the memory of this process."""

    @abstractmethod
    def submit(self, job: Job) -> Handle:
        """Starts a job, whose file is written, and returns at once (or when the job is over)."""

    @abstractmethod
    def poll(self, handle: Handle) -> bool:
        """Tells whether the job has ended, well or not; it is asked some times a second."""

    @abstractmethod
    def cancel(self, handle: Handle) -> None:
        """Asks a job to end and to keep its state, as Ctrl-C does; it is polled until it has."""

    @property
    def in_process(self) -> bool:
        """Tells whether jobs are carried out within :meth:`submit`, in this very process, and raise there what they raise."""
        return False

    def result(self, job: Job, handle: Handle) -> JobResult | None:
        """Reads the result of a job that has ended; None where it was killed before it could write one."""
        return read_result(self.files(job).result)

    def close(self) -> None:  # noqa: B027  (most have nothing to release)
        """Releases all resources, even while jobs are still running; called once, at the end."""

    def files(self, job: Job) -> JobFiles:
        """The files of a job: itself, its result, its log."""
        return JobFiles.of(job, self.folder)

    def command(self, job: Job) -> list[str]:
        """The command line that carries out a job with this Python."""
        return job_command(self.files(job).job)


def job_command(path: Path) -> list[str]:
    """The command line that carries out the job in a file with this Python."""
    return [sys.executable, "-m", "harness.cli", "study", "job", str(path)]


def open_launcher(
    name: str,
    folder: Path,
    jobs: int | None,
    registry: Registry,
    reporter: ProgressListener,
    options: Mapping[str, str] | None = None,
) -> JobLauncher:
    """The launcher of this name, ready for jobs; UsageError where there is none, PluginError where it is broken."""
    found = registry.launcher(name)
    if not found.implementation:
        hint = f"harness study submit NAME --launcher {name}"
        raise UsageError(f"launcher {name!r} takes a study as a whole, and starts no single jobs", hint=hint)
    kind = load_part(found, "implementation")
    if not (isinstance(kind, type) and issubclass(kind, JobLauncher)):
        raise PluginError(
            f"plugin {found.provider}: launcher {name!r}: implementation: {found.implementation} is not a JobLauncher"
        )
    launcher = kind(folder.absolute(), jobs or kind.default_jobs, registry, reporter)
    launcher.options = dict(options or {})
    for option in launcher.options:
        if option not in kind.option_names:
            known = did_you_mean(option, kind.option_names) if kind.option_names else "it has none"
            raise UsageError(f"launcher {name!r}: unknown option {option!r}", hint=known)
    return launcher
