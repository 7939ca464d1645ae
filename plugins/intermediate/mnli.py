"""MNLI: three-way natural language inference over ten genres."""

from harness import HubData, IntermediateTask, Pair, Split, hookimpl

COLUMNS = ("premise: string", "hypothesis: string", "label: label(entailment, neutral, contradiction)")

MNLI = IntermediateTask(
    name="mnli",
    version=1,
    family="classification",
    labels=("contradiction", "entailment", "neutral"),
    train=Split(HubData("nyu-mll/glue", "mnli", "train", columns=COLUMNS), rows=392_702),
    dev=Split(HubData("nyu-mll/glue", "mnli", "validation_matched", columns=COLUMNS), rows=9_815),
    example=lambda row: Pair(str(row["_row"]), row["premise"], row["hypothesis"], row["label"]),
    metric="accuracy",
    summary="does the hypothesis follow from the premise, contradict it, or neither?",
    licence="mixed: OANC licence, CC BY 3.0, CC BY-SA 3.0",
    citation="Williams et al. 2018, A Broad-Coverage Challenge Corpus for Sentence Understanding through Inference",
)


@hookimpl
def harness_intermediate_tasks():
    yield MNLI
