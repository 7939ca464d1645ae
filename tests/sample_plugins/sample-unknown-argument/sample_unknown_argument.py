"""Its hook asks for an argument that there is not."""

from harness import HubData, Pair, Split, TargetTask, hookimpl, splits


@hookimpl
def harness_target_tasks(config):
    yield TargetTask(
        name="argued",
        version=1,
        family="classification",
        labels=("bad", "good"),
        languages=splits("en sw", test=lambda code: Split(HubData("samples/argued", code, "test"), rows=4)),
        example=lambda row: Pair(row["id"], row["text"], "", row["label"]),
        metric="accuracy",
        summary="is the review good or bad?",
        licence="CC0 1.0",
        citation="written for the tests",
    )
