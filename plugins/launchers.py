"""Launchers: places where the jobs of a study run. This one is this machine."""

from harness import Launcher, hookimpl

LOCAL = Launcher("local", "harness.studies.local:LocalLauncher", "on this machine, --jobs at a time (default: 1)")


@hookimpl
def harness_launchers():
    yield LOCAL
