"""CCG: the supertag of every word of the Wall Street Journal part of the Penn Treebank."""

from harness import FileData, IntermediateTask, Split, Tagged, hookimpl, readers

OBTAIN = (
    "CCGbank is sold by the LDC (LDC2005T13): write its sections 00-18 to DATA_DIR/ccg/train.tsv and 19-21 to "
    "DATA_DIR/ccg/dev.tsv, a word, a tab and its supertag on each line, an empty line after each sentence"
)

CCG = IntermediateTask(
    name="ccg",
    title="CCG",
    version=1,
    family="tagging",  # no closed set of labels: the tags of the training data
    train=Split(FileData(("ccg/train.tsv",), readers.tagged, OBTAIN)),
    dev=Split(FileData(("ccg/dev.tsv",), readers.tagged, OBTAIN)),
    example=lambda row: Tagged(str(row["_row"]), tuple(row["tokens"]), tuple(row["tags"]) if row["tags"] else None),
    metric="accuracy",
    summary="the combinatory categorial grammar supertag of every word",
    licence="LDC user agreement, not redistributable",
    citation="Hockenmaier and Steedman 2007, CCGbank",
)


@hookimpl
def harness_intermediate_tasks():
    yield CCG
