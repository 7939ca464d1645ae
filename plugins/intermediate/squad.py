"""SQuAD v1.1: questions about paragraphs of Wikipedia. XQuAD and MLQA are trained on it."""

from harness import FileData, HubData, IntermediateTask, Split, hookimpl, readers

COLUMNS = ("id: string", "context: string", "question: string", "answers: struct(text, answer_start)")
OBTAIN = "copy train-v1.1.json and dev-v1.1.json from rajpurkar.github.io/SQuAD-explorer to DATA_DIR/squad"


def split(hub, file, rows):
    return Split(
        HubData("rajpurkar/squad", "plain_text", hub, columns=COLUMNS),
        HubData("google/xtreme", "SQuAD", hub, columns=COLUMNS),
        FileData((f"squad/{file}-v1.1.json",), readers.squad_json, OBTAIN),
        rows=rows,
    )


SQUAD = IntermediateTask(
    name="squad",
    version=1,
    family="span_qa",
    train=split("train", "train", 87_599),
    dev=split("validation", "dev", 10_570),
    example=readers.question,
    metric="squad",
    summary="the answer to a question, cut from a paragraph",
    licence="CC BY-SA 4.0",
    citation="Rajpurkar et al. 2016, SQuAD: 100,000+ Questions for Machine Comprehension of Text",
)


@hookimpl
def harness_intermediate_tasks():
    yield SQUAD
