"""The name of its hook is misspelt."""

from harness import HubData, Pair, Split, TargetTask, hookimpl, splits


@hookimpl
def harness_traget_tasks():
    yield TargetTask(
        name="misspelt",
        version=1,
        family="classification",
        labels=("bad", "good"),
        languages=splits("en sw", test=lambda code: Split(HubData("samples/misspelt", code, "test"), rows=4)),
        example=lambda row: Pair(row["id"], row["text"], "", row["label"]),
        metric="accuracy",
        summary="is the review good or bad?",
        licence="CC0 1.0",
        citation="written for the tests",
    )
