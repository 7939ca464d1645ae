"""Returns something that is no task."""

from harness import hookimpl


@hookimpl
def harness_target_tasks():
    return [{"name": "wrong"}]
