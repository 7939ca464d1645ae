"""HellaSwag: which of four endings continues the description?"""

from harness import Choice, HubData, IntermediateTask, Split, hookimpl

COLUMNS = ("ctx_a: string", "ctx_b: string", "endings: strings", "label: string")


def read(row):
    """``ctx_b`` is the beginning of the last sentence, which the endings complete; it may be empty."""
    options = tuple(f"{row['ctx_b']} {ending}".strip() for ending in row["endings"])
    return Choice(str(row["_row"]), row["ctx_a"], options, int(row["label"]) if row["label"] else None)


HELLASWAG = IntermediateTask(
    name="hellaswag",
    version=1,
    family="multiple_choice",
    train=Split(HubData("Rowan/hellaswag", None, "train", columns=COLUMNS), rows=39_905),
    dev=Split(HubData("Rowan/hellaswag", None, "validation", columns=COLUMNS), rows=10_042),
    example=read,
    metric="accuracy",
    summary="which of four endings continues the description?",
    licence="MIT",
    citation="Zellers et al. 2019, HellaSwag: Can a Machine Really Finish Your Sentence?",
)


@hookimpl
def harness_intermediate_tasks():
    yield HELLASWAG
