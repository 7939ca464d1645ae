"""Do intermediate tasks in other languages than English transfer better? English, Spanish, Arabic and others compared."""

from dataclasses import replace

from harness_plugins.studies.registered import SAME_SOURCE, rate_search

from harness import Arm, Contrast, Study, hookimpl

ALL = "ar bg de el en es fr hi ru sw th tr ur vi zh".split()
MIXED = ["en", "es", "ar"]
TASKS = {  # by kind: the task, the languages whose arms are compared, the examples that every arm trains on
    "nli": ("mnli", ["en", "es", "ar", "de", "zh", "hi", "sw"], 392_702),
    "qa": ("squad", ["en", "es", "ar", "de", "zh", "hi"], 80_000),  # translation loses questions of each language
    "paraphrase": ("pawsx", "en de es fr ja ko zh".split(), 49_401),
}
NONE = Arm("none", factors={"language": "", "intermediate": "", "size": 0})


def arm(kind, codes, name, control="", size=None, models=()):
    """An arm of a kind of task in one language, or in several mixed; of a control, with its objective."""
    task, _, rows = TASKS[kind]
    rows = size or rows
    stage = task if codes == ["en"] else f"{task}[{','.join(codes)}]"
    factors = {"language": "+".join(codes), "intermediate": kind, "size": rows}
    return Arm(
        f"{kind}-{name}-{control}" if control else f"{kind}-{name}",
        via=(f"{stage}@{control}" if control else stage,),
        options={f"{task}.train_size": rows},
        control_of=f"{kind}-{name}" if control else "",
        factors=factors | ({"control": control} if control else {}),
        models=models,
    )


def arms(kind, names, controls=(), models=(), **more):
    """The arms of single languages, "mixed" and "all", and the controls of some of them."""
    found = []
    for name in names:
        codes = {"mixed": MIXED, "all": ALL}.get(name, [name])
        found.append(arm(kind, codes, name, models=models, **more))
        found += [arm(kind, codes, name, control, models=models, **more) for of, control in controls if of == name]
    return found


def contrasts(*kinds, names=("es", "ar", "mixed")):
    """H1 to H3: Spanish, Arabic and the mixture against English."""
    hypotheses = {"es": "H1", "ar": "H2", "mixed": "H3"}
    return tuple(
        Contrast(f"{kind}: {name} - en", f"{kind}-{name}", f"{kind}-en", hypothesis=hypotheses[name])
        for kind in kinds
        for name in names
    )


XXL, XL, LARGE = "facebook/xlm-roberta-xxl", "facebook/xlm-roberta-xl", "xlm-roberta-large"
SMALLER = (XL, LARGE, "xlm-roberta-base", "bert-base-multilingual-cased")
BOTH = ("masked", "shuffled")
NON_ENGLISH = [(code, control) for code in ("es", "ar") for control in BOTH]
EVERYWHERE = (
    NONE,
    *arms("nli", ["en", "es", "ar", "mixed"]),
    *arms("qa", ["en", "es", "ar", "mixed"]),
)
CONTROLS = tuple(arm(kind, [code], code, control) for kind in ("nli", "qa") for code, control in NON_ENGLISH)
FULL_CONTROLS = tuple(  # of the largest model one control of each task, of the others all
    each if each.name.endswith("-es-shuffled") else replace(each, models=SMALLER) for each in CONTROLS
)
SMALL_CONTROLS = tuple(each for each in CONTROLS if each.name.startswith("nli") or each.name.endswith("shuffled"))
# As much data that people wrote in the language as translated: OCNLI against XNLI-MT.
NATIVE = (
    Arm(
        "nli-zh-native",
        via=("nli[zh]",),
        options={"nli.train_size": 50_000},
        factors={"language": "zh", "intermediate": "nli", "size": 50_000, "origin": "native"},
        models=SMALLER,
    ),
    arm("nli", ["zh"], "zh-50k", size=50_000, models=SMALLER),
)
OF_NATIVE = Contrast("nli: native zh - translated zh", "nli-zh-native", "nli-zh-50k", primary=False)
FURTHER = (
    *arms("nli", ["de", "zh", "hi", "sw", "all"], models=SMALLER),
    *arms("qa", ["de", "zh", "hi", "all"], models=SMALLER),
    *arms("paraphrase", TASKS["paraphrase"][1], models=SMALLER),
    *NATIVE,
)
SMOKE_ARMS = (
    NONE,
    *arms("nli", ["en", "es", "ar"], [("es", "shuffled")], size=300),
)

SMOKE = {
    "benchmark": "",
    "arms": SMOKE_ARMS,
    "contrasts": contrasts("nli", names=("es", "ar")),
    "seeds": (1, 2),
    "seeds_of": {},
    "options_of": {},
    "search": None,
    "limit": 60,
    "train_limit": 300,
}


NON_ENGLISH_INTERMEDIATE = Study(
    "non-english-intermediate",
    1,
    models=(XXL, *SMALLER),
    benchmark="xtreme-r",
    seeds=(1, 2, 3),
    seeds_of=dict.fromkeys(SMALLER[1:], (1, 2, 3, 4, 5)),
    question="Does an intermediate task in Spanish, in Arabic or in several languages transfer better than in English?",
    hypotheses={
        "H1": "an intermediate task in Spanish transfers as well as in English: es - en = 0 in macro gain",
        "H2": "an intermediate task in Arabic transfers as well as in English: ar - en = 0",
        "H3": "a mixture of English, Spanish and Arabic transfers as well as English: mixed - en = 0",
        "H4": "gains fall with the distance between target and intermediate language",
    },
    arms=(*EVERYWHERE, *FULL_CONTROLS, *FURTHER),
    contrasts=(*contrasts("nli", "qa"), OF_NATIVE),
    same_source=SAME_SOURCE,
    options_of={name: {"peft": "lora", "gradient_checkpointing": True} for name in (XXL, XL)},
    search=rate_search((XXL, XL)),
    analysis="harness.analysis.effects.language_of_intermediate:analyse",
    summary="English against non-English intermediate training: NLI, questions and paraphrases in up to 15 languages",
    source="Phang et al. 2020 (English intermediate training); translations: XNLI-MT, PAWS-X, your own of SQuAD",
    sizes={
        "smoke": SMOKE
        | {
            "models": ("tiny",),
            "tasks": (
                "xnli[ar,de,en,es,fr,hi,ru,sw,zh]",
                "pawsx[de,en,es,fr,ko,zh]",
                "panx[ar,de,en,es,fr,hi,ko,ru,sw,zh]",
            ),
            "recipe": "tiny",
        },
        "smoke-e5": SMOKE
        | {
            "models": ("demo:e5-small",),
            "tasks": ("xnli[en,ar,es,sw]", "pawsx[en,es,zh]"),
            "recipe": "demo",
        },
        "small": {
            "models": ("xlm-roberta-base",),
            "arms": (*EVERYWHERE, *SMALL_CONTROLS),
            "contrasts": contrasts("nli", "qa"),
            "seeds": (1, 2, 3),
            "seeds_of": {},
            "options_of": {},
            "search": None,
        },
        "full": {},
    },
)


@hookimpl
def harness_studies():
    yield NON_ENGLISH_INTERMEDIATE
