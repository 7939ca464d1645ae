"""The controls that an intermediate task is compared with: the same text and compute without the task's labels."""

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
