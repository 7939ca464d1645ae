"""MLQA: questions about paragraphs of Wikipedia; question and context in the same language."""

from harness_plugins.translations_of_xtreme import questions

from harness import FileData, HubData, Split, TargetTask, hookimpl, readers, splits

MLQA_COMMIT = "397ed406c1a7902140303e7faf60fff35b58d285"
COLUMNS = ("id: string", "context: string", "question: string", "answers: struct(text, answer_start)")
PEOPLE = {"origin": "human_translation", "system": "questions only, by professional translators"}
OBTAIN = "unpack MLQA_V1.zip (github.com/facebookresearch/MLQA) so that DATA_DIR/mlqa/MLQA_V1/dev and test exist"
DEV = {"en": 1_148, "es": 500, "de": 512, "ar": 517, "hi": 507, "vi": 511, "zh": 504}
TEST = {"en": 11_590, "es": 5_253, "de": 4_517, "ar": 5_335, "hi": 4_918, "vi": 5_495, "zh": 5_137}


def split(code, hub, folder, sizes):
    """Paragraphs are native, questions were asked in English and translated."""
    translated = {} if code == "en" else PEOPLE
    return Split(
        HubData("google/xtreme", f"MLQA.{code}.{code}", hub, columns=COLUMNS, **translated),
        HubData("facebook/mlqa", f"mlqa.{code}.{code}", hub, revision=MLQA_COMMIT, columns=COLUMNS, **translated),
        FileData(
            (f"mlqa/MLQA_V1/{folder}/{folder}-context-{code}-question-{code}.json",),
            readers.squad_json,
            OBTAIN,
            **translated,
        ),
        rows=sizes[code],
    )


def training(code):
    """SQuAD's training data in another language."""
    return None if code == "en" else Split(questions(f"squad.translate.train.en-{code}.json"))


def into_english(code):
    return None if code == "en" else Split(questions(f"mlqa.translate.test.{code}-en.json"), language="en")


MLQA = TargetTask(
    name="mlqa",
    title="MLQA",
    version=1,
    family="span_qa",
    train="squad",
    languages=splits(
        "en es de ar hi vi zh",
        train=training,
        dev=lambda code: split(code, "validation", "dev", DEV),
        test=lambda code: split(code, "test", "test", TEST),
        **{"test-en": into_english},
    ),
    example=readers.question,
    metric="mlqa",
    summary="the answer to a question, cut from a paragraph",
    licence="CC BY-SA 3.0",
    citation="Lewis et al. 2020, MLQA: Evaluating Cross-lingual Extractive Question Answering",
)


@hookimpl
def harness_target_tasks():
    yield MLQA
