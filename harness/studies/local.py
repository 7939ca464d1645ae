"""The launcher ``local``: one job after the other in this process, or several at a time in processes of this machine."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from harness.studies.job import Job, JobResult
from harness.studies.launcher import JobLauncher
from harness.studies.run_job import run_job, working_on

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.registry.registry import Registry
    from harness.studies.launcher import Handle
    from harness.types.progress import ProgressListener

Process = subprocess.Popen[bytes]


class LocalLauncher(JobLauncher):
    """Runs a single job at a time here, with all its progress; several in processes whose output goes to their logs.

    The GPUs that this process sees are shared out, to each job the ones with the fewest others. A process ends, and keeps
    its state, when its standard input is closed: when it is cancelled, and when this process is gone.
    """

    def __init__(self, folder: Path, jobs: int, registry: Registry, reporter: ProgressListener) -> None:
        super().__init__(folder, jobs, registry, reporter)
        self._running: dict[Process, tuple[str, ...]] = {}

    def submit(self, job: Job) -> Handle:
        """Carries the job out, or starts its process."""
        if self.in_process:
            with working_on(self.files(job)):
                return run_job(job, self.registry, self.reporter, self.loaded)
        devices = self._devices(job)
        visible = {"CUDA_VISIBLE_DEVICES": ",".join(devices)} if devices else {}
        with self.files(job).log.open("ab") as log:
            process = subprocess.Popen(
                [*self.command(job), "--attached"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **visible},
                start_new_session=True,  # Ctrl-C is for the parent, which passes it on once
            )
        self._running[process] = devices
        return process

    def poll(self, handle: Handle) -> bool:
        """Tells whether the process has ended."""
        if isinstance(handle, JobResult):
            return True
        if handle.poll() is None:
            return False
        handle.stdin.close()
        self._running.pop(handle, None)
        return True

    @property
    def in_process(self) -> bool:
        """With one job at a time, which other processes would only delay."""
        return self.jobs == 1

    def result(self, job: Job, handle: Handle) -> JobResult | None:
        """That of the file, or of this process."""
        return handle if isinstance(handle, JobResult) else super().result(job, handle)

    def cancel(self, handle: Handle) -> None:
        """Closes the standard input of the process."""
        if not isinstance(handle, JobResult):
            handle.stdin.close()

    def close(self) -> None:
        """Kills what is left."""
        for process in self._running:
            process.kill()
            process.wait()

    def _devices(self, job: Job) -> tuple[str, ...]:
        """The GPUs for a job, those that the fewest jobs use; none where there are none, or the job names its device."""
        if job.options.device not in ("auto", "cuda"):
            return ()
        used = [device for devices in self._running.values() for device in devices]
        return tuple(sorted(visible_devices(os.environ), key=used.count)[: job.resources.devices])


def visible_devices(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
