"""MLM: masked language modelling on your own text, one file a language.

``mlm`` takes every file in the folder ``text``, ``mlm[sw,ur]`` those of these languages: beside a labelled task, or
alone, as further pretraining on the languages of interest.
"""

from harness import FileData, IntermediateTask, Split, hookimpl, readers

OBTAIN = "write plain text to DATA_DIR/text, a file a language (sw.txt), a sentence or a document a line"
LANGUAGES = (
    "af ar az bg bn de el en es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu ro ru sw "
    "ta te th tl tr uk ur vi wo yo zh"
)


def files(pattern):
    return {
        "train": Split(FileData((pattern,), readers.text, OBTAIN, stays_on_disk=True)),
        "dev": Split(FileData((pattern,), readers.held_out_text, OBTAIN, stays_on_disk=True)),
    }


def of_language(code):
    return files(f"text/{code}.txt")


def read(row):
    raise TypeError("text is read from its files, not from rows")


MLM = IntermediateTask(
    name="mlm",
    version=1,
    family="mlm",
    **files("text/*.txt"),
    languages={code: of_language(code) for code in LANGUAGES.split()},
    any_language=of_language,
    example=read,
    metric="harness.metrics.masked:MaskedTokens",
    summary="guess masked tokens of running text, in one language or in many",
    licence="that of the text",
    citation="Devlin et al. 2019 (BERT); language sampling: Conneau et al. 2020 (XLM-R)",
)


@hookimpl
def harness_intermediate_tasks():
    yield MLM
