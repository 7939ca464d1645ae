"""CommonsenseQA: five-way questions about everyday knowledge."""

from harness import Choice, HubData, IntermediateTask, Split, hookimpl

COLUMNS = ("id: string", "question: string", "choices: struct(label, text)", "answerKey: string")


def read(row):
    letters, options = row["choices"]["label"], tuple(row["choices"]["text"])
    return Choice(row["id"], row["question"], options, letters.index(row["answerKey"]) if row["answerKey"] else None)


COMMONSENSEQA = IntermediateTask(
    name="commonsenseqa",
    version=1,
    family="multiple_choice",
    train=Split(HubData("tau/commonsense_qa", None, "train", columns=COLUMNS), rows=9_741),
    dev=Split(HubData("tau/commonsense_qa", None, "validation", columns=COLUMNS), rows=1_221),
    example=read,
    metric="accuracy",
    summary="which of five answers fits the question about everyday life?",
    licence="MIT",
    citation="Talmor et al. 2019, CommonsenseQA: A Question Answering Challenge Targeting Commonsense Knowledge",
)


@hookimpl
def harness_intermediate_tasks():
    yield COMMONSENSEQA
