"""HellaSwag: which of four endings continues the description? Part of it also in Russian and Persian."""

import re

from harness import Choice, FileData, HubData, IntermediateTask, Split, hookimpl, readers, splits

HELLASWAG_COMMIT = "218ec52e09a7e7462a5400043bb9a69a41d06b76"
COLUMNS = ("ctx_a: string", "ctx_b: string", "endings: strings", "label: string")


OBTAIN = (
    "copy hellaswag_val_500_{ru,fa}_edited.jsonl from github.com/viczon7/hellaswag-ru-fa to DATA_DIR/hellaswag_ru_fa"
)
EDITED = {"origin": "machine_translation", "system": "DeepL, corrected by people"}
VALIDATION = "translated from HellaSwag's validation set, on which training is selected: those dev scores are too high"


def read(row):
    """``ctx_b`` is the beginning of the last sentence, which the endings complete; it may be empty."""
    options = tuple(f"{row['ctx_b']} {ending}".strip() for ending in row["endings"])
    return Choice(str(row["_row"]), row["ctx_a"], options, int(row["label"]) if row["label"] else None)


def read_translated(row):
    """Context and last sentence are one text, and marks such as [step], which the English release has lost, remain."""
    context, *endings = (
        " ".join(re.sub(r"\[[^\]]*\]", " ", text).split()) for text in (row["context"], *row["endings"])
    )
    return Choice(str(row["_row"]), context, tuple(endings), int(row["label"]))


def translated(code):
    files = (f"hellaswag_ru_fa/hellaswag_val_500_{code}_edited.jsonl",)
    return Split(FileData(files, readers.json_lines, OBTAIN, note=VALIDATION, example=read_translated, **EDITED))


HELLASWAG = IntermediateTask(
    name="hellaswag",
    title="HellaSwag",
    version=1,
    family="multiple_choice",
    train=Split(HubData("Rowan/hellaswag", None, "train", revision=HELLASWAG_COMMIT, columns=COLUMNS), rows=39_905),
    dev=Split(HubData("Rowan/hellaswag", None, "validation", revision=HELLASWAG_COMMIT, columns=COLUMNS), rows=10_042),
    languages=splits("ru fa", train=translated),
    example=read,
    metric="accuracy",
    summary="which of four endings continues the description?",
    licence="MIT",
    citation="Zellers et al. 2019, HellaSwag: Can a Machine Really Finish Your Sentence?",
)


@hookimpl
def harness_intermediate_tasks():
    yield HELLASWAG
