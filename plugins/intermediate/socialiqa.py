"""SocialIQA: three-way questions about what people want, feel and do. XTREME-R trains XCOPA on it, then on COPA."""

from harness_plugins.translations_of_xtreme import of_xtreme

from harness import Choice, FileData, HubData, IntermediateTask, Split, hookimpl, readers, splits

SIQA_COMMIT = "54c6a1f8cb6daf4f5abf24a601852612fb35eb25"
SOCIALIQA_COMMIT = "53620e5841fb12b08e082485797e7021d3684ea2"
ANSWERS = ("answerA", "answerB", "answerC")
COLUMNS = ("context: string", "question: string", *(f"{name}: string" for name in ANSWERS), "label: string")
OBTAIN = "copy socialIQa_v1.4_trn.jsonl and socialIQa_v1.4_dev.jsonl (Sap et al. 2019) to DATA_DIR/siqa"


def read(row):
    """The right answer is the label 1, 2 or 3 of the Hub's copies, or ``correct`` A, B or C of the original files."""
    answer = "ABC".index(row["correct"]) if "correct" in row else int(row["label"]) - 1 if row["label"] else None
    return Choice(str(row["_row"]), f"{row['context']} {row['question']}", tuple(row[name] for name in ANSWERS), answer)


def split(hub, file, rows):
    return Split(
        HubData("lighteval/siqa", None, hub, revision=SIQA_COMMIT, columns=COLUMNS),
        HubData("allenai/social_i_qa", None, hub, revision=SOCIALIQA_COMMIT, columns=COLUMNS),
        FileData((f"siqa/socialIQa_v1.4_{file}.jsonl",), readers.json_lines, OBTAIN),
        rows=rows,
    )


def translated(code):
    """The training data as XTREME translated them for XCOPA."""
    file = f"siqa_translate_train/train_{code}_translate_train.jsonl"
    return Split(of_xtreme(file, readers.json_lines), rows=33_410)


SOCIALIQA = IntermediateTask(
    name="socialiqa",
    title="Social IQa",
    version=1,
    family="multiple_choice",
    train=split("train", "trn", 33_410),
    dev=split("validation", "dev", 1_954),
    languages=splits("et ht id it qu sw ta th tr vi zh", train=translated),
    example=read,
    metric="accuracy",
    summary="which of three answers fits the question about a social situation?",
    licence="CC BY 4.0",
    citation="Sap et al. 2019, Social IQa: Commonsense Reasoning about Social Interactions",
)


@hookimpl
def harness_intermediate_tasks():
    yield SOCIALIQA
