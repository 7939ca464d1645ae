"""Controls without a task's labels, and an encoder that reads a text beside its English."""

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
        "fusion",
        1,
        "harness.training.objectives.fusion:Fused",
        families=("classification", "span_qa", "tagging"),
        needs=("translations",),
        summary="FILTER: a text and its English translation side by side in some layers, in training and in tests",
        citation="Fang et al. 2021",
    )
    yield Objective(
        "shuffled",
        1,
        "harness.training.objectives.shuffled:Shuffled",
        summary="control: the task with its labels permuted among the training examples",
    )
