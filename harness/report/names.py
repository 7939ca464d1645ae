"""Names that people use of benchmarks, tasks, metrics and settings, for pages; what is not known keeps its own name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

PARTS = {"avg_tasks": "mean of tasks", "avg_groups": "mean of groups", "qa": "question answering"}
METRICS = {
    "f1": "F1",
    "rouge_l": "ROUGE-L",
    "chrf": "chrF",
    "bleu": "BLEU",
    "exact_match": "EM",
    "map@20": "mAP@20",
    "map": "mAP",
}
SETTINGS = {
    "zero_shot_en": "Zero-shot from English",
    "translate_train": "Translate-train",
    "translate_train_all": "Translate-train, all languages",
    "translate_test": "Translate-test",
    "translate_train+test": "Translate-train and -test",
    "in_language_multitask": "In-language, multitask",
    "sentence_encoder_parallel_data": "Sentence encoder, parallel data",
    "human": "Human",
    "baseline": "Baseline without a model",
    "as_it_is": "Model as it is",
}
_PARTS = {
    "intermediate_best_per_target": "best intermediate task for each target",
    "intermediate": "intermediate training on",
    "text": "text in",
    "labels": "labels in",
    "objective": "objective",
    "images": "images",
}


_TITLES: ContextVar[Mapping[str, str]] = ContextVar("titles")


@contextmanager
def titled(titles: Mapping[str, str]) -> Iterator[None]:
    """Within, tasks and benchmarks are called by these titles."""
    before = _TITLES.set(titles)
    try:
        yield
    finally:
        _TITLES.reset(before)


def task_name(name: str) -> str:
    """``PAWS-X`` of "pawsx", ``XTREME-R`` of "xtreme-r", ``question answering`` of "group:qa"."""
    known = name.removeprefix("group:")
    return PARTS.get(known) or _TITLES.get({}).get(known, known)


def metric_name(name: str) -> str:
    """``EM`` of "exact_match"."""
    return METRICS.get(name, name.replace("_", " "))


def setting_name(setting: str) -> str:
    """``Zero-shot from English, intermediate training on MNLI`` of "zero_shot_en+intermediate:mnli"."""
    if setting in SETTINGS:
        return SETTINGS[setting]
    base, *parts = setting.split("+")
    if parts and f"{base}+{parts[0]}" in SETTINGS:  # translate_train+test
        base = f"{base}+{parts.pop(0)}"
    return ", ".join([SETTINGS.get(base) or _part(base), *map(_part, parts)])


def _part(text: str) -> str:
    kind, _, values = text.partition(":")
    listed = (
        ", ".join(task_name(value) if kind == "intermediate" else value for value in values.split(","))
        if values
        else ""
    )
    return f"{_PARTS.get(kind, kind.replace('_', ' '))} {listed}".strip()
