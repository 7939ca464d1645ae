"""Cosmos QA: reading comprehension that takes common sense; four answers, one of them often "none of the above"."""

from harness import Choice, HubData, IntermediateTask, Split, hookimpl

COSMOSQA_COMMIT = "28d9d5e2aae025e73e11177891a88dba51190013"
COLUMNS = ("context: string", "question: string", *(f"answer{n}: string" for n in range(4)), "label: integer")


def read(row):
    prompt = f"{row['context']} {row['question']}"
    options = tuple(row[f"answer{n}"] for n in range(4))
    return Choice(str(row["_row"]), prompt, options, row["label"] if row["label"] >= 0 else None)


COSMOSQA = IntermediateTask(
    name="cosmosqa",
    title="Cosmos QA",
    version=1,
    family="multiple_choice",
    train=Split(HubData("allenai/cosmos_qa", None, "train", revision=COSMOSQA_COMMIT, columns=COLUMNS), rows=25_262),
    dev=Split(HubData("allenai/cosmos_qa", None, "validation", revision=COSMOSQA_COMMIT, columns=COLUMNS), rows=2_985),
    example=read,
    metric="accuracy",
    summary="which of four answers fits the question about a personal story?",
    licence="CC BY 4.0",
    citation="Huang et al. 2019, Cosmos QA: Machine Reading Comprehension with Contextual Commonsense Reasoning",
)


@hookimpl
def harness_intermediate_tasks():
    yield COSMOSQA
