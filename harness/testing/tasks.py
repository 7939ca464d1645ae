"""Checks of tasks and their data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.core.errors import HarnessError
from harness.registry.registry import Registry
from harness.registry.select import Selectable, choose
from harness.testing.contract import Status
from harness.testing.subject import Part, Subject
from harness.types.examples import Example, PoolRole, pool_role
from harness.types.languages import Language
from harness.types.tasks import TargetTask

Result = tuple[str, Status, str]


def licence(subject: Subject) -> Iterator[Result]:
    """A task says what it is, under which licence, and whose work."""
    for task in subject.tasks:
        lacking = [name for name in ("summary", "licence", "citation") if not getattr(task, name).strip()]
        yield (
            f"task {task.name}",
            "failed" if lacking else "passed",
            f"without {' and '.join(lacking)}" if lacking else task.licence,
        )


def languages(subject: Subject) -> Iterator[Result]:
    """Codes are those of known languages, and a target task can be scored in each of its languages.

    A language that the plugin adds is none of the known ones, and selectors find it by code, script, family and genus.
    """
    known = subject.registry.languages()
    for language in known.values():
        if language.provider == subject.provider:
            problem = _language_problem(language, subject.registry)
            yield f"language {language.code}", "failed" if problem else "passed", problem or language.name
    for task in subject.tasks:
        unknown = [code for code in task.languages if code not in known]
        bare = [
            code
            for code, table in task.languages.items()
            if isinstance(task, TargetTask) and not {"test", "dev"} & set(table)
        ]
        problem = f"unknown: {', '.join(unknown)}" if unknown else f"neither test nor dev: {', '.join(bare)}"
        yield f"task {task.name}", "failed" if unknown or bare else "passed", problem if unknown or bare else ""


def _language_problem(language: Language, registry: Registry) -> str:
    known = registry.languages()
    same = sorted(o.code for o in known.values() if (o.iso639_3, o.script) == (language.iso639_3, language.script))
    if len(same) > 1:
        return f"iso639_3 {language.iso639_3!r} is that of {' and '.join(same)}"
    namesakes = sorted(
        other.code
        for other in known.values()
        if (other.name.lower(), other.script) == (language.name.lower(), language.script)
    )
    if len(namesakes) > 1:
        return f"name {language.name!r} is that of {' and '.join(namesakes)}"
    task = {"task": Selectable("", (language.code,), (language.code,))}
    family, genus = f"family:{language.family}", f"family:{language.genus}"
    for item in (language.code, f"script:{language.script}", family, genus):
        try:
            choose(registry, task, [f"task[{item}]"])
        except HarnessError as error:
            return f"it cannot be selected: {error}"
    return ""


def readable(subject: Subject) -> Iterator[Result]:
    """Files are what they should be, rows can be read, examples are what the family takes and have what their class says."""

    def judge(part: Part) -> str:
        kinds = subject.registry.family(part.task.family).examples
        wrong = next((example for example in subject.read(part).examples if not isinstance(example, kinds)), None)
        if wrong is None:
            return next(filter(None, map(_misdescribed, subject.read(part).examples)), "")
        wanted = " or ".join(kind.__name__ for kind in kinds)
        return f"example: {type(wrong).__name__} where the family {part.task.family!r} takes {wanted}"

    yield from _each(subject, judge, unreadable="failed")


def _misdescribed(example: object) -> str:
    """Finds what the class of an example says of it that is not so, or ""."""
    if not isinstance(example, Example):
        return ""
    name, words = type(example).__name__, (example.word_field, example.written_field)
    lost = [field for field in (*example.query_fields, *example.paired_fields, *words) if field]
    lost = [field for field in lost if not hasattr(example, field) and field not in example.texts()]
    if lost:
        return f"example: {name} has no {lost[0]!r}, which its class names"
    role = example.pool_role()
    if isinstance(role, PoolRole) and all(isinstance(link, tuple) and len(link) == 2 for link in role.links):
        return ""
    return f"example: pool_role of {name} gives {role!r}, not a PoolRole with links of a pool and an id"


def ids(subject: Subject) -> Iterator[Result]:
    """Ids are strings and occur once, in a mining pool once on either side; links lead into pools that have members."""

    def judge(part: Part) -> str:
        seen = set()
        linked: set[str] = set()
        for example in subject.read(part).examples:
            role = pool_role(example)
            linked |= {pool for pool, _ in role.links}
            key = example.unique_key()
            if key is None and role.links and not role.counts:
                continue
            name = getattr(example, "id", None)
            if not isinstance(name, str):
                return f"the id {name!r} is not a string"
            if key in seen:
                return f"the id {name!r} occurs twice"
            seen.add(key)
        pools = _pools(subject, part) if linked else set()
        lost = sorted(linked - pools) if pools else []
        return f"links lead to {', '.join(lost)}, but the pools are {', '.join(sorted(pools))}" if lost else ""

    yield from _each(subject, judge)


def _pools(subject: Subject, part: Part) -> set[str]:
    """The pools whose members are in a split, or in the pool of its task."""
    apart = [other for other in subject.parts_of(part.task) if other.name == "pool" and other.present]
    return {pool_role(example).pool for each in (part, *apart) for example in subject.read(each).examples} - {""}


def labels(subject: Subject) -> Iterator[Result]:
    """Every label is one of the task's, where it has a closed set."""

    def judge(part: Part) -> str:
        known = set(part.task.labels)
        for example in subject.read(part).examples if known else ():
            label = getattr(example, getattr(example, "label_field", "label"), None)
            tags = label if isinstance(label, tuple | list) else (label,)
            wrong = next((tag for tag in tags if tag is not None and tag not in known), None)
            if wrong is not None:
                return f"labels: {wrong!r} is not one of {', '.join(sorted(known))}"
        return ""

    yield from _each(subject, judge)


def sizes(subject: Subject) -> Iterator[Result]:
    """Splits hold something, and no more than the official release; less is an excerpt."""

    def judge(part: Part) -> str:
        rows, expected = part.status.rows, part.status.expected
        if rows is None:
            return part.status.reason
        if not rows:
            return "rows: the split is empty"
        if expected is not None and rows > expected and part.status.state != "sample":
            return f"rows: {rows:,} where the task says {expected:,}"
        return ""

    yield from _each(subject, judge)


def deterministic(subject: Subject) -> Iterator[Result]:
    """Reading a split a second time gives the same examples in the same order."""

    def judge(part: Part) -> str:
        return (
            ""
            if subject.read_again(part).fingerprint == subject.read(part).fingerprint
            else "example: two readings differ"
        )

    yield from _each(subject, judge)


def _each(subject: Subject, judge: Callable[[Part], str], *, unreadable: Status = "skipped") -> Iterator[Result]:
    """Judges every split that is there; several that pass are one line a task."""
    for task in subject.tasks:
        passed = absent = 0
        reason = ""
        for part in subject.parts:
            if part.task is not task:
                continue
            if not part.present:
                absent, reason = absent + 1, part.status.reason
                continue
            try:
                problem = judge(part)
            except HarnessError as error:
                problem = str(error)
                if unreadable == "skipped":
                    yield part.where, "skipped", "it cannot be read"
                    continue
            if problem:
                yield part.where, "failed", problem
            else:
                passed += 1
        if passed:
            yield f"task {task.name}", "passed", f"{passed} splits" + (f", {absent} are not here" if absent else "")
        elif absent:
            yield f"task {task.name}", "skipped", f"no data: {reason}"
