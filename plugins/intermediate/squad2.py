"""SQuAD v2.0: questions about paragraphs of Wikipedia, a third of them without an answer there."""

from dataclasses import replace

from harness import FileData, HubData, IntermediateTask, Split, hookimpl, readers

SQUAD2_COMMIT = "3ffb306f725f7d2ce8394bc1873b24868140c412"
COLUMNS = ("id: string", "context: string", "question: string", "answers: struct(text, answer_start)")
OBTAIN = "copy train-v2.0.json and dev-v2.0.json from rajpurkar.github.io/SQuAD-explorer to DATA_DIR/squad"


def split(hub, file, rows):
    return Split(
        HubData("rajpurkar/squad_v2", "squad_v2", hub, revision=SQUAD2_COMMIT, columns=COLUMNS),
        FileData((f"squad/{file}-v2.0.json",), readers.squad_json, OBTAIN),
        rows=rows,
    )


def read(row):
    question = readers.question(row)
    return replace(question, impossible=not question.answers)


SQUAD2 = IntermediateTask(
    name="squad2",
    title="SQuAD 2.0",
    version=1,
    family="span_qa",
    train=split("train", "train", 130_319),
    dev=split("validation", "dev", 11_873),
    example=read,
    metric="squad2",
    options={"no_answer": True},
    summary="the answer to a question, cut from a paragraph, or that there is none",
    licence="CC BY-SA 4.0",
    citation="Rajpurkar et al. 2018, Know What You Don't Know: Unanswerable Questions for SQuAD",
)


@hookimpl
def harness_intermediate_tasks():
    yield SQUAD2
