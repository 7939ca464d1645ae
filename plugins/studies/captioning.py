"""Does image captioning as an intermediate task make text encoders better at language, and are they as fast?

The vision side is dropped after the stage, so that "removed" and "none" are the same network at test time; ``kept`` is
there for its cost alone. The smoke size uses made scenes instead of photographs (``harness data scenes``).
"""

from dataclasses import replace

from harness import Arm, Contrast, Study, hookimpl

CAPTIONED = "captions"
LANGUAGES = "captions[cs,de,en,fr]"
PRIMARY = ("xnli", "pawsx", "xcopa")


def arms(stage=CAPTIONED, several=LANGUAGES):
    """The arms: captions, what they are controlled by, and other uses of the prefix."""
    captions = {"intermediate": "captions", "language": "en"}
    return (
        Arm("none", factors={"intermediate": "", "vision": "none"}),
        Arm("captions", via=(stage,), factors=captions | {"vision": "removed"}),
        Arm("captions-multi", via=(several,), factors=captions | {"language": "cs+de+en+fr", "vision": "removed"}),
        Arm(
            "captions-masked",
            via=(f"{stage}@masked",),
            control_of="captions",
            factors=captions | {"control": "masked", "vision": "removed"},
            summary="the captions as text alone",
        ),
        Arm(
            "captions-mismatched",
            via=(f"{stage}@mismatched",),
            control_of="captions",
            factors=captions | {"control": "mismatched", "vision": "removed"},
            summary="each caption with another image",
        ),
        Arm("mnli", via=("mnli",), factors={"intermediate": "nli", "language": "en", "vision": "none"}),
        Arm("captions-mnli", via=(stage, "mnli"), factors=captions | {"vision": "removed"}),
        Arm("captions-null", via=(f"{stage}@null",), factors=captions | {"vision": "null"}),
        Arm(
            "captions-kept",
            via=(f"{stage}@kept",),
            factors=captions | {"vision": "kept"},
            summary="for its cost alone",
        ),
    )


CONTRASTS = (
    Contrast("captions - none", "captions", tasks=PRIMARY, hypothesis="H1"),
    Contrast("captions - captions as text", "captions", "captions-masked", tasks=PRIMARY, hypothesis="H1"),
    Contrast(
        "captions - mismatched images", "captions", "captions-mismatched", tasks=PRIMARY, primary=False, hypothesis="H1"
    ),
    *(
        Contrast(f"{name} - none", name, tasks=PRIMARY, primary=False)
        for name in ("captions-multi", "mnli", "captions-mnli", "captions-null")
    ),
)
SMOKE_ARMS = ("none", "captions", "captions-masked", "captions-mismatched", "captions-null")
STEPS = {"scenes.max_steps": 400, "scenes.eval_limit": 200}


def smoke_arms():
    """The arms on made scenes, which are many, and seen once."""
    for arm in arms("scenes", "scenes"):
        if arm.name in SMOKE_ARMS:
            yield replace(arm, options=STEPS) if arm.via else arm


@hookimpl
def harness_studies():
    yield Study(
        "captioning",
        1,
        models=("xlm-roberta-base", "xlm-roberta-large", "google/mt5-base", "google/mt5-large"),
        tasks=(*PRIMARY, "panx", "udpos", "xquad", "mlqa", "tydiqa", "tatoeba"),
        seeds=(1, 2, 3, 4, 5),
        question="Is an encoder that learned to caption images better at language tasks, and as fast as before?",
        hypotheses={
            "H1": "captions score higher than no stage and than the captions as text alone",
            "H2": "without its vision side the model is as fast as one without the stage (latency ratio below 1.05)",
            "H3": "the same of the model with a null prefix",
        },
        tests=4,  # one a model: H1 needs both primary contrasts
        arms=arms(),
        contrasts=CONTRASTS,
        same_source=(("mnli", "xnli"), ("socialiqa", "xcopa")),
        analysis="harness.analysis.effects.captioning:analyse",
        summary="captioning as an intermediate task: accuracy on XNLI, PAWS-X and XCOPA, and the cost of inference",
        sizes={
            "smoke": {
                "models": ("tiny",),
                "tests": 1,
                "tasks": ("xnli[ar,de,en,es,fr,hi,ru,sw,zh]", "pawsx[de,en,es,fr,ko,zh]"),
                "arms": tuple(smoke_arms()),
                "contrasts": tuple(
                    Contrast(each.name, each.arm, each.against, primary=each.primary, hypothesis=each.hypothesis)
                    for each in CONTRASTS
                    if each.arm in SMOKE_ARMS
                ),
                "seeds": (1, 2),
                "recipe": "tiny",
                "limit": 60,
                "options": {"xnli.train_size": 300, "pawsx.train_size": 300},
            },
            "small": {"models": ("xlm-roberta-base",), "tests": 1, "tasks": PRIMARY, "seeds": (1, 2, 3)},
            "full": {},
        },
    )
