"""Captions of your own pictures, such as those of Multi30k, in one language or in many.

``captions`` takes the English captions in every folder below ``captions``, ``captions[en,de]`` those of both languages.
"""

from functools import cache

from harness import FileData, IntermediateTask, Split, hookimpl, readers

OBTAIN = (
    "put each set into DATA_DIR/captions/<set>: captions.jsonl, a line {image, language, caption} each,"
    " and the pictures in images/"
)


@cache
def of_language(code):
    source = FileData(("captions/*/captions.jsonl",), readers.captions(code), OBTAIN, about="about.toml")
    return {"train": Split(source, kept="training"), "dev": Split(source, kept="held out")}


CAPTIONS = IntermediateTask(
    name="captions",
    title="Captions",
    version=1,
    family="captioning",
    **of_language("en"),
    any_language=of_language,
    example=readers.captioned,
    metric="caption_match",
    options={"mask": "words"},  # where some pieces of a word stay visible they tell it without the picture
    summary="say what a picture shows",
    licence="that of the pictures and captions",
    citation="that of the pictures and captions; Multi30k: Elliott et al. 2016",
)


@hookimpl
def harness_intermediate_tasks():
    yield CAPTIONS
