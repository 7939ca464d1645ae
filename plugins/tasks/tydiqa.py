"""TyDiQA-GoldP: questions asked in nine languages by people who did not know the answer."""

from dataclasses import replace

from harness_plugins.translations_of_xtreme import questions

from harness import FileData, HubData, Split, TargetTask, Where, hookimpl, language_name, readers, splits

TYDIQA_COMMIT = "da78f23f9119363459acbaf46bf89426ff26c259"
COLUMNS = ("id: string", "context: string", "question: string", "answers: struct(text, answer_start)")
OBTAIN = "copy the folder tydiqa/ of XTREME's download_data.sh to DATA_DIR/tydiqa"
TRAIN = {
    "ar": 14_805, "bn": 2_390, "en": 3_696, "fi": 6_855, "id": 5_702, "ko": 1_625, "ru": 6_490, "sw": 2_755, "te": 5_563
}  # fmt: skip
SIZES = {"en": 440, "ar": 921, "bn": 113, "fi": 782, "id": 565, "ko": 276, "ru": 812, "sw": 499, "te": 669}


def hub(code, split):
    """One table holds all languages: the language is the first word of the id (``swahili-1234-0``)."""
    language = Where("id", startswith=f"{language_name(code).lower()}-")
    return (
        HubData("google/xtreme", "tydiqa", split, where=language, columns=COLUMNS),
        HubData(
            "google-research-datasets/tydiqa",
            "secondary_task",
            split,
            where=language,
            revision=TYDIQA_COMMIT,
            columns=COLUMNS,
        ),
    )


def training(code):
    """The questions of the language or, before them, English ones that were translated into it."""
    if code == "en":
        return Split(*hub(code, "train"), rows=TRAIN[code])
    own = (replace(source, rows=TRAIN[code]) for source in hub(code, "train"))
    return Split(questions(f"tydiqa.translate.train.en-{code}.json"), *own)


def into_english(code):
    return None if code == "en" else Split(questions(f"tydiqa.translate.test.{code}-en.json"), language="en")


def heldout(code):
    file = FileData(
        (f"tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{code}.dev.json",),
        readers.squad_json,
        OBTAIN,
        note="answers are withheld in XTREME's download of this set",
    )
    return Split(*hub(code, "validation"), file, rows=SIZES[code])


TYDIQA = TargetTask(
    name="tydiqa",
    title="TyDiQA-GoldP",
    version=1,
    family="span_qa",
    train=training("en"),
    languages=splits(
        "en ar bn fi id ko ru sw te",
        train=lambda code: None if code == "en" else training(code),
        dev=lambda code: heldout(code) if code == "en" else None,  # XTREME selects on what is the English test set, too
        test=heldout,
        **{"test-en": into_english},
    ),
    example=readers.question,
    metric="squad",
    summary="the answer to a question, cut from the passage known to hold it",
    licence="Apache 2.0; text from Wikipedia, CC BY-SA 3.0",
    citation="Clark et al. 2020, TyDi QA: A Benchmark for Information-Seeking Question Answering",
)


@hookimpl
def harness_target_tasks():
    yield TYDIQA
