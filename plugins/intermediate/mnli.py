"""MNLI: three-way natural language inference over ten genres; in other languages, XNLI's machine translation of it."""

from harness import FileData, HubData, IntermediateTask, Pair, Split, hookimpl, readers, splits

XNLI_COMMIT = "b8dd5d7af51114dbda02c0e3f6133f332186418e"
GLUE_COMMIT = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
COLUMNS = ("premise: string", "hypothesis: string", "label: label(entailment, neutral, contradiction)")
TRANSLATED = {"origin": "machine_translation", "system": "XNLI-MT, of MNLI"}
OBTAIN = "unpack XNLI-MT-1.0.zip (Conneau et al. 2018) to DATA_DIR/xnli"


def read_xnli_mt(row):
    label = "contradiction" if row["label"] == "contradictory" else row["label"]
    return Pair(str(row["_row"]), row["premise"], row["hypo"], label)


def machine_translated(code):
    file = f"xnli/XNLI-MT-1.0/multinli/multinli.train.{code}.tsv"
    return Split(
        HubData("facebook/xnli", code, "train", revision=XNLI_COMMIT, columns=COLUMNS, **TRANSLATED),
        FileData((file,), readers.tab_separated, OBTAIN, example=read_xnli_mt, **TRANSLATED),
        rows=392_702,
    )


MNLI = IntermediateTask(
    name="mnli",
    title="MNLI",
    version=1,
    family="classification",
    labels=("contradiction", "entailment", "neutral"),
    train=Split(HubData("nyu-mll/glue", "mnli", "train", revision=GLUE_COMMIT, columns=COLUMNS), rows=392_702),
    dev=Split(HubData("nyu-mll/glue", "mnli", "validation_matched", revision=GLUE_COMMIT, columns=COLUMNS), rows=9_815),
    languages=splits("ar bg de el es fr hi ru sw th tr ur vi zh", train=machine_translated),
    example=lambda row: Pair(str(row["_row"]), row["premise"], row["hypothesis"], row["label"]),
    metric="accuracy",
    summary="does the hypothesis follow from the premise, contradict it, or neither?",
    licence="mixed: OANC licence, CC BY 3.0, CC BY-SA 3.0; translations CC BY-NC 4.0",
    citation="Williams et al. 2018, A Broad-Coverage Challenge Corpus for Sentence Understanding through Inference; "
    "translations: Conneau et al. 2018, XNLI",
)


@hookimpl
def harness_intermediate_tasks():
    yield MNLI
