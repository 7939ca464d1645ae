"""XNLI: does the second sentence follow from the first?

And the same with a word between the sentences, yes, maybe or no: the pattern of Schick and Schütze (2021) for inference.
"""

from dataclasses import replace

from harness_plugins.translations_of_xtreme import pairs

from harness import FileData, HubData, Pair, Split, TargetTask, Where, hookimpl, readers, splits

XNLI_COMMIT = "b8dd5d7af51114dbda02c0e3f6133f332186418e"
GLUE_COMMIT = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
CLASSES = "label: label(entailment, neutral, contradiction)"
PER_LANGUAGE = ("premise: string", "hypothesis: string", CLASSES)
MIXED = ("sentence1: string", "sentence2: string", "gold_label: string")
PEOPLE = {"origin": "human_translation", "system": "professional translators"}
MACHINE = {"origin": "machine_translation", "system": "XNLI-MT, of MNLI"}
OBTAIN = "unpack XNLI-MT-1.0.zip (Conneau et al. 2018) to DATA_DIR/xnli"


def split(code, name, rows):
    translated = {} if code == "en" else PEOPLE
    return Split(
        HubData("facebook/xnli", code, name, revision=XNLI_COMMIT, columns=PER_LANGUAGE, **translated),
        HubData("google/xtreme", "XNLI", name, where=Where("language", equals=code), columns=MIXED, **translated),
        rows=rows,
    )


def machine_translated(code):
    """MNLI in another language."""
    if code == "en":
        return None
    file = f"xnli/XNLI-MT-1.0/multinli/multinli.train.{code}.tsv"
    return Split(
        HubData("facebook/xnli", code, "train", revision=XNLI_COMMIT, columns=PER_LANGUAGE, **MACHINE),
        FileData((file,), readers.tab_separated, OBTAIN, example=read_xnli_mt, **MACHINE),
        of_xtreme(f"en-{code}-translated.tsv"),
        rows=392_702,
    )


def of_xtreme(name):
    return pairs("XNLI-Translated", name)


def into_english(code):
    return None if code == "en" else Split(of_xtreme(f"test-{code}-en-translated.tsv"), language="en")


def read_xnli_mt(row):
    label = "contradiction" if row["label"] == "contradictory" else row["label"]
    return Pair(str(row["_row"]), row["premise"], row["hypo"], label)


def read(row):
    mixed = "gold_label" in row
    columns = ("sentence1", "sentence2", "gold_label") if mixed else ("premise", "hypothesis", "label")
    a, b, label = (row[column] for column in columns)
    return Pair(str(row["_row"]), a, b, label or None)


XNLI = TargetTask(
    name="xnli",
    title="XNLI",
    version=1,
    family="classification",
    labels=("contradiction", "entailment", "neutral"),
    train=Split(
        HubData("nyu-mll/glue", "mnli", "train", revision=GLUE_COMMIT, columns=PER_LANGUAGE),
        HubData("facebook/xnli", "en", "train", revision=XNLI_COMMIT, columns=PER_LANGUAGE),
        rows=392_702,
    ),
    languages=splits(
        "ar bg de el en es fr hi ru sw th tr ur vi zh",
        train=machine_translated,
        dev=lambda code: split(code, "validation", 2_490),
        test=lambda code: split(code, "test", 5_010),
        **{"test-en": into_english},
    ),
    example=read,
    metric="accuracy",
    summary="does the second sentence follow from the first, contradict it, or neither?",
    licence="CC BY-NC 4.0",
    citation="Conneau et al. 2018, XNLI: Evaluating Cross-lingual Sentence Representations",
)
XNLI_CLOZE = replace(
    XNLI,
    name="xnli_cloze",
    title="XNLI (cloze)",
    family="cloze",
    options={"template": "{a} {prompt} {mask} {b}", "names": "contradiction=no,entailment=yes,neutral=maybe"},
    summary="yes, maybe or no: does the second sentence follow from the first?",
)


@hookimpl
def harness_target_tasks():
    yield XNLI
    yield XNLI_CLOZE
