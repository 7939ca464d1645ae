"""Made scenes: captions of drawn shapes, in ten languages (``harness data scenes``)."""

from functools import cache

from harness import FileData, IntermediateTask, Split, hookimpl, readers

OBTAIN = "harness data scenes --out DATA_DIR"


@cache
def of_language(code):
    return {
        name: Split(FileData((f"scenes/{name}/captions.jsonl",), readers.captions(code), OBTAIN, origin="generated"))
        for name in ("train", "dev")
    }


SCENES = IntermediateTask(
    name="scenes",
    title="Made scenes",
    version=1,
    family="captioning",
    **of_language("en"),
    any_language=of_language,
    example=readers.captioned,
    metric="scene_slots",
    # as captions are predicted: all marked words at once; shapes are drawn anywhere, so that convolutions learn them sooner
    options={"mask": "spans", "mask_share": 1.0, "tower": "convolutions"},
    summary="say which shapes a drawn picture shows, and where",
    licence="that of the harness",
    citation="drawn and written by the harness",
)


@hookimpl
def harness_intermediate_tasks():
    yield SCENES
