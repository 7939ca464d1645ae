"""Asks a model the questions of the tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.analysis.checklist._cases import Case, make_cases
from harness.analysis.checklist._normalise import normalise_answer
from harness.analysis.checklist._templates import FILE, OBTAIN, Row, Template, Templates, first_party, read_templates
from harness.analysis.checklist.families import answering_families
from harness.analysis.checklist.results import Failure, Result, Results
from harness.core.errors import DataError, ModelError, UsageError, did_you_mean
from harness.core.offline import without_network
from harness.inference.session import Compute, open_model
from harness.models.fingerprint import model_fingerprint
from harness.models.reference import ModelReference, parse_model
from harness.models.resolve import Access
from harness.registry.registry import load_part
from harness.runs.record import load_record
from harness.types.defaults import CHECKLIST_CASES
from harness.types.examples import Question
from harness.types.options import EvalOptions
from harness.types.tasks import IntermediateTask, TargetTask
from harness.types.units import UnitExamples

if TYPE_CHECKING:
    from harness.families.base import Predictor
    from harness.registry.registry import Registry

_LENT = ("animal", "vehicle")
"""Arguments that a test without arguments takes from another test."""
Ask = Callable[[str, Sequence[Question]], Sequence[str]]
"""Answers to the questions of a language."""


def checklist(
    model: str,
    registry: Registry,
    options: EvalOptions | None = None,
    *,
    languages: Sequence[str] = (),
    tests: Sequence[str] = (),
    cases: int = CHECKLIST_CASES,
    examples: int = 3,
) -> Results:
    """Error rates of a model that answers questions: a run folder with such a stage, a checkpoint folder, or a Hub id.

    Of the ``options``, only those count that say how a model is loaded and how it computes, ``data_dir`` and ``stages_dir``.
    Templates are the published ones if ``data_dir`` has them, else those of the harness. ``tests`` are parts of names;
    ``examples`` is how many failures of a test are kept. Raises UsageError for unknown languages and tests, ModelError
    where the model cannot answer questions, DataError for templates that cannot be read.
    """
    options = options or EvalOptions()
    templates, source = find_templates(options.data_dir)
    chosen = _languages(templates, languages)
    names = _tests(templates, tests)
    ask = model_asker(model, registry, options)
    results = [
        judge(template.name, code, made, ask(code, [q for case in made for q in case.questions]), examples)
        for code in chosen
        for template, made in _made(templates, code, names, cases)
    ]
    return Results(Path(model).name if Path(model).exists() else model, source, results)


def find_templates(data_dir: str | Path | None) -> tuple[Templates, str]:
    """The templates, and whose they are: "published" or "first-party"."""
    path = Path(data_dir) / FILE if data_dir else None
    if path is not None and path.is_file():
        return read_templates(path), "published"
    return first_party(), "first-party"


def judge(test: str, language: str, cases: Sequence[Case], answers: Sequence[str], keep: int) -> Result:
    """A case passes if every answer does."""
    given = iter(answers)
    failed = 0
    failures: list[Failure] = []
    for case in cases:
        wrong = [
            Failure(question.context, question.question, question.answers[0].text, answer)
            for question, answer in zip(case.questions, given, strict=False)
            if normalise_answer(answer, language) != normalise_answer(question.answers[0].text, language)
        ]
        failed += bool(wrong)
        failures += wrong[:1] if len(failures) < keep else []
    return Result(test, language, len(cases), failed, tuple(failures))


def _made(templates: Templates, code: str, names: Sequence[str], count: int) -> list[tuple[Template, list[Case]]]:
    found = []
    borrowed, known = (_arguments(templates[language]) for language in (code, "en"))
    for name in names:
        template, english = templates[code].get(name), templates["en"][name]
        if template is not None and template.arguments:
            found.append((template, make_cases(template, english, code, count)))
        elif template is not None:  # about the animals and vehicles of the test before it
            full = replace(english, arguments=known)
            found.append((template, make_cases(replace(template, arguments=borrowed), full, code, count)))
    return found


def _arguments(tests: Mapping[str, Template]) -> dict[str, Sequence[Row]]:
    return {name: test.arguments[name] for test in tests.values() for name in _LENT if name in test.arguments}


def model_asker(model: str, registry: Registry, options: EvalOptions) -> Ask:
    """A function that asks the model; the model is loaded once."""
    if not (able := answering_families(registry)):
        raise UsageError("no family answers questions", hint="'harness plugins' lists what is wrong")
    name = able[0]
    kind = load_part(registry.family(name), "implementation")
    family: Predictor = kind((), kind.Options())
    with without_network(options.offline):
        trained = _stage(Path(model), name, registry, options.stages_dir)
        reference = parse_model(model) if trained is None else ModelReference("folder", str(trained))
        session = open_model(reference, Access.of(options, registry), Compute.of(options, registry))
        session = session.with_tokenizer(family.tokenizer_settings())
        forward = session.forward(session.network(family.load, head=family.head_parameters))

    def ask(language: str, questions: Sequence[Question]) -> Sequence[str]:
        (prediction,) = family.predict(forward, [UnitExamples("checklist", language, "test", questions)])
        return [str(answer) for answer in map(_text, prediction.predictions)]

    return ask


def _text(answer: Any) -> Any:
    return getattr(answer, "text", answer)


def _stage(folder: Path, family: str, registry: Registry, stages_dir: str | Path | None) -> Path | None:
    """The checkpoint of a run that answers questions; None where the folder is no run."""
    record = load_record(folder) if (folder / "record.json").is_file() else None
    if record is None:
        return None
    known = {**_families(registry.tasks()), **_families(registry.intermediate_tasks())}
    for stage in record["stages"]:
        families = [known[part["task"]] for part in stage["tasks"] if part["task"] in known]
        if families == [family]:
            roots = [Path(stages_dir)] if stages_dir else [folder.parent / "stages"]
            end = str(stage["key"])[:12]
            if not end.isalnum():  # it is looked for by this name: no pattern, no path
                raise DataError(f"{folder}: {end!r} is not the key of a stage", hint="the record is not the harness's")
            for path in (found for root in roots for found in sorted(root.glob(f"*{end}"))):
                if model_fingerprint(path) != stage.get("fingerprint"):
                    raise ModelError(
                        f"{path}: not the weights that the run trained", hint="run the same `harness eval` again"
                    )
                return path
            raise ModelError(f"{folder}: its stage {stage['name']!r} is not in {roots[0]}", hint="--stages FOLDER")
    raise ModelError(
        f"{folder}: the run trained no model that answers questions", hint="score a task of questions, or name a model"
    )


def _families(tasks: Mapping[str, TargetTask] | Mapping[str, IntermediateTask]) -> dict[str, str]:
    return {name: task.family for name, task in tasks.items()}


def _languages(templates: Templates, asked: Sequence[str]) -> list[str]:
    for code in asked:
        if code not in templates:
            raise UsageError(f"the templates have no language {code!r}", hint=did_you_mean(code, templates))
    return list(asked or templates)


def _tests(templates: Templates, asked: Sequence[str]) -> list[str]:
    known = list(templates.get("en", {}))
    if not known:
        raise DataError("the templates have no English", hint=OBTAIN)
    for part in asked:
        if not any(part.lower() in name.lower() for name in known):
            raise UsageError(f"no test is called {part!r}", hint=f"tests: {', '.join(known)}")
    return [name for name in known if not asked or any(part.lower() in name.lower() for part in asked)]
