"""Model cards: a checkpoint or a system in the words of the Hub, with its scores as ``model-index`` and as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.private import publishable
from harness.data.hub_datasets import HubDataset, hub_datasets
from harness.scoring.scale import PERCENT, Scale, shown
from harness.types.languages import languages
from harness.types.tasks import TargetTask
from harness.types.units import Unit

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

    from harness.registry.registry import Registry
    from harness.types.record import UnitRecord

CARD = "README.md"
"""The file of a model card, in a model's folder and in its repository."""
TAGS = ("xtreme-harness", "cross-lingual", "multilingual")
_SCORES = "## Scores"
_EXPLAINED = (
    "Scores are 0-100{}, in brackets 95% intervals over the test items. Computed with "
    "[xtreme-harness](https://pypi.org/project/xtreme-harness/)."
)


@dataclass(frozen=True)
class CardScore:
    """One number on a card: a metric of a task in a language, or its mean over ``languages`` where that is "".

    ``hub_task`` is the Hub's name of this kind of task, ``dataset`` None where the data are not on the Hub. ``n`` counts
    the test items and ``official`` those of the official release, where they are known. ``scale`` is that of the metric,
    None for 0-100.
    """

    task: str
    hub_task: str
    dataset: HubDataset | None
    split: str
    metric: str
    language: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    official: int | None = None
    languages: int | None = None
    scale: Scale | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """Tells one number from another: a later value of the same takes its place."""
        return self.task, self.split, self.metric, self.language

    @property
    def where(self) -> str:
        """``Swahili (sw)``, or ``mean of 15 languages``."""
        if not self.language:
            return f"mean of {self.languages} languages" if self.languages else "mean of its languages"
        known = languages().get(self.language)
        return f"{known.name} ({self.language})" if known else self.language

    def entry(self) -> EvalResult:
        """Entry of the ``model-index``; what it has no field for is among the arguments of the metric."""
        from huggingface_hub import EvalResult

        more = {key: rounded(value) for key, value in asdict(self).items() if key in _ARGUMENTS and value is not None}
        return EvalResult(
            task_type=self.hub_task,
            task_name=self.task,
            dataset_type=self.dataset.repo if self.dataset else self.task,
            dataset_name=self.task,
            dataset_config=(self.dataset.config if self.dataset else "") or None,
            dataset_split=(self.dataset.split if self.dataset else "") or self.split,
            dataset_revision=(self.dataset.revision if self.dataset else "") or None,
            metric_type=self.metric,
            metric_name=f"{self.metric}, {self.where}",
            metric_value=rounded(self.value),
            metric_args=more,
        )

    @classmethod
    def of(cls, entry: EvalResult) -> CardScore | None:
        """The score behind an entry that :meth:`entry` made; None for any other."""
        more = entry.metric_args
        if not isinstance(more, dict) or not {"task", "split", "language"} <= more.keys():
            return None
        own = entry.dataset_type != more["task"]
        known: dict[str, Any] = {name: more.get(name) for name in _ARGUMENTS}
        dataset = (entry.dataset_config or "", entry.dataset_split or "", entry.dataset_revision or "")
        return cls(
            hub_task=entry.task_type,
            dataset=HubDataset(entry.dataset_type, *dataset) if own else None,
            metric=entry.metric_type,
            value=entry.metric_value,
            **known,
        )


_ARGUMENTS = ("task", "split", "language", "low", "high", "n", "official", "languages", "scale")


def unit_scores(registry: Registry, unit: Unit, record: UnitRecord) -> list[CardScore]:
    """Every number of a scored unit; none of a task that is not installed."""
    task, score = registry.tasks().get(unit.task), record["score"]
    if task is None or score is None:
        return []
    dataset = unit_dataset(task, unit, record)
    return [
        CardScore(
            unit.task,
            hub_task(registry, task),
            dataset,
            unit.split,
            metric,
            unit.language,
            estimate["value"],
            estimate.get("low"),
            estimate.get("high"),
            score["n"],
            record["data"].get("expected"),
            scale=estimate.get("scale"),
        )
        for metric, estimate in score["metrics"].items()
    ]


