"""QQP: do two questions from Quora ask the same?"""

from harness import HubData, IntermediateTask, Pair, Split, hookimpl

GLUE_COMMIT = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
LABELS = ("not_duplicate", "duplicate")
COLUMNS = ("question1: string", "question2: string", f"label: label({', '.join(LABELS)})")

QQP = IntermediateTask(
    name="qqp",
    title="QQP",
    version=1,
    family="classification",
    labels=LABELS,
    train=Split(HubData("nyu-mll/glue", "qqp", "train", revision=GLUE_COMMIT, columns=COLUMNS), rows=363_846),
    dev=Split(HubData("nyu-mll/glue", "qqp", "validation", revision=GLUE_COMMIT, columns=COLUMNS), rows=40_430),
    example=lambda row: Pair(str(row["_row"]), row["question1"], row["question2"], row["label"]),
    metric="accuracy_f1",
    summary="do the two questions ask the same?",
    licence="Quora terms, non-commercial",
    citation="Iyer et al. 2017, First Quora Dataset Release: Question Pairs; as in GLUE, Wang et al. 2019",
)


@hookimpl
def harness_intermediate_tasks():
    yield QQP
