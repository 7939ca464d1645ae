"""Does a stage on an English task in between help? A study of four targets by intermediate stages with a real encoder.

Run from the root of the repository::

    python -m benchmarks.stilts_study ../shared/data runs/stilts
    export OMP_NUM_THREADS=1
    harness --plugin benchmarks/stilts_study.py study run stilts-in-small --data-dir runs/stilts/data --dtype bf16 --jobs 2
    harness --plugin benchmarks/stilts_study.py study analyse stilts-in-small

The first command writes the model, multilingual-e5-small (a 4-bit copy) without dropout, which takes a sixth of a step on a
processor, and the data: excerpts, in which the second half of PAWS-X's dev sets stands for its test sets, whose labels the
excerpts lack.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from harness import Arm, Contrast, Recipe, Study, hookimpl

MODEL = "runs/stilts/model"
STEPS = Recipe(
    name="stilts-in-small",
    version=1,
    defaults={"lr": 1e-4, "batch": 16, "warmup_ratio": 0.1, "weight_decay": 0.0, "epochs": 1, "select": "last"},
    tasks={
        "xnli": {"epochs": 1.5},
        "mnli": {"epochs": 1.5},
        "squad": {"lr": 3e-4, "train_size": 640},
        "hellaswag": {"train_size": 640},
    },
    summary="one pass over excerpts, or one and a half, for a small encoder on two cores",
    source="the rate of MNLI is the better of 1e-4 and 2e-4 on English dev data, that of SQuAD was used before",
)
TABLES = ("google/xtreme", "nyu-mll/glue/mnli", "rajpurkar/squad", "Rowan/hellaswag")
VIA = {"mnli": ("mnli",), "squad": ("squad",), "hellaswag": ("hellaswag",), "multi": ("mnli+squad+hellaswag",)}
STUDY = Study(
    "stilts-in-small",
    1,
    models=(MODEL,),
    tasks=(
        "xnli[de,en,sw,zh]",
        "pawsx[de,en,es,zh]",
        "xquad[ar,de,en,es,vi,zh]",
        "tatoeba[ar,de,es,et,fr,hi,ja,ru,sw,tr,vi,zh]",
    ),
    seeds=(1, 2, 3),
    recipe=STEPS.name,
    limit=200,
    question="Does English intermediate training help a small multilingual encoder that has seen a few thousand examples?",
    hypotheses={"H1": "an intermediate stage changes the mean over XNLI, PAWS-X and XQuAD"},
    arms=(Arm("none"), *(Arm(name, via=via, factors={"intermediate": name}) for name, via in VIA.items())),
    contrasts=(
        *(Contrast(f"{name} - none", name, tasks=("xnli", "pawsx", "xquad"), hypothesis="H1") for name in VIA),
        *(Contrast(f"{name} - none: Tatoeba", name, tasks=("tatoeba",), primary=False) for name in VIA),
    ),
    same_source=(("mnli", "xnli"), ("squad", "xquad")),
    summary="none, MNLI, SQuAD, HellaSwag and all three before XNLI, PAWS-X, XQuAD and Tatoeba, on two cores",
    source="Phang et al. 2020, in small",
)


@hookimpl
def harness_recipes() -> list[Recipe]:
    return [STEPS]


@hookimpl
def harness_studies() -> list[Study]:
    return [STUDY]


def write_data(source: Path, target: Path) -> None:
    """Copies the tables that the study reads, with PAWS-X's dev sets as its test sets."""
    for name in TABLES:
        shutil.copytree(source / name, target / name, dirs_exist_ok=True)
    for file in target.glob("google/xtreme/PAWS-X.*/validation-*.parquet"):
        shutil.copy(file, file.with_name(file.name.replace("validation", "test")))


def main() -> None:
    from benchmarks.transfer import without_dropout
    from harness.models.e5_small import e5_small

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, help="a folder of benchmark excerpts")
    parser.add_argument("out", type=Path, help="the folder of model and data")
    args = parser.parse_args()
    write_data(args.source, args.out / "data")
    without_dropout(e5_small(), args.out / "model")


if __name__ == "__main__":
    main()
