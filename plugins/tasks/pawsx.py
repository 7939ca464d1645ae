"""PAWS-X: do two sentences with much the same words mean the same?"""

from harness import HubData, Pair, Split, TargetTask, hookimpl, splits

MACHINE = {"origin": "machine_translation", "system": "PAWS-X, of PAWS"}
PEOPLE = {"origin": "human_translation", "system": "professional translators"}
LOST = "rows are missing from this copy of PAWS-X, whose builder took quotes for delimiters"


def split(code, name, rows):
    translated = {} if code == "en" else MACHINE if name == "train" else PEOPLE
    return Split(
        HubData(
            "google-research-datasets/paws-x",
            code,
            name,
            columns=("sentence1: string", "sentence2: string", "label: label(0, 1)"),
            **translated,
        ),
        HubData(
            "google/xtreme",
            f"PAWS-X.{code}",
            name,
            columns=("sentence1: string", "sentence2: string", "label: string"),
            note=LOST,
            **translated,
        ),
        rows=rows,
    )


PAWSX = TargetTask(
    name="pawsx",
    title="PAWS-X",
    version=1,
    family="classification",
    labels=("0", "1"),
    train=split("en", "train", 49_401),
    languages=splits(
        "de en es fr ja ko zh",
        train=lambda code: None if code == "en" else split(code, "train", 49_401),
        dev=lambda code: split(code, "validation", 2_000),
        test=lambda code: split(code, "test", 2_000),
    ),
    example=lambda row: Pair(str(row["_row"]), row["sentence1"], row["sentence2"], row["label"] or None),
    metric="accuracy",
    summary="are the two sentences paraphrases (1) or not (0)?",
    licence="free for any purpose; acknowledge Google LLC",
    citation="Yang et al. 2019, PAWS-X: A Cross-lingual Adversarial Dataset for Paraphrase Identification",
)


@hookimpl
def harness_target_tasks():
    yield PAWSX
