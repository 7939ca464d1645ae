"""XCOPA: which of two sentences is the cause, or the effect, of another?"""

from harness import Choice, HubData, Split, TargetTask, hookimpl, splits

XCOPA_COMMIT = "042f78955ba48e6404616762fa6e05e839c3907a"
COLUMNS = ("premise: string", "choice1: string", "choice2: string", "question: string", "label: integer")
PEOPLE = {"origin": "human_translation", "system": "translators of the language, of COPA"}
ROWS = {"validation": 100, "test": 500}


def split(code, name):
    return Split(
        HubData("cambridgeltl/xcopa", code, name, revision=XCOPA_COMMIT, columns=COLUMNS, **PEOPLE), rows=ROWS[name]
    )


def read(row):
    """The question stays English in every language, as in XTREME-R."""
    prompt = f"{row['premise']} What was the {row['question']}?"
    label = row["label"] if row["label"] in (0, 1) else None
    return Choice(str(row["_row"]), prompt, (row["choice1"], row["choice2"]), label)


XCOPA = TargetTask(
    name="xcopa",
    title="XCOPA",
    version=1,
    family="multiple_choice",
    train=("socialiqa", "copa"),
    languages=splits(
        "et ht id it qu sw ta th tr vi zh",
        dev=lambda code: split(code, "validation"),
        test=lambda code: split(code, "test"),
    ),
    example=read,
    metric="accuracy",
    options={"truncate": "longest_first"},
    summary="which of two sentences is the cause or the effect of another?",
    licence="CC BY 4.0",
    citation="Ponti et al. 2020, XCOPA: A Multilingual Dataset for Causal Commonsense Reasoning",
)


@hookimpl
def harness_target_tasks():
    yield XCOPA
