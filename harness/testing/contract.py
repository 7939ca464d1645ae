"""The list of checks, and running them on one plugin. Imports nothing heavy: the checks themselves do, when they run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.core.border import in_words
from harness.core.errors import HarnessError, UsageError, did_you_mean
from harness.registry.default import get_registry
from harness.testing.subject import Subject

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.testing.subject import Subject

Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Outcome:
    """Finding of one check about one thing that the plugin provides (or about the plugin as a whole)."""

    check: str
    subject: str
    status: Status
    detail: str = ""


@dataclass(frozen=True)
class Check:
    """A check: its name, what it demands, and the function that makes it (``module:function``).

    The function takes a :class:`~harness.testing.subject.Subject` and yields (subject, status, detail).
    """

    name: str
    demands: str
    function: str

    def run(self, subject: Subject) -> Iterator[Outcome]:
        """Runs the check; any exception is a failure of the plugin."""
        module, _, name = self.function.partition(":")
        function: Callable[[Subject], Iterator[tuple[str, Status, str]]] = getattr(import_module(module), name)
        try:
            for what, status, detail in function(subject):
                yield Outcome(self.name, what, status, detail)
        except HarnessError as error:
            yield Outcome(
                self.name, subject.provider, "failed", f"{error}" + (f" ({error.hint})" if error.hint else "")
            )
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            yield Outcome(self.name, subject.provider, "failed", in_words(error))


_CHECKS = (
    ("loads", "it loads, and all that it provides is well-formed", "plugin:loads"),
    ("references", "what it names exists: modules, functions, tasks and languages of benchmarks", "plugin:references"),
    ("published-rows", "its published rows are valid, and their files come with it", "published_rows:valid"),
    ("light", "loading it imports none of torch, transformers, datasets, evaluate, faiss", "plugin:light"),
    ("quick", "loading it takes less than a second", "plugin:quick"),
    ("licence", "its tasks state summary, licence and citation", "tasks:licence"),
    (
        "languages",
        "language codes are canonical, new languages can be selected, every language of a task has a split to score",
        "tasks:languages",
    ),
    ("readable", "the data are read into examples of the family's types", "tasks:readable"),
    ("ids", "ids are strings, unique in a split", "tasks:ids"),
    ("labels", "labels and tags belong to the task's closed set", "tasks:labels"),
    ("sizes", "no split is empty or larger than the task says", "tasks:sizes"),
    ("deterministic", "a split that is read twice is the same twice", "tasks:deterministic"),
    (
        "example-store",
        "stores of examples read the same example whenever and however it is asked for, and keep none in memory",
        "example_stores:stores",
    ),
    (
        "launching",
        "its launchers bear failures, kills and cancels, and give the bits of one process",
        "launchers:launching",
    ),
    (
        "feature-rows",
        "the rows of its families are the same in every batch, order and thread, and as long as they say",
        "feature_rows:rows",
    ),
    ("batches", "one example at a time and many at a time give the same decisions", "families:batches"),
    ("odd-text", "odd text is no problem: {odd}", "families:odd_text"),
    (
        "objective-off",
        "the options that turn an objective off, if it names any, give the bits of plain training",
        "objectives:off",
    ),
    (
        "objective-record",
        "an objective and its options are in the key and the record of a stage",
        "objectives:recorded",
    ),
    ("objective-kill", "with an objective, a killed training goes on to the same weights", "objectives:killed"),
    ("objective-cut", "with an objective, how a step is cut into micro-batches changes no loss", "objectives:cut"),
    ("training", "a tiny model trains five steps and is scored", "families:training"),
)

ODD = ("empty", "right-to-left", "joiners", "composed", "decomposed", "10,000 tokens")
"""The kinds of odd text, see :mod:`harness.testing.odd`."""

CHECKS: dict[str, Check] = {
    name: Check(name, demands.format(odd=", ".join(ODD)), f"harness.testing.{function}")
    for name, demands, function in _CHECKS
}
"""All checks by name, in the order in which they run."""


def check_plugin(
    name: str,
    *,
    checks: Collection[str] = (),
    data_dir: str | Path | None = None,
    registry: Registry | None = None,
) -> list[Outcome]:
    """Runs the checks (all by default) on a plugin, named "plugin" or "distribution:plugin".

    ``data_dir`` is where data is looked for; checks whose data is not there are skipped, and reported as such. Raises
    UsageError for an unknown plugin or check.
    """

    for unknown in set(checks) - set(CHECKS):
        raise UsageError(f"there is no check {unknown!r}", hint=did_you_mean(unknown, CHECKS))
    with tempfile.TemporaryDirectory(prefix="harness-check-") as scratch:
        subject = Subject.of(name, registry or get_registry(check=False), data_dir, Path(scratch))
        outcomes: list[Outcome] = []
        for check in CHECKS.values():
            if checks and check.name not in checks:
                continue
            outcomes += list(check.run(subject)) or [
                Outcome(check.name, subject.provider, "passed", "nothing to check")
            ]
            if check.name == "loads" and outcomes[-1].status == "failed":
                break
        return outcomes
