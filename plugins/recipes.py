"""Hyper-parameters: the public XTREME scripts, the code of papers, and two fast ones to try things out."""

from harness import Recipe, hookimpl

# No script of the two papers': the projector starts from nothing, and all arms of a comparison take as many steps.
PICTURES = {"second_lr": 1e-3, "second_lr_on": "projector", "select": "last"}

XTREME = Recipe(
    name="xtreme",
    version=1,
    defaults={
        "lr": 2e-5,
        "batch": 32,
        "epochs": 5,
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "clip": 1.0,
        "select": "best",
    },
    tasks={
        "xnli": {"epochs": 5, "evaluate_every": 100},
        "pawsx": {"epochs": 5, "evaluate_every": 200},
        "udpos": {"epochs": 10, "evaluate_every": 500, "seed": 1},
        "panx": {"epochs": 10, "evaluate_every": 1000, "seed": 1},
        "squad": {"lr": 3e-5, "epochs": 3, "warmup_steps": 500, "weight_decay": 1e-4, "select": "last"},
        "tydiqa": {"lr": 3e-5, "epochs": 3, "warmup_steps": 500, "weight_decay": 1e-4, "select": "last"},
        "socialiqa": {"epochs": 5, "select": "last", "truncate": "longest_first"},
        "copa": {"epochs": 5, "select": "last", "truncate": "longest_first", "keep_head": True},
        "lareqa": {"epochs": 3, "batch": 16, "softmax_pairs": 4, "evaluate_every": 1000},
        "mewslix": {"epochs": 2, "batch": 256, "softmax_pairs": 64, "evaluate_every": 100},
        "captions": PICTURES,
        "scenes": PICTURES,
    },
    large_tasks={
        "xnli": {"lr": 3e-5},
        "socialiqa": {"lr": 3e-5},
        "copa": {"lr": 3e-5},
        "mewslix": {"lr": 1e-5, "batch": 32, "softmax_pairs": 8, "evaluate_every": 2000},
    },
    summary="the public XTREME scripts (mBERT's column; XLM-R large's for hidden sizes of 1,024 or more)",
    source="google-research/xtreme scripts/train_*.sh at 838c13b",
)

STILTS = Recipe(
    name="stilts",
    version=1,
    defaults={
        "lr": 1e-5,
        "batch": 32,
        "epochs": 3,
        "warmup_ratio": 0.1,
        "weight_decay": 0.01,
        "evaluate_every": 1000,
        "eval_limit": 500,
        "patience": 30,
        "select": "best",
    },
    tasks={
        "xnli": {"epochs": 2, "max_length": 256},
        "pawsx": {"epochs": 5, "max_length": 256},
        "udpos": {"epochs": 10, "max_length": 256},
        "panx": {"epochs": 10, "max_length": 256},
        "squad": {"epochs": 2, "batch": 16},
        "tydiqa": {"epochs": 2, "batch": 16},
        "captions": PICTURES,
        "scenes": PICTURES,
    },
    summary="the public code of the STILTs paper (jiant): early stopping on 500 English dev examples, warm-up of 10%",
    source="nyu-mll/jiant scripts/benchmarks/xtreme at daa5a25; Phang et al. 2020",
)

FIRST_TOKEN = {"layer": "last", "pool": "cls", "prompt": "none", "max_length": 512}

LAPT = Recipe(
    name="lapt",
    version=1,
    defaults={
        "lr": 2e-5,
        "batch": 32,
        "epochs": 20,
        "warmup_steps": 1000,
        "weight_decay": 0.01,
        "clip": 1.0,
        "evaluate_every": 500,
        "select": "loss",
    },
    tasks={"mlm": {"max_length": 128, "mlm_probability": 0.15, "masked_per_row": 20}},
    summary="continued masked language modelling in one language; the checkpoint with the lowest held-out loss is kept",
    source="ethch18/specializing-multilingual at 59c320e and parsing-mbert at d883ae8; Chau and Smith 2021",
)

NLU_EVALS = Recipe(
    name="nlu-evals",
    version=1,
    defaults={
        "lr": 2e-5,
        "batch": 32,
        "epochs": 3,
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "clip": 1.0,
        "select": "last",
    },
    tasks={
        "xnli": {"warmup_ratio": 0.06},
        "mnli": {"warmup_ratio": 0.06},
        "pawsx": {"epochs": 2},
        "udpos": {"epochs": 10},
        "panx": {"epochs": 10},
        "squad": {"lr": 3e-5, "weight_decay": 1e-4},
        "tydiqa": {"lr": 3e-5, "weight_decay": 1e-4},
        "socialiqa": {"epochs": 5, "truncate": "longest_first"},
        "copa": {"epochs": 5, "truncate": "longest_first", "keep_head": True},
        "lareqa": {"batch": 16, "softmax_pairs": 16, "vector": "cls"},
        "mewslix": {
            "epochs": 2,
            "batch": 64,
            "softmax_pairs": 64,
            "vector": "cls",
            "query_length": 64,
            "candidate_length": 64,
        },
        "tatoeba": FIRST_TOKEN,
        "tatoeba_mteb": FIRST_TOKEN,
        "bucc2018": FIRST_TOKEN,
    },
    summary="the scripts behind the tables of mGTE and mmBERT: last checkpoint, first token; docs/training.md has the limits",
    source="izhx/nlu-evals scripts/*.sh at b8193ba; Zhang et al. 2024",
)

