"""Registered choices that several studies share: pairs of tasks with common data, and the search for large models."""

from harness import Search

SAME_SOURCE = (
    ("mnli", "xnli"),
    ("squad", "xquad"),
    ("squad", "mlqa"),
    ("squad", "lareqa"),
    ("squad", "tatoeba"),
    ("socialiqa", "xcopa"),
)
"""Intermediate and target tasks with common data, left out of primary means; the script of Tatoeba is tuned on SQuAD."""


def rate_search(models):
    """The learning rate of models with more than 600M parameters, chosen on English dev with a seed that is not reported."""
    return Search("lr", (5e-5, 1e-4, 3e-4), seed=0, models=models)  # adapters learn at higher rates than whole models
