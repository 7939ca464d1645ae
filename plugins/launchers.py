"""Launchers: places where the jobs of a study run. This machine, a Ray cluster, and what schedulers do with a script."""

from harness import Launcher, hookimpl

LAUNCHERS = (
    Launcher("local", "harness.studies.local:LocalLauncher", "on this machine, --jobs at a time (default: 1)"),
    Launcher("ray", "harness.studies.ray:RayLauncher", "tasks of a Ray cluster (the extra ray)"),
    Launcher("slurm", script="harness.studies.slurm:array_script", summary="arrays of batch jobs (study submit)"),
    Launcher(
        "kubernetes", script="harness.studies.kubernetes:indexed_jobs", summary="indexed Jobs of pods (study submit)"
    ),
)


@hookimpl
def harness_launchers():
    yield from LAUNCHERS