ROBUST = Recipe(
    name="robust",
    version=1,
    defaults={
        "lr": 2e-5,
        "batch": 32,
        "epochs": 3,
        "warmup_steps": 0,
        "max_length": 128,
        "seed": 7,
        "evaluate_every": 500,
        "select": "best",
    },
    tasks={
        "pawsx": {"epochs": 3, "copies": 10},
        "xnli": {"epochs": 1, "copies": 3, "evaluate_every": 1000},
        "mnli": {"epochs": 1, "copies": 3, "evaluate_every": 1000},
    },
    summary="the public code of robust training (PAWS-X, XNLI): with --set objective=synonyms, or plain as it is",
    source="uclanlp/Robust-XLT at 175cddb; Huang et al. 2021",
)

SOFT_PROMPT = Recipe(
    name="soft-prompt",
    version=1,
    defaults={
        "lr": 5e-3,
        "batch": 8,
        "epochs": 20,
        "warmup_ratio": 0.1,
        "evaluate_every": 50,
        "eval_limit": 500,
        "select": "loss",  # of few classes the scores of many checkpoints are the same
    },
    # 32 examples a class.
    tasks={
        "dbpedia14": {"train_size": 448},
        "topics_seen": {"train_size": 96},
        "xnli_cloze": {"train_size": 96},
    },
    summary="soft prompts on a frozen encoder: our reading of Philippy et al. 2025, whose own values were not found",
    source="fredxlpy/cross_lingual_prompt_tuning; Philippy et al. 2024",
)

FUSED = {"objective": "fusion", "local_layers": 1}
SENTENCES = {**FUSED, "fusion_layers": 1, "batch": 64, "max_length": 256, "seed": 52}
WORDS = {**FUSED, "fusion_layers": 1, "lr": 5e-6, "batch": 64, "epochs": 20, "max_length": 128, "seed": 62}
ANSWERS = {**FUSED, "fusion_layers": 10, "max_length": 384, "doc_stride": 128, "seed": 42}

FILTER = Recipe(
    name="filter",
    version=1,
    defaults={
        "lr": 5e-6,
        "batch": 64,
        "epochs": 5,
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "clip": 1.0,
        "evaluate_every": 1000,
        "select": "best",
    },
    tasks={
        "xnli": {**SENTENCES, "lr": 3e-6, "epochs": 5},
        "pawsx": {**SENTENCES, "lr": 1e-5, "epochs": 4, "batch": 32},
        "udpos": WORDS,
        "panx": WORDS,
        "squad": {**ANSWERS, "lr": 5e-6, "epochs": 2},
        "xquad": {"batch": 32},
        "tydiqa": {**ANSWERS, "lr": 1e-5, "epochs": 4, "batch": 32},
    },
    large_tasks={"squad": {"fusion_layers": 20}, "tydiqa": {"fusion_layers": 20}},
    summary="FILTER's scripts: objective fusion for XNLI, PAWS-X, tagging and questions; needs translations (--train-on)",
    source="yuwfan/FILTER train.sh at 6dac390; Fang et al. 2021",
)

TINY = Recipe(
    name="tiny",
    version=1,
    defaults={"lr": 1e-3, "batch": 32, "epochs": 3, "warmup_ratio": 0.1, "weight_decay": 0.01, "select": "best"},
    tasks={"copa": {"keep_head": True}},
    summary="a few seconds a task, for the tiny model and for trying things out",
)

DEMO = Recipe(
    name="demo",
    version=1,
    defaults={"lr": 3e-4, "batch": 8, "max_steps": 80, "warmup_ratio": 0.1, "select": "last"},
    tasks={
        "mnli": {"lr": 1e-4, "max_steps": 40},
        "tatoeba": {"layer": 12},
        "bucc2018": {"layer": 12},
    },
    summary="half a minute a task on two cores, for demo:e5-small on the sample corpus",
)


@hookimpl
def harness_recipes():
    yield from (XTREME, STILTS, NLU_EVALS, ROBUST, FILTER, LAPT, SOFT_PROMPT, TINY, DEMO)
