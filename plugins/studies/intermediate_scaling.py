"""Does English intermediate training scale alike in multilingual and in English-only checkpoints?

Sizes of the training set are prefixes of one order. In the main series every size has the recipe's epochs; the series
``steps`` trains as long on all of them as three epochs of 64k take, so that size and steps can be told apart. English-only
checkpoints are scored on the English translation of the test text as well, where there is one: the series ``translate-test``,
which stands beside the others and is part of no primary test.
"""

from dataclasses import replace

from harness_plugins.studies.registered import SAME_SOURCE

from harness import Arm, Contrast, Study, hookimpl

SIZES = {"1k": 1_000, "4k": 4_000, "16k": 16_000, "64k": 64_000, "256k": 256_000}
TASKS = {"mnli": ("nli", 392_702), "squad": ("qa", 87_599), "hellaswag": ("completion", 39_905)}
STEPS = 3 * 64_000 // 32
NONE = Arm("none", factors={"intermediate": "", "size": 0})
T5 = ("small", "base", "large", "xl")
PAIRS = {
    "bert": ("bert-base-cased", "bert-base-multilingual-cased"),
    "roberta-base": ("roberta-base", "xlm-roberta-base"),
    "roberta-large": ("roberta-large", "xlm-roberta-large"),
    "deberta-v3": ("microsoft/deberta-v3-base", "microsoft/mdeberta-v3-base"),
    **{f"t5-{size}": (f"google/t5-v1_1-{size}", f"google/mt5-{size}") for size in T5},
}
MODELS = tuple(model for pair in PAIRS.values() for model in pair)
ENGLISH_ONLY = ("tiny-en", *(english for english, _ in PAIRS.values()))
TRANSLATED = ("xnli", "pawsx", "xquad", "mlqa", "tydiqa")  # whose test text XTREME distributes in English
START = {"original": "none", "translated": "none-translated"}
LARGE = tuple(model for name in ("roberta-large", "t5-large", "t5-xl") for model in PAIRS[name])


def arm(task, name, size, *, series="epochs", control="", steps=0, kind=""):
    """An arm on the first ``size`` examples of a task; of a control, with its objective."""
    own = f"{task}-{name}"
    factors = {"intermediate": kind or TASKS[task][0], "language": "en", "size": size, "series": series}
    options = {f"{task}.train_size": size} | ({f"{task}.max_steps": steps} if steps else {})
    return Arm(
        f"{own}-{control}" if control else f"{own}-{series}" if steps else own,
        via=(f"{task}@{control}" if control else task,),
        options=options,
        control_of=own if control else "",
        factors=factors | ({"control": control} if control else {}),
    )


def curve(task, names=tuple(SIZES)):
    """The sizes of a task, the whole of it last."""
    every = TASKS[task][1]
    found = [arm(task, name, SIZES[name]) for name in names if SIZES[name] < every]
    return (*found, arm(task, "all", every))


def translate_test(arms, models, tasks=TRANSLATED):
    """The arms of the main series of English-only checkpoints, scored on translated test text."""
    return tuple(
        replace(
            each,
            name=f"{each.name}-translated",
            factors={**each.factors, "series": "translate-test"},
            models=tuple(model for model in models if model in ENGLISH_ONLY),
            test_on="translated",
            tasks=tasks,
        )
        for each in arms
        if not each.control_of and each.factors.get("series") != "steps"
    )


def pairs(models):
    """The factors of models: their pair, and whether they are its multilingual one."""
    return {
        model: {"pair": name, "multilingual": model == pair[1]}
        for name, pair in PAIRS.items()
        for model in pair
        if model in models
    }


def gains(arms):
    """The gain of each arm, all secondary: the primary tests are those of slopes over size, in the analysis."""
    return tuple(
        Contrast(f"gain of {each.name}", each.name, START[each.test_on], primary=False)
        for each in arms
        if each.via and not each.control_of
    )


