"""CommonsenseQA: five-way questions about everyday knowledge; in Japanese, JCommonsenseQA."""

from harness import Choice, FileData, HubData, IntermediateTask, Split, hookimpl, readers

COMMONSENSEQA_COMMIT = "94630fe30dad47192a8546eb75f094926d47e155"
COLUMNS = ("id: string", "question: string", "choices: struct(label, text)", "answerKey: string")

JGLUE = "copy the folder datasets/jcommonsenseqa-v1.3 from github.com/yahoojapan/JGLUE to DATA_DIR/jglue"


def read(row):
    letters, options = row["choices"]["label"], tuple(row["choices"]["text"])
    return Choice(row["id"], row["question"], options, letters.index(row["answerKey"]) if row["answerKey"] else None)


def read_japanese(row):
    return Choice(str(row["q_id"]), row["question"], tuple(row[f"choice{n}"] for n in range(5)), row["label"])


def japanese(file, rows):
    files = (f"jglue/jcommonsenseqa-v1.3/{file}-v1.3.json",)
    return Split(FileData(files, readers.json_lines, JGLUE, example=read_japanese), rows=rows)


COMMONSENSEQA = IntermediateTask(
    name="commonsenseqa",
    title="CommonsenseQA",
    version=1,
    family="multiple_choice",
    train=Split(
        HubData("tau/commonsense_qa", None, "train", revision=COMMONSENSEQA_COMMIT, columns=COLUMNS), rows=9_741
    ),
    dev=Split(
        HubData("tau/commonsense_qa", None, "validation", revision=COMMONSENSEQA_COMMIT, columns=COLUMNS), rows=1_221
    ),
    languages={"ja": {"train": japanese("train", 8_939), "dev": japanese("valid", 1_119)}},
    example=read,
    metric="accuracy",
    summary="which of five answers fits the question about everyday life?",
    licence="MIT; JCommonsenseQA CC BY-SA 4.0",
    citation="Talmor et al. 2019, CommonsenseQA: A Question Answering Challenge Targeting Commonsense Knowledge; "
    "Kurihara et al. 2022 (JGLUE)",
)


@hookimpl
def harness_intermediate_tasks():
    yield COMMONSENSEQA
