"""PAWS-X as an intermediate task: its English training data (PAWS) and their machine translations."""

from harness import HubData, IntermediateTask, Pair, Split, hookimpl, splits

PAWSX_COMMIT = "4cd8187c404bda33cb1f62b49b001115862acf37"
COLUMNS = ("sentence1: string", "sentence2: string", "label: label(0, 1)")
MACHINE = {"origin": "machine_translation", "system": "PAWS-X, of PAWS"}
LOST = "rows are missing from this copy of PAWS-X, whose builder took quotes for delimiters"


def split(code, name, rows):
    translated = {} if code == "en" else MACHINE
    return Split(
        HubData("google-research-datasets/paws-x", code, name, revision=PAWSX_COMMIT, columns=COLUMNS, **translated),
        HubData(
            "google/xtreme",
            f"PAWS-X.{code}",
            name,
            columns=(*COLUMNS[:2], "label: string"),
            note=LOST,
            **translated,
        ),
        rows=rows,
    )


PAWSX = IntermediateTask(
    name="pawsx",
    version=1,
    family="classification",
    labels=("0", "1"),
    train=split("en", "train", 49_401),
    dev=split("en", "validation", 2_000),
    languages=splits("de es fr ja ko zh", train=lambda code: split(code, "train", 49_401)),
    example=lambda row: Pair(str(row["_row"]), row["sentence1"], row["sentence2"], row["label"] or None),
    metric="accuracy",
    summary="are the two sentences paraphrases (1) or not (0)?",
    licence="free for any purpose; acknowledge Google LLC",
    citation="Yang et al. 2019, PAWS-X: A Cross-lingual Adversarial Dataset for Paraphrase Identification",
)


@hookimpl
def harness_intermediate_tasks():
    yield PAWSX