def unit_dataset(task: TargetTask, unit: Unit, record: UnitRecord) -> HubDataset | None:
    """The one data set of the Hub that a unit was read from; None where it is none, or not one alone."""
    split = task.languages.get(unit.language, {}).get(unit.split)
    sample = record["data"].get("state") == "sample"
    found = hub_datasets(record["data"].get("source", ""), split) if split and not sample else []
    return found[0] if len(found) == 1 else None


def hub_task(registry: Registry, task: Any) -> str:
    """The Hub's name of the kind of a task, "other" where its family does not say."""
    family = registry.families().get(task.family)
    return (family.hub_task if family else "") or "other"


def write_card(
    name: str, facts: Mapping[str, Any], sections: Mapping[str, str], scores: Sequence[CardScore] = ()
) -> str:
    """The text of a card: ``facts`` are the Hub's metadata, ``sections`` headings and their Markdown.

    Paths of this machine are cut to their last part.
    """
    from huggingface_hub import ModelCardData

    data = ModelCardData(**{key: value for key, value in publishable(dict(facts)).items() if value})
    body = "".join(f"\n## {heading}\n\n{text.rstrip()}\n" for heading, text in publishable(dict(sections)).items())
    return _joined(data, f"\n# {publishable(name)}\n{body}", publishable(name), scores)


def add_scores(card: str, added: Iterable[CardScore]) -> str:
    """The card with further scores; one of the same number of fewer items gives way, everything else stays as it is.

    :class:`~harness.core.errors.DataError` for a card whose metadata cannot be read.
    """
    from huggingface_hub import ModelCard

    with border("the model card is not one", hint="see https://huggingface.co/docs/hub/model-cards"):
        found = ModelCard(card)
        data: Any = found.data
        entries = data.eval_results or []
    scores = {score.key: score for entry in entries if (score := CardScore.of(entry))}
    foreign = [entry for entry in entries if CardScore.of(entry) is None]
    for score in added:
        before = scores.get(score.key)
        if before is None or (score.n or 0) >= (before.n or 0):
            scores[score.key] = score
    title = re.search(r"^# (.+)$", found.text, re.MULTILINE)
    name = data.model_name or (title[1] if title else "model")
    return _joined(data, found.text, name, list(scores.values()), foreign)


def _joined(data: Any, text: str, name: str, scores: Sequence[CardScore], foreign: Sequence[EvalResult] = ()) -> str:
    """Metadata and text, with the scores in both."""
    entries = [*foreign, *(score.entry() for score in scores)]
    if entries:
        data.model_name, data.eval_results = name, entries
        data.metrics = sorted({*(data.metrics or ()), *(entry.metric_type for entry in entries)})
        others = any(score.scale for score in scores)
        explained = _EXPLAINED.format(" unless their metric has another scale" if others else "")
        section = f"{_SCORES}\n\n{score_table(scores)}\n\n{explained}\n"
        place = re.compile(rf"^{_SCORES}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
        if place.search(text):
            text = place.sub(lambda _: section + "\n", text, count=1).rstrip("\n") + "\n"
        else:
            text = f"{text.rstrip()}\n\n{section}"
    return f"---\n{data.to_yaml()}\n---\n{text}"


def score_table(scores: Sequence[CardScore]) -> str:
    """A Markdown table with a line for every number."""
    lines = ["| task | language | metric | score | items |", "|---|---|---|---|---|"]
    for score in scores:
        text = partial(shown, scale=score.scale or PERCENT, more=1, like=score.value)
        ends = (score.low, score.high)
        interval = f" [{', '.join(text(end) for end in ends if end is not None)}]" if None not in ends else ""
        items = "" if score.n is None else f"{score.n:,}"
        if score.n is not None and score.official is not None and score.n < score.official:
            items += f" of {score.official:,}"
        cells = (score.task, score.where, score.metric, f"{text(score.value)}{interval}", items)
        lines.append("| " + " | ".join(each.replace("|", "\\|") for each in cells) + " |")
    return "\n".join(lines)


def rounded(value: Any) -> Any:
    """A number in six significant digits; anything else as it is."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
