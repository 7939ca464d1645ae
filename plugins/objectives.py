"""The controls that an intermediate task is compared with, and the objectives of training methods."""

from harness import Objective, hookimpl


@hookimpl
def harness_objectives():
    yield Objective(
        "masked",
        1,
        "harness.training.objectives.masked:Masked",
        summary="control: masked language modelling on the task's own rows, as many steps and tokens, no labels",
    )
    yield Objective(
        "shuffled",
        1,
        "harness.training.objectives.shuffled:Shuffled",
        summary="control: the task with its labels permuted among the training examples",
    )
    yield Objective(
        "teaching",
        1,
        "harness.training.objectives.teaching:Teaching",
        families=("classification", "multiple_choice", "tagging", "span_qa"),
        needs=("teacher",),
        summary="self-teaching and distillation: the predictions of a teacher as soft labels",
        citation="Fang et al. 2021, FILTER: An Enhanced Fusion Method for Cross-lingual Language Understanding",
    )
