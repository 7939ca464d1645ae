"""XQuAD: questions about paragraphs of Wikipedia, a part of SQuAD's dev set translated by professionals."""

from harness_plugins.translations_of_xtreme import questions

from harness import FileData, HubData, Split, TargetTask, hookimpl, readers, splits

XQUAD_COMMIT = "51adfef1c1287aab1d2d91b5bead9bcfb9c68583"
COLUMNS = ("id: string", "context: string", "question: string", "answers: struct(text, answer_start)")
PEOPLE = {"origin": "human_translation", "system": "professional translators"}
OBTAIN = "copy xquad.*.json from github.com/google-deepmind/xquad to DATA_DIR/xquad"


def split(code):
    """The Hub calls it validation; there is no other split. XTREME's copy lacks Romanian."""
    translated = {} if code == "en" else PEOPLE
    xtreme = HubData("google/xtreme", f"XQuAD.{code}", "validation", columns=COLUMNS, **translated)
    return Split(
        *(() if code == "ro" else (xtreme,)),
        HubData("google/xquad", f"xquad.{code}", "validation", revision=XQUAD_COMMIT, columns=COLUMNS, **translated),
        FileData((f"xquad/xquad.{code}.json",), readers.squad_json, OBTAIN, **translated),
        rows=1_190,
    )


def training(code):
    """SQuAD's training data in another language."""
    return None if code == "en" else Split(questions(f"squad.translate.train.en-{code}.json"))


def into_english(code):
    return None if code == "en" else Split(questions(f"xquad.translate.test.{code}-en.json"), language="en")


XQUAD = TargetTask(
    name="xquad",
    title="XQuAD",
    version=1,
    family="span_qa",
    train="squad",
    languages=splits(
        "en es de el ru tr ar vi th zh hi ro",
        train=training,
        test=split,
        **{"test-en": into_english},
    ),
    example=readers.question,
    metric="squad",
    summary="the answer to a question, cut from a paragraph",
    licence="CC BY-SA 4.0",
    citation="Artetxe et al. 2020, On the Cross-lingual Transferability of Monolingual Representations",
)


@hookimpl
def harness_target_tasks():
    yield XQUAD
