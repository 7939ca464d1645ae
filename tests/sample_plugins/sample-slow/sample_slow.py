"""Takes more than a second to import."""

import time

from harness import HubData, Pair, Split, TargetTask, hookimpl, splits

time.sleep(1.2)


@hookimpl
def harness_target_tasks():
    yield TargetTask(
        name="slow",
        version=1,
        family="classification",
        labels=("bad", "good"),
        languages=splits("en sw", test=lambda code: Split(HubData("samples/slow", code, "test"), rows=4)),
        example=lambda row: Pair(row["id"], row["text"], "", row["label"]),
        metric="accuracy",
        summary="is the review good or bad?",
        licence="CC0 1.0",
        citation="written for the tests",
    )
