"""COPA: which of two alternatives is the cause, or the effect, of the premise? XTREME-R trains XCOPA on it."""

from harness_plugins.translations_of_xtreme import of_xtreme

from harness import Choice, FileData, HubData, IntermediateTask, Split, hookimpl, readers, splits

SUPERGLUE_COMMIT = "3de24cf8022e94f4ee4b9d55a6f539891524d646"
COLUMNS = (
    "premise: string",
    "choice1: string",
    "choice2: string",
    "question: string",
    "label: label(choice1, choice2)",
)
OBTAIN = "copy train.jsonl and val.jsonl of SuperGLUE's COPA to DATA_DIR/copa"


def read(row):
    """The English question is part of the prompt, as XTREME-R's script asks it in every language."""
    prompt = f"{row['premise']} What was the {row['question']}?"
    answer = {"choice1": 0, "choice2": 1}.get(row["label"], row["label"])
    return Choice(str(row["_row"]), prompt, (row["choice1"], row["choice2"]), answer)


def split(hub, file, rows):
    return Split(
        HubData("aps/super_glue", "copa", hub, revision=SUPERGLUE_COMMIT, columns=COLUMNS),
        FileData((f"copa/{file}.jsonl",), readers.json_lines, OBTAIN),
        rows=rows,
    )


def translated(code):
    """The training data as XTREME translated them for XCOPA."""
    file = f"xcopa_translate_train/xcopa_{code}_translate_train.jsonl"
    return Split(of_xtreme(file, readers.json_lines), rows=400)


COPA = IntermediateTask(
    name="copa",
    title="COPA",
    version=1,
    family="multiple_choice",
    train=split("train", "train", 400),
    dev=split("validation", "val", 100),
    languages=splits("et ht id it qu sw ta th tr vi zh", train=translated),
    example=read,
    metric="accuracy",
    summary="which of two alternatives is the cause, or the effect, of the premise?",
    licence="BSD 2-Clause",
    citation="Roemmele et al. 2011, Choice of Plausible Alternatives; as in SuperGLUE, Wang et al. 2019",
)


@hookimpl
def harness_intermediate_tasks():
    yield COPA