MNLI = curve("mnli")
MAIN = (NONE, *MNLI, *curve("squad"), *curve("hellaswag"))
EVERY = (
    *MAIN,
    arm("mnli", "16k", SIZES["16k"], control="shuffled"),
    arm("mnli", "all", TASKS["mnli"][1], control="shuffled"),
    arm("squad", "16k", SIZES["16k"], control="shuffled"),
    *(arm("mnli", name, SIZES[name], series="steps", steps=STEPS) for name in SIZES if name != "64k"),
    *translate_test(MAIN, MODELS),
)
SMALL_MAIN = (NONE, *curve("mnli", ("1k", "4k", "16k", "64k")))
SMALL = (
    *SMALL_MAIN,
    arm("mnli", "16k", SIZES["16k"], control="shuffled"),
    *translate_test(SMALL_MAIN, PAIRS["roberta-base"]),
)
SMOKE_TASKS = ("xnli[ar,de,en,es,fr,hi,ru,sw,zh]", "panx[ar,de,en,es,fr,hi,ko,ru,sw,zh]")
SMOKE_MAIN = (NONE, *(arm("mnli", str(size), size) for size in (100, 400, 1_600)))
SMOKE = (*SMOKE_MAIN, *translate_test(SMOKE_MAIN, ("tiny-en",), SMOKE_TASKS[:1]))
# Two real encoders of one width, which differ in more than their languages: 12 layers against 6, 250,037 against 30,522
# pieces, text of 100 languages against English alone. One pass over each amount, eight examples a step.
E5_PAIR = ("demo:minilm", "demo:e5-small")
SMOKE_E5 = (
    NONE,
    *(
        replace(arm("mnli", str(size), size), options={"mnli.train_size": size, "mnli.max_steps": size // 8})
        for size in (32, 128, 512)
    ),
)


@hookimpl
def harness_studies():
    yield Study(
        "intermediate-scaling",
        1,
        models=MODELS,
        benchmark="xtreme",
        tasks=("xnli", "pawsx", "panx", "udpos", "xquad", "mlqa", "tydiqa"),
        seeds=(1, 2, 3, 4, 5),
        seeds_of=dict.fromkeys(LARGE, (1, 2, 3)),
        question="Does English intermediate training scale by another law in multilingual than in English-only checkpoints?",
        hypotheses={
            "H1": "scores in the target languages rise faster with the size of the training set in multilingual checkpoints",
            "H2": "scores in English rise alike (margin: 0.2 points a unit of its logarithm)",
        },
        tests=2,
        arms=EVERY,
        contrasts=gains(EVERY),
        same_source=SAME_SOURCE,
        model_factors=pairs(MODELS),
        options_of={model: {"gradient_checkpointing": True} for model in PAIRS["t5-xl"]},
        analysis="harness.analysis.effects.intermediate_scaling:analyse",
        summary="gains against the size of the intermediate training set, in eight pairs of checkpoints",
        source="forms of the curves: Isik et al. 2025, Scaling Laws for Downstream Task Performance",
        sizes={
            "smoke": {
                "models": ("tiny", "tiny-en"),
                "benchmark": "",
                "tasks": SMOKE_TASKS,
                "arms": SMOKE,
                "contrasts": gains(SMOKE),
                "seeds": (1, 2, 3),
                "seeds_of": {},
                "model_factors": {
                    "tiny": {"pair": "tiny", "multilingual": True},
                    "tiny-en": {"pair": "tiny", "multilingual": False},
                },
                "options": {"xnli.train_size": 300, "panx.train_size": 300},
                "options_of": {},
                "recipe": "tiny",
                "limit": 60,
            },
            "smoke-e5": {
                "models": E5_PAIR,
                "benchmark": "",
                "tasks": ("panx[de,en,ru,sw,yo,zh]",),
                "arms": SMOKE_E5,
                "contrasts": gains(SMOKE_E5),
                "seeds": (1, 2),
                "seeds_of": {},
                "model_factors": {model: {"pair": "small", "multilingual": model == E5_PAIR[1]} for model in E5_PAIR},
                "options": {"panx.train_size": 300, "panx.max_steps": 40, "eval_limit": 100},
                "options_of": {},
                "recipe": "demo",
                "limit": 60,
            },
            "small": {
                "models": PAIRS["roberta-base"],
                "arms": SMALL,
                "contrasts": gains(SMALL),
                "seeds": (1, 2, 3),
                "seeds_of": {},
                "model_factors": pairs(PAIRS["roberta-base"]),
                "options_of": {},
            },
            "full": {},
        },
    )
