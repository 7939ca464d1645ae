"""The launcher ``ray``: each job as a Ray Core task with its resources, on a local cluster or on one with an address."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.core.interruption import SIGNALS
from harness.studies.job import Job, JobFiles, JobResult, read_result
from harness.studies.launcher import JobLauncher, job_command

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.studies.launcher import Handle
    from harness.types.progress import ProgressListener

RETRIES = 20
"""Number of times Ray starts a task again whose worker or node was lost. The job resumes where it was."""
LOOK_EVERY = 5.0
"""Seconds between looks at the resources of the cluster, which nodes join and leave."""
POLL = 0.2
"""Seconds between looks at the process of a job."""
GIGABYTE = 2**30
_DEBUGGER = "PYTHONBREAKPOINT"
"""The variable by which Ray puts its own debugger in the place of Python's, for all that comes after in this process."""


class RayLauncher(JobLauncher):
    """Gives jobs to Ray, each with its processors, GPUs and memory, as many at a time as the cluster has room for.

    A task starts the process of the job on its node, so that a crash of the job costs nothing else, and stops it, as Ctrl-C
    does, when the task is cancelled or its worker is gone. The nodes must see the folder of the study under the same path.

    Options: ``address`` (``auto``, ``HOST:6379``, ``ray://HOST:10001``; by default that of the variable ``RAY_ADDRESS``, else
    a cluster on this machine is started), and what each job requests: ``cpus`` (default: 1), ``gpus`` (default: 1 where the
    cluster has any) and ``memory`` in GB (default: none).
    """

    default_jobs = 0
    option_names = ("address", "cpus", "gpus", "memory")

    def __init__(self, folder: Path, jobs: int, registry: Registry, reporter: ProgressListener) -> None:
        super().__init__(folder, jobs, registry, reporter)
        self._ray: Any = None
        self._own = False
        self._room: dict[str, float] = {}
        self._looked = 0.0

    @property
    def jobs(self) -> int:
        """The number that was asked for, else that of the jobs for which the cluster has room at the moment."""
        if self._asked:
            return self._asked
        room = self._resources()
        needs = self._needs(None)
        wanted = {"CPU": needs["num_cpus"], "GPU": needs["num_gpus"], "memory": needs.get("memory", 0)}
        return max(1, int(min((room.get(name, 0.0) / need for name, need in wanted.items() if need), default=1)))

    @jobs.setter
    def jobs(self, number: int) -> None:
        self._asked = number

    def submit(self, job: Job) -> Handle:
        """Hands the job to Ray, which starts it where its resources are free."""
        task = self._connected().remote(carry_out)
        return task.options(name=job.name, max_retries=RETRIES, **self._needs(job)).remote(str(self.files(job).job))

    def poll(self, handle: Handle) -> bool:
        """Tells whether the task has ended."""
        ready, _ = self._connected().wait([handle], timeout=0)
        return bool(ready)

    def cancel(self, handle: Handle) -> None:
        """Interrupts the task, which stops its process."""
        self._connected().cancel(handle)

    def result(self, job: Job, handle: Handle) -> JobResult | None:
        """The result as the task read it: files that another node wrote may not be visible here yet."""
        from ray.exceptions import RayError, RayTaskError, TaskCancelledError

        try:
            found: JobResult | None = self._connected().get(handle)
        except TaskCancelledError:
            return None
        except RayTaskError as error:
            hint = "is the harness installed on every node, in the environment of Ray's workers?"
            return JobResult(job.key, 1, f"the task failed on its node: {error.cause}", hint)
        except RayError:
            return None
        return found

    def close(self) -> None:
        """Leaves the cluster, and ends it if it was started here."""
        if self._ray is not None and self._own:
            self._ray.shutdown()

    def _needs(self, job: Job | None) -> dict[str, float]:
        """The resources of a task; those of a job on all GPUs that it may use for None."""
        needs = {"num_cpus": self._number("cpus", 1.0)}
        on_gpu = job is None or job.options.device in ("auto", "cuda")
        devices = float(job.resources.devices if job else 1)
        some = bool(self._resources().get("GPU")) and on_gpu
        needs["num_gpus"] = self._number("gpus", devices if some else 0.0)
        if "memory" in self.options:
            needs["memory"] = self._number("memory", 0.0) * GIGABYTE
        return needs

    def _number(self, name: str, default: float) -> float:
        text = self.options.get(name)
        if text is None:
            return default
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if number < 0:
            raise UsageError(f"launcher 'ray': option {name}={text!r}: a number expected")
        return number

    def _resources(self) -> dict[str, float]:
        """The resources of the cluster: the sum over its nodes."""
        if time.monotonic() - self._looked > LOOK_EVERY or not self._room:
            self._room = self._connected().cluster_resources()
            self._looked = time.monotonic()
        return self._room

    def _connected(self) -> Any:
        if self._ray is None:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing about a run is sent to anyone
            try:
                import ray
            except ImportError:
                raise UsageError(
                    "launcher 'ray' needs the package ray", hint="pip install 'xtreme-harness[ray]'"
                ) from None
            if not ray.is_initialized():
                self._begin(ray)
            self._ray = ray
        return self._ray

    def _begin(self, ray: Any) -> None:
        address = self.options.get("address") or os.environ.get("RAY_ADDRESS") or "local"
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        debugger = os.environ.get(_DEBUGGER)
        try:
            ray.init(address, include_dashboard=None if address else False, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, OSError, ValueError, RuntimeError) as error:
            where = f"at {address}" if address else "on this machine"
            first = str(error).strip().partition("\n")[0]
            raise UsageError(
                f"launcher 'ray': no cluster {where}: {first}",
                hint="--launcher-option address=HOST:PORT; 'ray status' says whether one is running",
            ) from None
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)  # Ray's own end the process where ours save
            os.environ.pop(_DEBUGGER, None)  # Ray's own waits for a debugger on a port
            if debugger is not None:
                os.environ[_DEBUGGER] = debugger
        self._own = True
        # Else the last lines of a lost node's log are printed on standard output, where results belong (as in ray.util.rpdb).
        ray._private.worker._worker_logs_enabled = False


def carry_out(path: str) -> JobResult | None:
    """The task: the process of a job, on the node that Ray has chosen. Returns the job's result, None where it left none."""
    # Ray cancels a task by this signal, which a cluster that was started in the background of a shell has switched off.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    files = JobFiles.beside(Path(path))
    with files.log.open("ab") as log:
        process = subprocess.Popen(
            [*job_command(files.job), "--attached"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdin is not None
    try:
        while process.poll() is None:  # a cancellation does not interrupt a system call
            time.sleep(POLL)
    except BaseException:  # cancelled
        process.stdin.close()
        process.wait()
        raise
    return read_result(files.result)
