"""Topics of the sample corpus, three of which are in no training example: a small case of zero-shot classification."""

from harness import FileData, IntermediateTask, Pair, Split, TargetTask, hookimpl, readers, splits

SEEN = ("animal", "organisation", "vehicle")
UNSEEN = ("artist", "fruit", "instrument")
OBTAIN = "harness demo writes the sample corpus, whose folder goes to --data-dir"


def texts(name, code="en"):
    return Split(FileData((f"topics/{name}-{code}.jsonl",), readers.json_lines, OBTAIN))


def read(row):
    return Pair(str(row["_row"]), row["text"], "", row["topic"])


TOPICS_SEEN = IntermediateTask(
    name="topics_seen",
    title="Made topics (seen)",
    version=1,
    family="cloze",
    labels=SEEN,
    train=texts("train"),
    dev=texts("dev"),
    example=read,
    metric="accuracy",
    summary="which of three topics is a made text about? (sample corpus)",
    licence="Apache 2.0",
    citation="the grammar of the sample corpus",
)
TOPICS = TargetTask(
    name="topics",
    title="Made topics",
    version=1,
    family="cloze",
    labels=tuple(sorted(SEEN + UNSEEN)),
    train="topics_seen",
    languages=splits("ar de en es fr hi ko ru sw zh", test=lambda code: texts("test", code)),
    example=read,
    metric=f"zero_shot:{','.join(SEEN)}",
    summary="which of six topics is a made text about, three of them never trained on? (sample corpus)",
    licence="Apache 2.0",
    citation="the grammar of the sample corpus",
)


@hookimpl
def harness_intermediate_tasks():
    yield TOPICS_SEEN


@hookimpl
def harness_target_tasks():
    yield TOPICS
