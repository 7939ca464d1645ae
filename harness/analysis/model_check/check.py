"""Checks a model before it is used: every family is tried on a shallow copy of it, and a reviewer's questions answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING

from harness.analysis.model_check import questions
from harness.analysis.model_check.family_trial import FamilyTrial, try_family
from harness.analysis.model_check.token_counts import name_counts
from harness.core.installation import Check
from harness.core.offline import without_network
from harness.core.scratch import scratch_folder
from harness.inference.session import Compute, open_model
from harness.inference.token_counts import TokenCounts
from harness.models.config import load_config
from harness.models.reference import default_recipe, parse_model
from harness.models.resolve import Access, check_folder, resolve_model
from harness.models.shallow import check_shapes, shallow_copy
from harness.training.context import RunContext
from harness.types.options import EvalOptions

if TYPE_CHECKING:
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class ModelCheck:
    """Result of :func:`check_model`: a trial of each family, answers to a reviewer's questions, tokens by language."""

    model: str
    families: tuple[FamilyTrial, ...]
    checks: tuple[Check, ...]
    tokens: tuple[TokenCounts, ...]

    @property
    def usable(self) -> bool:
        """Tells whether any family can use the model."""
        return any(trial.verdict in ("works", "falls back") for trial in self.families)


def check_model(model: str, registry: Registry, options: EvalOptions | None = None) -> ModelCheck:
    """Tries every family of the registry on two layers of the model, and looks at its files and its tokenizer.

    The weights are only counted, never loaded. Of the ``options``, those count that say where a model may come from, what
    of it may run, and the device. ModelError where it cannot be found, or where its files are faulty.
    """
    options = options or EvalOptions()
    compute, reference = Compute.of(options, registry), parse_model(model)
    with without_network(options.offline):
        found = resolve_model(reference, Access.of(options, registry))
    context = RunContext.of(registry, registry.recipe(default_recipe(reference)), options, compute).of_model(found)
    config = load_config(found.folder)
    with scratch_folder(Path(gettempdir()), "harness-model-") as scratch:
        copy = check_folder(shallow_copy(found.folder, scratch / "copy"), model, code=found.code or None)
        check_shapes(found.folder, copy.folder)
        families = tuple(try_family(copy, name, registry, compute) for name in registry.families())
        session = open_model(copy, Access(), compute)
        counts = tuple(name_counts(session.tokenizer))
        checks = (
            *questions.weights(found, config),
            *questions.retrieval(found, config),
            questions.padding(families),
            questions.precision(config, session),
            *questions.tokens(session, counts),
            questions.lengths(session, context),
        )
    return ModelCheck(model, families, checks, counts)
