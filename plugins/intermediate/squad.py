"""SQuAD v1.1: questions about paragraphs of Wikipedia. XQuAD and MLQA are trained on it.

In other languages: ARCD (Arabic), SQuAD-es (Spanish, machine-translated), CMRC 2018 (Chinese), JSQuAD (Japanese), and,
where these are not there, the machine translations of SQuAD that XTREME distributes.
"""

from harness_plugins.translations_of_xtreme import questions

from harness import FileData, HubData, IntermediateTask, Split, hookimpl, readers

SQUAD_COMMIT = "7b6d24c440a36b6815f21b70d25016731768db1f"
FOREIGN_COMMITS = {
    "hsseinmz/arcd": "cc6906b6eda547e4ffc63b8d88ccca7e0515187a",
    "hfl/cmrc2018": "137f2c45a24275fb68f6961c4d357f46288886aa",
}
COLUMNS = ("id: string", "context: string", "question: string", "answers: struct(text, answer_start)")
OBTAIN = "copy train-v1.1.json and dev-v1.1.json from rajpurkar.github.io/SQuAD-explorer to DATA_DIR/squad"
ARCD = "copy data/arcd-train.json and data/arcd-test.json from github.com/husseinmozannar/SOQAL to DATA_DIR/arcd"
SQUAD_ES = "copy the folder SQuAD-es-v1.1 from github.com/ccasimiro88/TranslateAlignRetrieve to DATA_DIR/squad_es"
CMRC = "copy the files of squad-style-data from github.com/ymcui/cmrc2018 to DATA_DIR/cmrc2018"
JSQUAD = "copy the folder datasets/jsquad-v1.3 from github.com/yahoojapan/JGLUE to DATA_DIR/jglue"


def split(hub, file, rows):
    return Split(
        HubData("rajpurkar/squad", "plain_text", hub, revision=SQUAD_COMMIT, columns=COLUMNS),
        HubData("google/xtreme", "SQuAD", hub, columns=COLUMNS),
        FileData((f"squad/{file}-v1.1.json",), readers.squad_json, OBTAIN),
        rows=rows,
    )


def foreign(repo, config, hub, file, obtain, rows, *more, **translated):
    """Data of another language: in the Hub's columns, or in a file of SQuAD's JSON."""
    commit = FOREIGN_COMMITS.get(repo)
    sources = [HubData(repo, config, hub, revision=commit, columns=COLUMNS, **translated)] if repo else []
    return Split(*sources, FileData((file,), readers.squad_json, obtain, **translated), *more, rows=rows)


def translated(code):
    """XTREME's machine translation of the training data."""
    return questions(f"squad.translate.train.en-{code}.json")


ES = ("ccasimiro/squad_es", "v1.1.0")
MACHINE = {"origin": "machine_translation", "system": "SQuAD-es, of SQuAD"}
SQUAD = IntermediateTask(
    name="squad",
    title="SQuAD",
    version=1,
    family="span_qa",
    train=split("train", "train", 87_599),
    dev=split("validation", "dev", 10_570),
    languages={
        "ar": {
            "train": foreign(
                "hsseinmz/arcd", "plain_text", "train", "arcd/arcd-train.json", ARCD, 693, translated("ar")
            ),
            "dev": foreign("hsseinmz/arcd", "plain_text", "validation", "arcd/arcd-test.json", ARCD, 702),
        },
        "es": {
            "train": foreign(
                *ES, "train", "squad_es/SQuAD-es-v1.1/train-v1.1-es.json", SQUAD_ES, None, translated("es"), **MACHINE
            ),
            "dev": foreign(*ES, "validation", "squad_es/SQuAD-es-v1.1/dev-v1.1-es.json", SQUAD_ES, None, **MACHINE),
        },
        "zh": {
            "train": foreign(
                "hfl/cmrc2018", None, "train", "cmrc2018/cmrc2018_train.json", CMRC, 10_142, translated("zh")
            ),
            "dev": foreign("hfl/cmrc2018", None, "validation", "cmrc2018/cmrc2018_dev.json", CMRC, 3_219),
        },
        **{code: {"train": Split(translated(code))} for code in "de el hi ru th tr vi".split()},
        "ja": {
            "train": foreign("", None, "", "jglue/jsquad-v1.3/train-v1.3.json", JSQUAD, None),
            "dev": foreign("", None, "", "jglue/jsquad-v1.3/valid-v1.3.json", JSQUAD, 4_442),
        },
    },
    example=readers.question,
    metric="squad",
    summary="the answer to a question, cut from a paragraph",
    licence="CC BY-SA 4.0; ARCD MIT; SQuAD-es CC BY 4.0",
    citation="Rajpurkar et al. 2016, SQuAD: 100,000+ Questions for Machine Comprehension of Text; Mozannar et al. 2019 "
    "(ARCD); Carrino et al. 2020 (SQuAD-es); Cui et al. 2019 (CMRC 2018); Kurihara et al. 2022 (JGLUE)",
)


@hookimpl
def harness_intermediate_tasks():
    yield SQUAD
