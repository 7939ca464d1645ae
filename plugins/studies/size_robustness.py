"""Are larger multilingual encoders more robust? Gains, worst languages and spreads against size, on XTREME-R."""

from harness_plugins.studies.registered import SAME_SOURCE, rate_search

from harness import Arm, Contrast, Study, hookimpl

XLMR = ("xlm-roberta-base", "xlm-roberta-large", "facebook/xlm-roberta-xl", "facebook/xlm-roberta-xxl")
MT5 = tuple(f"google/mt5-{size}" for size in ("small", "base", "large", "xl", "xxl"))
LARGEST = (*XLMR[2:], *MT5[3:])
TINY = ("tiny-scarce-64", "tiny-scarce", "tiny-scarce-256")
SCARCE = ("ar", "hi", "ko", "sw")  # languages that these have little text of: low-resource ones, whatever their class
KINDS = {"mnli": "nli", "squad": "qa", "hellaswag": "completion"}
NONE = Arm("none", factors={"intermediate": ""})


def arm(task):
    return Arm(task, via=(task,), factors={"intermediate": KINDS[task], "language": "en"})


def control(task, objective):
    factors = {"intermediate": KINDS[task], "language": "en", "control": objective}
    return Arm(f"{task}-{objective}", via=(f"{task}@{objective}",), control_of=task, factors=factors)


MULTI = Arm("multi", via=("mnli+squad+hellaswag",), factors={"intermediate": "several", "language": "en"})
ARMS = (
    NONE,
    *(arm(task) for task in KINDS),
    MULTI,
    *(control(task, objective) for task in ("mnli", "squad") for objective in ("masked", "shuffled")),
)


def gain(name):
    return Contrast(f"gain of {name}", name, primary=False)


# The primary tests are those of the analysis: how the first of these gains changes with size.
CONTRASTS = (gain("multi"), *(gain(task) for task in KINDS))
FAMILIES = dict.fromkeys(XLMR, "xlm-r") | dict.fromkeys(MT5, "mt5")
SMOKE = {
    "benchmark": "",
    "arms": (NONE, arm("mnli"), control("mnli", "shuffled")),
    "contrasts": (gain("mnli"),),
    "seeds_of": {},
    "options_of": {},
    "search": None,
    "perturb": ("drop",),
    "mixed_pairs": False,
    "checklist": False,
    "limit": 60,
    "train_limit": 300,
}

SIZE_ROBUSTNESS = Study(
    "size-robustness",
    1,
    models=(*XLMR, *MT5),
    benchmark="xtreme-r",
    seeds=(1, 2, 3, 4, 5),
    seeds_of=dict.fromkeys(LARGEST, (1, 2, 3)),
    question="Are larger multilingual encoders more robust: in their gains, their worst languages, their seeds, and to noise?",
    hypotheses={
        "H1": "the gain of the multi-task arm falls with the logarithm of size",
        "H2": "the spread over seeds falls with size",
        "H3": "the gain in the worst tenth of languages is no greater than on average",
    },
    tests=3,
    arms=ARMS,
    contrasts=CONTRASTS,
    same_source=SAME_SOURCE,
    model_factors={model: {"pretraining": family, "multilingual": True} for model, family in FAMILIES.items()},
    options_of={model: {"peft": "lora", "gradient_checkpointing": True} for model in LARGEST},
    search=rate_search(LARGEST),
    perturb=("drop", "swap"),
    mixed_pairs=True,
    checklist=True,
    analysis="harness.analysis.effects.size_robustness:analyse",
    summary="size and robustness on XTREME-R: XLM-R from base to XXL, mT5 as replication",
    source="XTREME-R (Ruder et al. 2021); XLM-R XL and XXL (Goyal et al. 2021)",
    sizes={
        "smoke": SMOKE
        | {
            "models": TINY,
            "tasks": ("panx[ar,de,en,es,fr,hi,ko,ru,sw,zh]", "xnli[ar,de,en,es,fr,hi,ru,sw,zh]"),
            "seeds": (1, 2, 3),
            "model_factors": {
                model: {"pretraining": "tiny", "multilingual": True, "low_resource": SCARCE} for model in TINY
            },
            "recipe": "tiny",
        },
        "smoke-e5": SMOKE
        | {
            "models": ("demo:e5-small",),
            "tasks": ("panx[en,ru,sw]", "xnli[en,ar,sw]"),
            "seeds": (1, 2),
            "model_factors": {},
            "recipe": "demo",
        },
        "small": {
            "models": XLMR[:2],
            "arms": (NONE, arm("mnli"), control("mnli", "masked"), control("mnli", "shuffled"), MULTI),
            "contrasts": (gain("multi"), gain("mnli")),
            "seeds": (1, 2, 3),
            "seeds_of": {},
            "model_factors": {model: {"pretraining": "xlm-r", "multilingual": True} for model in XLMR[:2]},
            "options_of": {},
            "search": None,
        },
        "full": {},
    },
)


@hookimpl
def harness_studies():
    yield SIZE_ROBUSTNESS
