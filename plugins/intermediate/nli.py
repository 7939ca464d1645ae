"""NLI in the languages that have their own data: MNLI (English), OCNLI (Chinese), KorNLI (Korean), JNLI (Japanese)."""

from harness import FileData, HubData, IntermediateTask, Pair, Split, hookimpl, readers

GLUE_COMMIT = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"
LABELS = ("contradiction", "entailment", "neutral")
COLUMNS = ("premise: string", "hypothesis: string", "label: label(entailment, neutral, contradiction)")
OCNLI_COLUMNS = ("sentence1: string", "sentence2: string", "label: label(neutral, entailment, contradiction)")
OCNLI = "copy the files of data/ocnli from github.com/CLUEbenchmark/OCNLI to DATA_DIR/ocnli"
KORNLI = "copy the folder KorNLI from github.com/kakaobrain/KorNLUDatasets to DATA_DIR/kornli"
JNLI = "copy the folder datasets/jnli-v1.3 from github.com/yahoojapan/JGLUE to DATA_DIR/jglue"
MACHINE = {"origin": "machine_translation", "system": "KorNLI, of MNLI and SNLI"}
PEOPLE = {"origin": "human_translation", "system": "KorNLI, of XNLI: by machine, corrected by translators"}
XNLI_DEV = "KorNLI's dev set is a translation of XNLI's: whatever is chosen on it has seen the dev set of XNLI"


def read(row):
    return Pair(str(row["_row"]), row["premise"], row["hypothesis"], row["label"])


def sentences(row):
    """Pairs on which the annotators did not agree carry "-", or no label, and are dropped."""
    label = row["gold_label"] if "gold_label" in row else row["label"]
    return Pair(str(row["_row"]), row["sentence1"], row["sentence2"], label) if label in LABELS else None


def files(names, read_file, obtain, **more):
    return FileData(names, read_file, obtain, example=sentences, **more)


def ocnli(hub, file):
    return Split(
        HubData("clue/clue", "ocnli", hub, columns=OCNLI_COLUMNS, example=sentences),
        files((f"ocnli/{file}.json",), readers.json_lines, OCNLI),
    )


def kornli(config, hub, file, rows, **more):
    return Split(
        HubData("kakaobrain/kor_nli", config, hub, columns=COLUMNS, **more),
        files((f"kornli/{file}.ko.tsv",), readers.tab_separated, KORNLI, **more),
        rows=rows,
    )


def jnli(file):
    return Split(files((f"jglue/jnli-v1.3/{file}-v1.3.json",), readers.json_lines, JNLI))


NLI = IntermediateTask(
    name="nli",
    title="NLI",
    version=1,
    family="classification",
    labels=LABELS,
    train=Split(HubData("nyu-mll/glue", "mnli", "train", revision=GLUE_COMMIT, columns=COLUMNS), rows=392_702),
    dev=Split(HubData("nyu-mll/glue", "mnli", "validation_matched", revision=GLUE_COMMIT, columns=COLUMNS), rows=9_815),
    languages={
        "zh": {"train": ocnli("train", "train.50k"), "dev": ocnli("validation", "dev")},
        "ko": {
            "train": Split(
                parts=(
                    kornli("multi_nli", "train", "multinli.train", 392_702, **MACHINE),
                    kornli("snli", "train", "snli_1.0_train", 550_152, **MACHINE),
                )
            ),
            "dev": kornli("xnli", "validation", "xnli.dev", 2_490, note=XNLI_DEV, **PEOPLE),
        },
        "ja": {"train": jnli("train"), "dev": jnli("valid")},
    },
    example=read,
    metric="accuracy",
    summary="does the second text follow from the first, contradict it, or neither? English, Chinese, Korean, Japanese",
    licence="MNLI mixed; OCNLI CC BY-NC 2.0; KorNLI and JNLI CC BY-SA 4.0",
    citation="Williams et al. 2018 (MNLI); Hu et al. 2020 (OCNLI); Ham et al. 2020 (KorNLI); Kurihara et al. 2022 (JGLUE)",
)


@hookimpl
def harness_intermediate_tasks():
    yield NLI
