"""MLM: masked language modelling on your own text, one file a language.

``mlm`` takes every file in the folder ``text``, ``mlm[sw,ur]`` those of these languages: together with a labelled task, or
alone, as further pretraining on the languages of interest.
"""

from harness import FileData, IntermediateTask, Split, hookimpl, readers

OBTAIN = "write plain text to DATA_DIR/text, a file a language (sw.txt), a sentence or a document a line"


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
    title="MLM",
    version=1,
    family="mlm",
    **files("text/*.txt"),
    languages={"en": of_language("en")},
    any_language=of_language,
    example=read,
    metric="harness:MaskedTokens",
    summary="guess masked tokens of running text, in one language or in many",
    licence="that of the text",
    citation="Devlin et al. 2019 (BERT); language sampling: Conneau et al. 2020 (XLM-R)",
)


@hookimpl
def harness_intermediate_tasks():
    yield MLM
