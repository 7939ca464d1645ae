"""What transfer from English loses, by script, family and resource class, over all tasks of a run."""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

from harness import DataError, get_registry

HEAD = "run\tgrouping\tgroup\tscores\tmean\tgap"
NOTE = "gap: English of XNLI minus the mean of the group's scores; every language of every task is a score, English is none"


def render(runs: Sequence[Any]) -> str:
    """A line for each group of languages of each run, the largest groups first.

    Raises DataError for a run without English in XNLI, from which the gaps are counted.
    """
    return "\n".join([HEAD, *(line for run in runs for line in _lines(run)), f"# {NOTE}", ""])


def _lines(run: Any) -> Iterator[str]:
    english = run.tasks["xnli"].units.get("en") if "xnli" in run.tasks else None
    if english is None:
        hint = "harness eval --benchmark nli-world scores it"
        raise DataError(f"{run.name}: the gaps are counted from the English of XNLI, which was not scored", hint=hint)
    top = english.score.value
    yield f"{run.name}\tEnglish\txnli\t1\t{top:.1f}\t"
    scored = [
        (code, unit.score.value) for task in run.tasks.values() for code, unit in task.units.items() if code != "en"
    ]
    for grouping, name_of in (("all", _all), ("script", _script), ("family", _family), ("resource class", _class)):
        groups: dict[str, list[float]] = {}
        for code, value in scored:
            groups.setdefault(name_of(code), []).append(value)
        for name, values in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
            mean = fmean(values)
            yield f"{run.name}\t{grouping}\t{name}\t{len(values)}\t{mean:.1f}\t{top - mean:.1f}"


def _all(code: str) -> str:
    return "all"


def _script(code: str) -> str:
    return get_registry().languages()[code].script


def _family(code: str) -> str:
    return get_registry().languages()[code].family


def _class(code: str) -> str:
    number = get_registry().languages()[code].resource_class
    return "unknown" if number is None else str(number)
