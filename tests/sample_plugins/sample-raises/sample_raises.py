"""Its hook raises when it is called."""

from harness import HubData, Pair, Split, TargetTask, hookimpl, splits


@hookimpl
def harness_target_tasks():
    yield TargetTask(
        name="raising",
        version=1,
        family="classification",
        labels=("bad", "good"),
        languages=splits("en sw", test=lambda code: Split(HubData("samples/raising", code, "test"), rows=4)),
        example=lambda row: Pair(row["id"], row["text"], "", row["label"]),
        metric="accuracy",
        summary="is the review good or bad?",
        licence="CC0 1.0",
        citation="written for the tests",
    )
    raise RuntimeError("the review server is down")
