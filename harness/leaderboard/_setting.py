"""The setting of a run, in the words of the published rows: what the system used decides it, not how it was called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.runs.recorded_objectives import scored_objectives

if TYPE_CHECKING:
    from harness.types.record import RunRecord


def setting(record: RunRecord, resources: Mapping[str, Any]) -> str:
    """``zero_shot_en+intermediate:mnli+objective:shuffled``; numbers of different settings are never ranked together.

    Methods of training are systems of the setting of their data, as in published tables: FILTER stands with others that read
    translations in training and tests. Controls are no systems, and stand apart.
    """
    if record["model"].get("kind") == "baseline":
        return "baseline"
    unknown = record["options"].get("train") == "never"
    suffixes = []
    base = translations(resources)
    if base and (codes := _labelled_by_people(record, resources)):
        suffixes.append("labels:" + ",".join(codes))
    if resources.get("intermediate"):
        suffixes.append("intermediate:" + ",".join(resources["intermediate"]))
    if resources["text"]:
        suffixes.append("text:" + ",".join(resources["text"]))
    if resources["images"]:
        suffixes.append("images")
    if objectives := scored_objectives(record, methods=False):
        suffixes.append("objective:" + ",".join(objectives))
    return "+".join([base or ("as_it_is" if unknown else _labels(resources)), *suffixes])


def translations(resources: Mapping[str, Any]) -> str:
    """Names the setting for the translations that were used; "" where there were none."""
    trained = {each["to"] for each in resources["translations_train"]}
    if trained and resources["translations_test"]:
        return "translate_train+test"
    if trained:
        return "translate_train" if len(trained) == 1 else "translate_train_all"
    return "translate_test" if resources["translations_test"] else ""


def _labelled_by_people(record: RunRecord, resources: Mapping[str, Any]) -> list[str]:
    """The languages other than English with labels that are no translation, of the run or of one of its stages."""
    used = [resources, *(stage["resources"] for stage in record["stages"] if stage.get("resources"))]
    found: set[str] = set()
    for each in used:
        translated = {translation["to"] for translation in each.get("translations_train", ())}
        found |= {*each.get("labels", ())} - {"en"} - translated
    return sorted(found)


def _labels(resources: Mapping[str, Any]) -> str:
    """Labels in English alone, or none at all (retrieval), are zero-shot."""
    return "zero_shot_en" if set(resources["labels"]) <= {"en"} else "labels:" + ",".join(resources["labels"])
