"""PAWS-X: do two sentences with much the same words mean the same?"""

from harness_plugins.translations_of_xtreme import pairs

from harness import FileData, HubData, Pair, Split, TargetTask, hookimpl, readers, splits

PAWSX_COMMIT = "4cd8187c404bda33cb1f62b49b001115862acf37"
MACHINE = {"origin": "machine_translation", "system": "PAWS-X, of PAWS"}
PEOPLE = {"origin": "human_translation", "system": "professional translators"}
OBTAIN = "unpack x-final.tar.gz (Yang et al. 2019) to DATA_DIR/pawsx"
LOST = "rows are missing from this copy of PAWS-X, whose builder took quotes for delimiters"


def split(code, name, rows):
    translated = {} if code == "en" else MACHINE if name == "train" else PEOPLE
    return Split(
        HubData(
            "google-research-datasets/paws-x",
            code,
            name,
            revision=PAWSX_COMMIT,
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


def training(code):
    """The English sentences in another language, as PAWS-X or XTREME translated them."""
    if code == "en":
        return None
    published = split(code, "train", 49_401)
    file = FileData((f"pawsx/x-final/{code}/translated_train.tsv",), readers.tab_separated, OBTAIN, **MACHINE)
    return Split(*published.sources, file, of_xtreme(f"en-{code}-translated.tsv"), rows=published.rows)


def of_xtreme(name):
    return pairs("PAWSX-Translated", name)


def into_english(code):
    return None if code == "en" else Split(of_xtreme(f"test-{code}-en-translated.tsv"), language="en")


PAWSX = TargetTask(
    name="pawsx",
    title="PAWS-X",
    version=1,
    family="classification",
    labels=("0", "1"),
    train=split("en", "train", 49_401),
    languages=splits(
        "de en es fr ja ko zh",
        train=training,
        dev=lambda code: split(code, "validation", 2_000),
        test=lambda code: split(code, "test", 2_000),
        **{"test-en": into_english},
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
