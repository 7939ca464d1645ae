"""Jobs: a run, or the training of one stage, as a value that is plain JSON; and what became of one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from harness.core.border import border
from harness.core.claims import Claims
from harness.core.damage import Damaged
from harness.core.errors import DataError, HarnessError, ModelError, PluginError, UnitsFailed, UsageError
from harness.core.files import read_text, write_atomic
from harness.core.sealed import read_sealed, sealed
from harness.types.options import EvalOptions, seeded
from harness.types.plain import from_plain, to_plain

SCHEMA = "harness-job/1"
RESULT_SCHEMA = "harness-job-result/1"
ERRORS: dict[int, type[HarnessError]] = {
    kind.exit_code: kind for kind in (HarnessError, UsageError, PluginError, DataError, ModelError, UnitsFailed)
}
"""The error of each exit code."""


@dataclass(frozen=True)
class JobResources:
    """Resources that a job wants: a number of GPUs, where there are any."""

    devices: int = 1


@dataclass(frozen=True)
class Choice:
    """An option of the target stages that a job takes from a search: the one of the runs with the best English dev score.

    ``runs`` are the folders of the runs by the value that they were made with, as text; "" is the recipe's own.
    """

    option: str
    runs: Mapping[str, str]


@dataclass(frozen=True)
class Job:
    """One piece of work for one process: an ``evaluation`` (a run into the folder ``out``) or a ``stage`` (into a checkpoint).

    ``benchmark``, ``tasks`` and ``languages`` select units as in :func:`harness.evaluate`, ``seed`` is that of the training
    (None: the recipe's). A stage job trains the stage with the key ``stage`` among those that its selection leads to.
    ``needs`` are the keys of jobs that must be done before; those whose runs decide about ``choice`` are among them.
    Relative paths are meant in ``folder``; ``plugins`` are files to load, ``disabled`` the names of plugins to leave out.
    ``name`` is for people.
    """

    name: str
    kind: Literal["evaluation", "stage"]
    model: str
    out: str
    benchmark: str | None = None
    tasks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    options: EvalOptions = field(default_factory=EvalOptions)
    seed: int | None = None
    choice: Choice | None = None
    stage: str = ""
    needs: tuple[str, ...] = ()
    resources: JobResources = field(default_factory=JobResources)
    folder: str = "."
    plugins: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses a stage job that names no stage."""
        if (self.kind == "stage") != bool(self.stage):
            raise UsageError(f"job {self.name!r}: a job names the key of a stage if its kind is 'stage', and only then")

    @property
    def key(self) -> str:
        """That of the stage that it trains; of an evaluation, sha256 over all that it does."""
        if self.stage:
            return self.stage
        content = to_plain(replace(self, name="", needs=(), resources=JobResources()))
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def seeded(self) -> EvalOptions:
        """The options with the seed among them."""
        return self.options if self.seed is None else seeded(self.options, self.seed)

    def to_json(self) -> str:
        """The job as text; :class:`~harness.core.errors.UsageError` for an option that JSON cannot hold."""
        try:
            return json.dumps({"schema": SCHEMA, **to_plain(self)}, indent=1) + "\n"
        except DataError as error:
            raise UsageError(f"job {self.name!r} cannot be written: {error}") from None

    @classmethod
    def from_json(cls, text: str, where: str = "job") -> Job:
        """Reads what :meth:`to_json` gave; DataError, beginning with ``where``, for anything else."""
        with border(f"{where}: not a job"):
            plain = json.loads(text)
            schema = plain.pop("schema", None)
        if schema != SCHEMA:
            hint = "written by another version of the harness?"
            raise DataError(f"{where}: schema {schema!r}, {SCHEMA!r} expected", hint=hint)
        return from_plain(cls, plain, where)


@dataclass(frozen=True)
class JobResult:
    """Result of a job: an exit code (those of the command line), one line of message, and where things are.

    ``paths`` are relative to the job's ``folder``: the "run", or the "checkpoint". ``seconds`` are those of all the work on
    it, also by earlier processes. ``lost``: the process ended without saying anything (it was killed, say).
    """

    key: str
    exit_code: int = 0
    message: str = ""
    hint: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    lost: bool = False

    @classmethod
    def of(cls, job: Job, error: HarnessError) -> JobResult:
        """The result of a job that an error has ended."""
        return cls(job.key, error.exit_code, str(error), error.hint)

    @property
    def done(self) -> bool:
        """Tells whether the job produced its output; a run with failed units did."""
        return self.exit_code in (0, UnitsFailed.exit_code)

    def error(self, prefix: str = "") -> HarnessError:
        """The failure as an error of the kind that its exit code denotes."""
        return ERRORS.get(self.exit_code, HarnessError)(f"{prefix}{self.message}", hint=self.hint)


@dataclass(frozen=True)
class JobFiles:
    """The files of a job in a folder of jobs: the job, its result, what it printed, and the claim of who is at it."""

    job: Path
    result: Path
    log: Path
    claim: Path

    @classmethod
    def of(cls, job: Job, folder: Path) -> JobFiles:
        """Those of a job."""
        stem = f"{job.kind}-{job.key[:12]}"
        return cls.beside(folder / f"{stem}.json")

    @classmethod
    def beside(cls, path: Path) -> JobFiles:
        """Those of a job that is in the file ``path``."""
        claim = Claims(path.parent / ".claims").path(path.stem)
        return cls(path, path.with_suffix(".result.json"), path.with_suffix(".log"), claim)


def read_job(path: Path) -> Job:
    """The job of a file; DataError where it is none."""
    return Job.from_json(read_text(path), str(path))


def write_result(path: Path, result: JobResult) -> None:
    """Writes a result as a whole or not at all."""
    write_atomic(path, json.dumps(sealed({"schema": RESULT_SCHEMA, **to_plain(result)}), indent=1) + "\n")


def read_result(path: Path) -> JobResult | None:
    """The result that a job has written; None where there is none (or half of one)."""
    try:
        plain: dict[str, Any] = read_sealed(path)
    except Damaged:
        return None
    if plain.pop("schema", None) != RESULT_SCHEMA:
        return None
    return from_plain(JobResult, plain, str(path))
