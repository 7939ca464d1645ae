"""Tries a family of tasks on a model: a training step, saving, loading, prediction, on the examples of its template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.core.border import border
from harness.core.errors import HarnessError, ModelError, PluginError
from harness.core.scratch import scratch_folder
from harness.data.sources import LoadedSplit
from harness.families.base import HeadFamily, Predictor
from harness.inference.session import Compute, open_model
from harness.models.load import check_head
from harness.models.resolve import Access
from harness.registry.registry import load_part
from harness.registry.template import template_examples, template_of
from harness.training.stage import Stage, StageTask
from harness.training.train_stage import train_stage
from harness.types.examples import Example, pool_role
from harness.types.options import TrainOptions, build
from harness.types.sources import Split
from harness.types.tasks import IntermediateTask
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    from harness.models.resolve import ResolvedModel
    from harness.registry.registry import Registry
    from harness.types.tasks import Family

SHORT: Mapping[str, Any] = {
    "max_length": 48,
    "max_query_length": 16,
    "doc_stride": 16,
    "query_length": 48,
    "candidate_length": 48,
    "softmax_pairs": 2,
}
"""Options of families that make a trial short; each family takes those that it has."""

READS_PADDING = "rows of one length only: it reads padding"
SEPARATOR = "the end token between the texts of a pair, where its tokenizer puts none"
NEW_HEAD = "a new head, drawn at random: its checkpoint has none"


@dataclass(frozen=True)
class FamilyTrial:
    """Outcome for a family: it "works", "falls back" (``how``, in as many notes), "cannot" be used (``how`` says why).

    It was "not tried" where no examples are known. ``hint`` says what can be done.
    """

    family: str
    verdict: Literal["works", "falls back", "cannot", "not tried"]
    how: tuple[str, ...] = ()
    hint: str = ""


def try_family(model: ResolvedModel, name: str, registry: Registry, compute: Compute | None = None) -> FamilyTrial:
    """Tries the family of this name on a model of random weights.

    Never raises a HarnessError: that is what "cannot" tells.
    """
    family = registry.family(name)
    try:
        template = template_of(family, registry.families().values())
    except HarnessError as error:
        return FamilyTrial(name, "not tried", (str(error),), error.hint)
    try:
        with _of_plugin(family):
            kind = load_part(family, "implementation")
            predictor = kind(template.labels, build(kind.Options, {**template.options, **SHORT}))
            train, test = (template_examples(family, template, split) for split in ("train", "test"))
            with scratch_folder(model.folder.parent, ".trial-") as scratch:
                notes = _notes(model, family, predictor, train, test, compute or Compute(), scratch)
    except HarnessError as error:
        return FamilyTrial(name, "cannot", (_without_place(str(error), model),), error.hint)
    return FamilyTrial(name, "falls back" if notes else "works", notes)


def _notes(
    model: ResolvedModel,
    family: Family,
    predictor: Predictor,
    train: list[Example],
    test: list[Example],
    compute: Compute,
    scratch: Path,
) -> tuple[str, ...]:
    """Notes on what stands in for what the model lacks."""
    trained: ResolvedModel | Path = model
    notes = []
    if isinstance(predictor, HeadFamily):
        if not predictor.fresh_head and not _has_head(model, predictor, compute):
            notes.append(NEW_HEAD)
        trained = _trained(model, family, predictor, train, compute, scratch)
    session = open_model(trained, Access(), compute).with_tokenizer(predictor.tokenizer_settings())
    head = predictor.head_parameters if predictor.trainable else None
    network = session.network(predictor.load, head=head)
    forward = session.forward(network)
    pool = [example for example in test if pool_role(example).pool]
    asked = [example for example in test if not pool_role(example).pool] if pool else test
    dev = test if predictor.needs_dev else ()
    unit = UnitExamples("trial", "en", "test", asked, dev, pool, pool_languages=["en"] * len(pool))
    (unit,) = predictor.join([unit])
    (found,) = predictor.predict(forward, [unit])
    notes.insert(0, getattr(network, "harness_instead", ""))
    if forward.padding == "none":
        notes.append(READS_PADDING)
    if "separator" in found.facts:
        notes.append(SEPARATOR)
    return tuple(note for note in notes if note)


def _has_head(model: ResolvedModel, predictor: Predictor, compute: Compute) -> bool:
    """Tells whether the checkpoint brings the head that the family goes on with."""
    network = open_model(model, Access(), compute).network(predictor.load)
    try:
        check_head(network, model.folder, predictor.head_parameters(network))
    except ModelError:
        return False
    return True


def _trained(
    model: ResolvedModel,
    family: Family,
    predictor: HeadFamily,
    examples: list[Example],
    compute: Compute,
    scratch: Path,
) -> Path:
    """The checkpoint after a step."""
    task = IntermediateTask(
        "trial", 1, family.name, Split(), lambda row: None, "accuracy", predictor.labels, dev=Split()
    )
    split = LoadedSplit(examples, len(examples), None, "test", [], "none", languages=["en"] * len(examples))
    options = TrainOptions(max_steps=1, batch=min(len(examples), 4), select="last", lr=1e-3)
    form = load_part(family, "format")()
    stage = Stage((StageTask(task, split, None, predictor, form),), model, options, "fp32", attention=compute.attention)
    return train_stage(stage, model.folder, scratch / "stage", compute=compute).folder


@contextmanager
def _of_plugin(family: Family) -> Iterator[None]:
    with border(f"plugin {family.provider}: family {family.name!r}", PluginError, hint="harness plugins check"):
        yield


def _without_place(said: str, model: ResolvedModel) -> str:
    for place in (str(model.folder), model.reference):
        said = said.removeprefix(f"{place}: ")
    return said
