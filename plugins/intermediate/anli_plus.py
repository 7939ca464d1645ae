"""ANLI+: adversarial NLI (three rounds), MNLI and SNLI as one task with one head (Phang et al. 2020)."""

from harness import HubData, IntermediateTask, Pair, Split, hookimpl

COMMITS = {
    "facebook/anli": "8e4813d81f46d313dac7892e1c28076917cfcdf9",
    "nyu-mll/glue": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
    "stanfordnlp/snli": "cdb5c3d5eed6ead6e5a341c8e56e669bb666725b",
}
COLUMNS = ("premise: string", "hypothesis: string", "label: label(entailment, neutral, contradiction)")


def part(repo, config, split, rows):
    return Split(HubData(repo, config, split, revision=COMMITS[repo], columns=COLUMNS), rows=rows)


def read(row):
    """SNLI has pairs on which the annotators did not agree; they carry no label and are dropped."""
    return Pair(str(row["_row"]), row["premise"], row["hypothesis"], row["label"]) if row["label"] else None


ANLI_PLUS = IntermediateTask(
    name="anli_plus",
    title="ANLI+",
    version=1,
    family="classification",
    labels=("contradiction", "entailment", "neutral"),
    train=Split(
        parts=(
            part("facebook/anli", "plain_text", "train_r1", 16_946),
            part("facebook/anli", "plain_text", "train_r2", 45_460),
            part("facebook/anli", "plain_text", "train_r3", 100_459),
            part("nyu-mll/glue", "mnli", "train", 392_702),
            part("stanfordnlp/snli", "plain_text", "train", 550_152),  # 549,367 with a label
        )
    ),
    dev=Split(
        parts=(
            part("facebook/anli", "plain_text", "dev_r1", 1_000),
            part("facebook/anli", "plain_text", "dev_r2", 1_000),
            part("facebook/anli", "plain_text", "dev_r3", 1_200),
            part("nyu-mll/glue", "mnli", "validation_matched", 9_815),
            part("stanfordnlp/snli", "plain_text", "validation", 10_000),  # 9,842 with a label
        )
    ),
    example=read,
    metric="accuracy",
    summary="does the hypothesis follow from the premise, contradict it, or neither? ANLI, MNLI and SNLI together",
    licence="ANLI CC BY-NC 4.0; SNLI CC BY-SA 4.0; MNLI mixed",
    citation="Nie et al. 2020, Adversarial NLI; Williams et al. 2018 (MNLI); Bowman et al. 2015 (SNLI)",
)


@hookimpl
def harness_intermediate_tasks():
    yield ANLI_PLUS
