"""Captions of Multi30k with noise, to be restored: a generation task whose right language is that of the text itself."""

from functools import partial
from random import Random

from harness import FileData, Source, Split, TargetTask, hookimpl, readers, splits

OBTAIN = "unpack data/task1/raw of github.com/multi30k/dataset to DATA_DIR/multi30k"
SIZES = {"train": 29_000, "val": 1_014, "test_2016_flickr": 1_000}
DROPPED, APART = 0.2, 3


def noised(caption, name):
    """Every fifth word is missing, about, and no word is more than three places from its own."""
    random = Random(f"multi30k {name}")
    words = [word for word in caption.split() if random.random() >= DROPPED] or caption.split()[:1]
    order = sorted(range(len(words)), key=lambda place: place + random.uniform(0, APART))
    return " ".join(words[place] for place in order)


def as_distributed(*paths):
    """One caption a line."""
    for path in paths:
        for _, line in readers.lines(path):
            yield {"caption": line}


def in_columns(code, *paths):
    """A row for each picture, with a column for each language."""
    for path in paths:
        for row in readers.json_lines(path):
            yield {"caption": row[code]}


def split(name, code):
    return Split(
        FileData((f"multi30k/{name}.{code}",), as_distributed, OBTAIN),
        FileData((f"multi30k/{name}.jsonl",), partial(in_columns, code), OBTAIN),
        rows=SIZES[name],
    )


def read(row):
    name = str(row["_row"])
    return Source(name, noised(row["caption"], name), row["caption"])


MULTI30K = TargetTask(
    name="multi30k",
    title="Multi30k, restored captions",
    version=1,
    family="generation",
    train=split("train", "en"),
    languages=splits(
        "en de fr cs",
        dev=lambda code: split("val", code),
        test=lambda code: split("test_2016_flickr", code),
    ),
    example=read,
    metric="generation",
    summary="a caption, written from its words in another order with some of them missing",
    licence="captions: research use, as Flickr30k's",
    citation="Elliott et al. 2016, Multi30K: Multilingual English-German Image Descriptions; Elliott et al. 2017 (French); "
    "Barrault et al. 2018 (Czech)",
)


@hookimpl
def harness_target_tasks():
    yield MULTI30K
