"""The launcher ``ray`` on a cluster of several nodes on this machine, one of which is killed while it works."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from own_study import grid, options, outcome, wait

from harness.core.errors import UsageError
from harness.registry.registry import Registry
from harness.studies.job import Job
from harness.studies.launcher import open_launcher
from harness.studies.ray import RayLauncher
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener

MEMORY = 80 * 2**20
"""Bytes of the object store of a node, the least that Ray takes."""


@pytest.fixture(scope="module")
def cluster(here: Path, small_model: Path) -> Iterator[Any]:
    """A head that does no work, and two nodes with room for a job each."""
    ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL", str(small_model))  # the jobs inherit it from their node
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("HANG", str(here / "hang"))
        head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": MEMORY}
        made = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            made.add_node(num_cpus=1, num_gpus=0, object_store_memory=MEMORY)
        yield made
        ray.shutdown()
        made.shutdown()


def node_of(cluster: Any, pid: int) -> Any:
    """The node that a process belongs to: one of its ancestors is the node's raylet."""
    import psutil

    ancestors = {parent.pid for parent in psutil.Process(pid).parents()}
    return next(
        node for node in cluster.worker_nodes if ancestors & {each.process.pid for each in node.all_processes["raylet"]}
    )


def test_a_killed_node_costs_its_unit_and_the_bits_are_those_of_one_process(
    cluster: Any,
    registry: Registry,
    here: Path,
    alone: dict[str, Any],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    mark = here / "hang"
    killed: list[Any] = []

    def kill() -> None:
        """Kills the node whose job has scored its first unit, and hangs."""
        wait(mark.exists)
        pid = int(mark.read_text())
        killed.append(node_of(cluster, pid))
        cluster.remove_node(killed[0], allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    variables = dict(os.environ)
    done, lines = grid(registry, here, tmp_path, launcher="ray", options={"address": cluster.address})
    killer.join()
    assert killed and not done.failed and outcome(tmp_path) == alone
    logs = [path.read_text() for path in (tmp_path / "jobs").glob("*.log")]
    [resumed] = [text for text in logs if "(kept)" in text]
    assert resumed.count("mine/en/test") == 2 and sum(text.count("training on before") for text in logs) == 1
    assert sum("started: " in line for line in lines) == 4  # Ray has moved the job by itself
    assert capfd.readouterr().out == ""
    assert {name for name in os.environ if os.environ[name] != variables.get(name)} <= {"RAY_USAGE_STATS_ENABLED"}


def test_a_cancelled_job_saves_and_ends(cluster: Any, registry: Registry, here: Path, tmp_path: Path) -> None:
    (here / "hang").unlink(missing_ok=True)
    launcher = open_launcher("ray", tmp_path, None, registry, ProgressListener(), {"address": cluster.address})
    job = Job("one", "evaluation", "baseline:random", str(tmp_path / "run"), tasks=("mine",), folder=str(here))
    job = replace(job, plugins=(str(here / "plugin.py"),), options=options(here))
    try:
        launcher.files(job).job.write_text(job.to_json(), encoding="utf-8")
        handle = launcher.submit(job)
        wait((here / "hang").exists)
        launcher.cancel(handle)
        wait(lambda: launcher.poll(handle))
        assert launcher.result(job, handle) is None and not list(tmp_path.glob(".claims/*"))
    finally:
        launcher.close()
    assert "stopped, 1 of 2 units are scored and kept" in launcher.files(job).log.read_text()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"adress": "auto"}, "launcher 'ray': unknown option 'adress'"),
        ({"cpus": "many", "address": "CLUSTER"}, "option cpus='many': a number expected"),
    ],
)
def test_mistakes_are_one_line(
    settings: dict[str, str], said: str, cluster: Any, registry: Registry, tmp_path: Path
) -> None:
    settings = {name: value.replace("CLUSTER", cluster.address) for name, value in settings.items()}
    with pytest.raises(UsageError) as raised:
        launcher = open_launcher("ray", tmp_path, None, registry, ProgressListener(), settings)
        try:
            assert launcher.jobs
        finally:
            launcher.close()
    assert said in str(raised.value)


def test_an_address_without_a_cluster_is_one_line(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(*words: Any, **more: Any) -> None:
        raise ConnectionError("Could not find any running Ray instance.\nMore lines.")

    monkeypatch.setattr("ray.init", init)
    launcher = open_launcher("ray", tmp_path, None, registry, ProgressListener(), {"address": "auto"})
    with pytest.raises(UsageError, match="no cluster at auto") as raised:
        assert launcher.jobs
    assert str(raised.value).endswith("no cluster at auto: Could not find any running Ray instance.")


def test_jobs_at_a_time_are_those_that_the_cluster_has_room_for(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def launcher(jobs: int | None = None, **settings: str) -> RayLauncher:
        made = open_launcher("ray", tmp_path, jobs, registry, ProgressListener(), settings)
        assert isinstance(made, RayLauncher)
        return made

    room = {"CPU": 64.0, "GPU": 6.0, "memory": 512 * 2**30}
    monkeypatch.setattr(RayLauncher, "_resources", lambda self: room)
    assert launcher(9).jobs == 9 and launcher().jobs == 6
    assert launcher(cpus="16").jobs == 4 and launcher(gpus="2").jobs == 3 and launcher(gpus="0", memory="200").jobs == 2
    room.pop("GPU")
    assert launcher().jobs == 64 and launcher(cpus="128").jobs == 1
    on_gpus = Job("one", "evaluation", "tiny", "run")
    assert launcher()._needs(on_gpus) == {"num_cpus": 1.0, "num_gpus": 0.0}
    room["GPU"] = 8.0
    assert launcher()._needs(on_gpus)["num_gpus"] == 1.0
    assert launcher()._needs(replace(on_gpus, options=EvalOptions(device="cpu")))["num_gpus"] == 0.0
