"""Facts about a run as lines of text: headline, caveats, provenance, notes on the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.counted import counted
from harness.core.safe_text import safe, sanitise
from harness.data.resources import in_words
from harness.models.preparation import preparation_words
from harness.report.names import task_name
from harness.results.run_view import RunView, unit_score
from harness.types.studies import named_stages
from harness.types.units import Unit, split_of

if TYPE_CHECKING:
    from harness.types.record import StageRecord


_LISTED = 20
"""The most languages of a task that a line on missing units names."""
_TITLE = 4
"""The most tasks, and the most runs, that a title names."""


def headline(runs: Sequence[RunView]) -> str:
    """The title: the benchmark, or the selected tasks, and the runs."""
    names = sorted({_scored(run) for run in runs})
    shown = ", ".join(run.name for run in runs[:_TITLE]) + (", ..." if len(runs) > _TITLE else "")
    return sanitise(f"{' / '.join(names)}: {shown}", 160)


def _scored(run: RunView) -> str:
    """``XTREME``, or ``XNLI, Tatoeba`` of a run without a benchmark."""
    names = [run.benchmark] if run.benchmark else list(run.tasks)
    return ", ".join(map(task_name, names[:_TITLE])) + (", ..." if len(names) > _TITLE else "") or "nothing scored"


def caveats(run: RunView) -> list[str]:
    """Lists reasons why these are not benchmark scores, and what is missing or failed; empty for a full run.

    Units with the same answer to every item are among them, on one line.
    """
    found = [f"not benchmark scores: {sanitise(reason, 400)}" for reason in run.why_partial]
    if constant := constant_answers(run.constant_answers):
        found.append(constant)
    if run.scores is None or not run.finished:
        found.append("the run is not finished")
    failed = list(run.failed)
    if failed:
        found.append(f"failed ({counted(len(failed), 'unit')}): {sanitise(brackets(task_and_language(failed)), 1000)}")
    return found + not_scored(run)


def not_scored(run: RunView) -> list[str]:
    """One line on the languages whose data are missing, and one on those that were not asked for; none that failed."""
    failed = set(task_and_language(run.failed))
    left_out = {(name, code) for name, codes in run.not_selected.items() for code in codes}
    found = []
    units = [(task.name, code) for task in run.tasks.values() for code in task.missing]
    for title, chosen in (
        ("missing", [unit for unit in units if unit not in left_out and unit not in failed]),
        ("not selected", [unit for unit in units if unit in left_out]),
    ):
        if chosen:
            found.append(f"{title} ({counted(len(chosen), 'unit')}): {sanitise(_in_short(run, chosen), 1000)}")
    return found


def _in_short(run: RunView, units: Iterable[tuple[str, str]]) -> str:
    """The units in brackets after their task, many as their number; a task without any score stands alone."""
    tasks: dict[str, list[str]] = {}
    for task, code in units:
        tasks.setdefault(task, []).append(code)
    return "  ".join(
        task if not run.tasks[task].units and len(codes) == len(run.tasks[task].missing) else _few(task, codes)
        for task, codes in tasks.items()
    )


def _few(task: str, codes: Sequence[str]) -> str:
    return f"{task}[{','.join(codes)}]" if len(codes) <= _LISTED else f"{task} ({counted(len(codes), 'language')})"


def constant_answers(units: Mapping[str, str]) -> str:
    """One line on the units, by key, whose items all got one answer, task by task; "" where there is none."""
    if not units:
        return ""
    tasks: dict[str, dict[str, str]] = {}
    for (task, code), answer in zip(task_and_language(units), units.values(), strict=True):
        tasks.setdefault(task, {})[code] = repr(sanitise(answer, 30))
    told = []
    for task, answers in tasks.items():
        distinct = sorted(set(answers.values()))
        shown = ", ".join(distinct[:3]) + (", ..." if len(distinct) > 3 else "")
        told.append(f"{sanitise(_few(task, list(answers)), 1000)} {shown}")
    return f"the same answer to every item of a language ({counted(len(units), 'unit')}): {'; '.join(told)}"


def brackets(units: Iterable[tuple[str, str]]) -> str:
    """``[("xnli", "ar"), ("xnli", "bg")]`` as "xnli[ar,bg]"."""
    tasks: dict[str, list[str]] = {}
    for task, code in units:
        tasks.setdefault(task, []).append(code)
    return "  ".join(f"{task}[{','.join(codes)}]" for task, codes in tasks.items())


def task_and_language(keys: Iterable[str]) -> list[tuple[str, str]]:
    """The task and the language of units by key; of one with a perturbed test set ("xnli", "sw~drop")."""
    units = [(unit, split_of(unit.split)[1]) for unit in map(Unit.of, keys)]
    return [(unit.task, f"{unit.language}~{kind}" if kind else unit.language) for unit, kind in units]


def _lineage(stages: Sequence[StageRecord]) -> list[str]:
    """The stages that nothing was trained on top of, each with those it came after: "xnli after mnli"."""
    names = {stage["key"]: stage["name"] for stage in stages}
    parents = {stage["key"]: stage["parent"].get("stage", "") for stage in stages}
    found = []
    for key in names:
        if key in parents.values():
            continue
        path = [names[key]]
        parent = parents[key]
        while parent in names and len(path) <= len(names):
            path.append(names[parent])
            parent = parents[parent]
        found.append(" after ".join(path))
    return found


def _prepared(stages: Sequence[StageRecord]) -> list[str]:
    """Changes to the model before its first stages, each once."""
    found = (preparation_words(stage.get("preparation", {})) for stage in stages)
    return list(dict.fromkeys(words for words in found if words))


def provenance(run: RunView) -> list[tuple[str, str]]:
    """Everything that decides the scores, as (name, value): model, options, versions, command, data, time."""
    record = run.record
    model, options = record["model"], record["options"]
    environment, software = record["environment"], record["harness"]
    git = software.get("git")
    commit = f" ({git['commit'][:12]}{', with local changes' if git['dirty'] else ''})" if git else ""
    packages = environment.get("packages", {})
    recipe = options.get("recipe", {})
    seconds = record.get("timings", {}).get("seconds")
    rows: list[tuple[str, object]] = [
        ("model", model.get("reference")),
        ("revision", model.get("revision")),
        ("weights", model.get("fingerprint")),
        ("architecture", model.get("architecture")),
        ("trained", ", ".join(_lineage(run.stages))),
        ("prepared", " / ".join(_prepared(run.stages))),
        ("used", in_words(record.get("resources") or {})),
        ("recipe", f"{recipe.get('name', '')}, version {recipe.get('version', '')}" if recipe else None),
        ("overrides", ", ".join(f"{key}={value}" for key, value in options.get("overrides", {}).items())),
        ("seed", run.seed),
        ("split", options.get("split")),
        ("device, dtype", ", ".join(str(options[key]) for key in ("device", "dtype") if options.get(key))),
        ("language adapters", ", ".join(_adapters(run))),
        ("attention", options.get("attention") if options.get("attention") != "auto" else None),
        ("harness", f"{software['version']}{commit}"),
        ("Python", f"{environment.get('python', '')} on {environment.get('platform', '')}"),
        ("packages", ", ".join(f"{name} {version}" for name, version in packages.items() if version)),
        ("command", " ".join(record["command"])),
        ("created", record["created"]),
        ("finished", run.finished),
        ("seconds", None if seconds is None else f"{seconds:,.0f}"),
    ]
    return [(name, sanitise(value, 1000)) for name, value in rows if value not in (None, "")]


def origin(run: RunView) -> list[tuple[str, str]]:
    """The origin of a run in short, as (name, value), for ``harness runs show``: model, stages, recipe, command, dates."""
    record = run.record
    model, options = record["model"], record["options"]
    recipe = options.get("recipe", {})
    facts = [
        ("model", " at ".join(filter(None, (model.get("reference"), model.get("revision"))))),
        ("weights", model.get("fingerprint") or "-"),
        ("stages", named_stages([stage["name"] for stage in run.stages])),
        ("benchmark", run.benchmark or "selected tasks"),
        ("recipe", f"{recipe.get('name')} {recipe.get('version')}"),
        ("options", " ".join(f"{key}={value}" for key, value in options.get("overrides", {}).items()) or "-"),
        ("computed", f"{options.get('dtype')} on {options.get('device')}"),
        ("harness", record["harness"]["version"]),
        ("command", " ".join(record["command"])),
        ("started", record["created"]),
        ("finished", run.finished or "not yet"),
        *(("partial", reason) for reason in run.why_partial),
    ]
    return [(name, safe(value)) for name, value in facts]


def embedded_with(facts: Mapping[str, Any]) -> str:
    """``sentences embedded at layer 12 (last: the authors' modules.json), pool mean, prompt none``."""
    return (
        f"sentences embedded at layer {facts['layer']} ({facts['layer_from']}), pool {facts['pool']}, "
        f"prompt {facts['prompt']}"
    )


def _adapters(run: RunView) -> list[str]:
    """The adapters that the units took, each with the beginning of its fingerprint."""
    used = [each for unit in run.units.values() for each in unit.get("facts", {}).get("language_adapters", {}).values()]
    return sorted({f"{each['adapter']} {each['fingerprint'][:12]}" for each in used if each["adapter"]})


def adapter_words(choice: Mapping[str, Any]) -> str:
    """``sw (branch Narrow Bantu)`` for a language's adapter, as records describe it."""
    return f"{choice['adapter'] or 'none'} ({choice['reason']})"


def adapter_notes(language: str, used: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Notes of a unit about the languages that had no adapter of their own."""
    others = {code: choice for code, choice in used.items() if choice["reason"] != "own"}
    return [
        f"language adapter{'' if code == language else f' for {code or chr(39) * 2}'}: {adapter_words(choice)}"
        for code, choice in others.items()
    ]


def data_notes(run: RunView) -> list[str]:
    """Notes on training data and what else stages read, on the data, on sentence vectors, on an approximate search and on
    language adapters.

    Each is there once.

    They are written as "xnli[sw,ur]: note".
    """
    trained = {
        f"{part['task']}, trained on: {note}": None
        for stage in run.stages
        for part in stage["tasks"]
        for note in part["data"]["train"].get("notes", ())
    } | {
        f"{stage['name']}, {each['role']}: {each['fingerprint'][:12]} ({each['name']})": None
        for stage in run.stages
        for each in stage.get("inputs", ())
    }
    notes: dict[str, list[tuple[str, str]]] = {}
    for task in run.tasks.values():
        for code, unit in task.units.items():
            facts = unit.record.get("facts", {})
            known = [*unit.record["data"].get("notes", ()), *unit_score(unit.record)["warnings"]]
            if "recall" in facts:
                known.append(
                    f"searched with {facts['index']}, which found {facts['recall']:.2%} of the true neighbours"
                )
            if "layer_from" in facts:
                known.append(embedded_with(facts))
            known += adapter_notes(code, facts.get("language_adapters", {}))
            for note in known:
                notes.setdefault(str(note), []).append((task.name, code))
    return [
        sanitise(note, 1000) for note in (*trained, *(f"{brackets(units)}: {note}" for note, units in notes.items()))
    ]
