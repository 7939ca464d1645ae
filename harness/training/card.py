"""The model card of a checkpoint: what it was trained from, on what, under which licences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError
from harness.data.hub_datasets import HubDataset, hub_datasets
from harness.models.preparation import preparation_words
from harness.models.reference import parse_model
from harness.runs.model_card import CARD, TAGS, write_card
from harness.scoring.scale import shown_dev
from harness.training.sources import training_tasks
from harness.training.stage import Stage
from harness.training.via import in_languages, parse_via
from harness.types.sources import Split

if TYPE_CHECKING:
    from harness.models.resolve import ResolvedModel
    from harness.registry.registry import Registry
    from harness.types.tasks import IntermediateTask


@dataclass(frozen=True)
class TrainedOn:
    """One task of a stage: its data as they were read, and what its plugin says of them.

    ``examples`` are the rows of the source, ``official`` those of the official release, None where that is not known.
    """

    stage: str
    task: str
    source: str
    examples: int
    official: int | None = None
    licence: str = ""
    citation: str = ""
    datasets: tuple[HubDataset, ...] = ()

    @property
    def size(self) -> str:
        """``2,400 of 392,702``: the rows that were there, and those of the official release if these are others."""
        others = self.official not in (None, self.examples)
        return f"{self.examples:,}" + (f" of {self.official:,}" if others and self.official else "")


def stage_card(stage: Stage, summary: Mapping[str, Any]) -> str:
    """The card of a stage that has been trained; scores of target tasks are added as runs score the checkpoint."""
    tasks = list(_of_stages(stage))
    base, licence = base_model(stage.start)
    facts = {
        "base_model": base,
        "license": licence,
        "language": sorted({*stage.resources.get("labels", ()), *stage.resources.get("text", ())}),
        "datasets": dataset_names(tasks),
        "library_name": "transformers",
        "pipeline_tag": stage.tasks[0].hub_task if len(stage.tasks) == 1 and stage.tasks[0].hub_task != "other" else "",
        "tags": list(TAGS),
    }
    dev = summary.get("dev_score")
    trained = f"{summary['steps']} steps, seed {stage.options.seed}, learning rate {stage.options.lr:g}, {stage.dtype}"
    lines = [
        f"Base model: `{stage.start.reference}`" + (f" at `{revision}`" if (revision := stage.start.revision) else ""),
        f"Stages: {' → '.join(stage.lineage)}",
        f"Last stage: {trained}" + (f", dev score {shown_dev(dev)} at step {summary['selected_step']}" if dev else ""),
        *([f"Prepared: {words}"] if (words := preparation_words(summary.get("preparation", {}))) else []),
        f"Key: `{stage.key}`; `stage.json` has all options, the data with their fingerprints, and the loss.",
    ]
    sections = {"Training": "\n".join(f"- {line}" for line in lines), "Data": data_table(tasks)}
    return write_card(f"{stage.start.reference} after {' → '.join(stage.lineage)}", facts, sections)


def base_model(model: ResolvedModel) -> tuple[str, str]:
    """The id on the Hub and the licence of what a training starts from, as far as they are known."""
    from huggingface_hub import ModelCard

    licence = base = ""
    with suppress(Exception):  # a card is anybody's text, and there need be none
        data: Any = ModelCard((model.folder / CARD).read_text(encoding="utf-8")).data
        licence = data.license if isinstance(data.license, str) else ""
        base = data.base_model if isinstance(data.base_model, str) and TAGS[0] in (data.tags or ()) else ""
    return hub_id(model.reference) or base, licence


def hub_id(reference: str) -> str:
    """The repository on the Hub that a model string names; "" for any other model."""
    with suppress(HarnessError):
        found = parse_model(reference)
        return found.name if found.kind == "hub" else ""
    return ""


def recorded_training(stages: Iterable[Mapping[str, Any]], registry: Registry) -> Iterator[TrainedOn]:
    """Each task of recorded stages; what its plugin says is known where it is installed."""
    for stage in stages:
        for part in stage["tasks"]:
            train = part["data"]["train"]
            task = _task(part["task"], registry)
            split = task.train if task is not None and isinstance(task.train, Split) else None
            yield TrainedOn(
                stage["name"],
                part["task"],
                train.get("source", ""),
                train.get("rows") or 0,
                train.get("expected"),
                task.licence if task else "",
                task.citation if task else "",
                tuple(hub_datasets(train.get("source", ""), split)) if split else (),
            )


def dataset_names(tasks: Iterable[TrainedOn]) -> list[str]:
    """The data sets of the Hub among them, each once; an excerpt, or a corpus of another size, is not one of them."""
    whole = [task for task in tasks if task.official in (None, task.examples)]
    return list(dict.fromkeys(dataset.repo for task in whole for dataset in task.datasets))


def data_table(tasks: Sequence[TrainedOn]) -> str:
    """A Markdown table of what was trained on."""
    rows = [(each.stage, each.source, each.size, each.licence or "?", each.citation) for each in tasks]
    lines = ["| stage | data | rows | licence | reference |", "|---|---|---|---|---|"]
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in cells)])


def _of_stages(stage: Stage) -> Iterator[TrainedOn]:
    if isinstance(stage.parent, Stage):
        yield from _of_stages(stage.parent)
    for part in stage.tasks:
        task, train = part.task, part.train
        datasets = tuple(hub_datasets(train.source, task.train))
        licence, citation = task.licence, task.citation
        yield TrainedOn(stage.name, part.name, train.source, train.rows, train.expected, licence, citation, datasets)


def _task(name: str, registry: Registry) -> IntermediateTask | Any:
    with suppress(HarnessError, ValueError):
        (part,) = parse_via(name)
        if part.name in registry.intermediate_tasks():
            return in_languages(registry.intermediate(part.name), part.languages)
        (own,) = training_tasks(registry.task(part.name), registry)
        return in_languages(own, part.languages)
    return None
