"""A Slurm cluster of one node on this machine, for tests: started as root from Debian's packages, in a folder of its own."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "sinfo")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,requeue_delay=1
KillWait=10
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def lacking() -> str:
    """The reason for which no cluster can be started here; "" if one can be."""
    if os.getuid() != 0:
        return "Slurm is started by root only"
    gone = [program for program in PROGRAMS if _found(program) is None]
    return f"not installed (Debian: slurm-wlm): {', '.join(gone)}" if gone else ""


def _found(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin")


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Starts the cluster; yields the variables by which its commands find it. RuntimeError where it does not come up."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    configuration = folder / "slurm.conf"
    host = platform.node().partition(".")[0]
    values = {"host": host, "folder": folder, "processors": os.cpu_count(), "controller": _port(), "node": _port()}
    configuration.write_text(CONFIGURATION.format(**values), encoding="utf-8")
    variables = {"SLURM_CONF": str(configuration)}
    munge = [f"--{name}={folder / value}" for name, value in MUNGE.items()]
    started = []
    try:
        for words in (
            ["munged", "--force", "--foreground", *munge],
            ["slurmctld", "-D", "-f", str(configuration)],
            ["slurmd", "-D", "-f", str(configuration)],
        ):
            program = _found(words[0])
            assert program
            environment = {**os.environ, **variables}
            started.append(
                subprocess.Popen(
                    [program, *words[1:]], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            )
            time.sleep(0.5)
        _wait_for_node(variables, started)
        yield variables
    finally:
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["scancel", "--full", "--user=root"], env={**os.environ, **variables}, timeout=20)
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
            process.wait()


MUNGE = {
    "key-file": "munge.key",
    "socket": "munge.socket",
    "pid-file": "munged.pid",
    "log-file": "munged.log",
    "seed-file": "munge.seed",
}


def _wait_for_node(variables: dict[str, str], started: list[subprocess.Popen[bytes]]) -> None:
    given_up = time.monotonic() + 600
    while time.monotonic() < given_up:
        if any(process.poll() is not None for process in started):
            raise RuntimeError("a daemon of Slurm has ended")
        found = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env={**os.environ, **variables}, capture_output=True, text=True
        )
        if found.stdout.split() == ["idle"]:
            return
        time.sleep(0.5)
    raise RuntimeError(f"the node did not come up: {found.stdout}{found.stderr}")


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
