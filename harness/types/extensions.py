"""Extensions of the harness by plugins: objectives, launchers, attributes, report formats, commands, checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from harness.types.checks import NAME, check_known, check_strings, check_text, check_whole, require
from harness.types.reserved import COMMANDS
from harness.types.values import PluginValue

Need = Literal["teacher", "translations", "gradients"]


@dataclass(frozen=True)
class Objective(PluginValue):
    """A way to train a stage other than plainly on its labels: ``--set objective=NAME``, ``--via 'mnli@NAME'``.

    ``implementation`` ("module:Class") is a :class:`~harness.training.objectives.base.StageObjective`, imported on first
    use. ``version`` is part of the key of every stage trained with it. ``families`` names the families that it works
    with; empty: all that are trained. ``needs`` is checked before any model is loaded: a "teacher" (``--set teacher=MODEL``),
    "translations" among the training data, or "gradients" of inner activations, which sharded or packed weights do not have.

    With ``method`` it is a way to build a system, and boards rank its runs with others that used the same data. Without, it
    is a control or not yet known to be one: its name is part of the setting, so that it is ranked apart.
    """

    kind = "objective"
    hook = "harness_objectives"
    references = ("implementation",)

    name: str
    version: int
    implementation: str
    families: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    summary: str = ""
    citation: str = ""
    provider: str = ""
    method: bool = False

    def check(self) -> None:
        """Needs that are known."""
        super().check()
        where = self.where
        require(isinstance(self.method, bool), f"{where}: method must be True or False", self.method)
        check_whole(where, "version", self.version)
        check_strings(where, "families", self.families)
        for need in check_strings(where, "needs", self.needs):
            check_known(f"{where}: needs", need, get_args(Need))
        check_text(where, "citation", self.citation, needed=False)


@dataclass(frozen=True)
class ReportFormat(PluginValue):
    """A way to write a report: ``render`` ("module:function") takes a sequence of runs and returns the text of a file.

    ``name`` is what ``harness report --format`` takes; ``extension`` ends the name of the file ("html").
    """

    kind = "report format"
    hook = "harness_report_formats"
    references = ("render",)

    name: str
    render: str
    extension: str = "txt"
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """The end of a file name."""
        super().check()
        holds = isinstance(self.extension, str) and NAME.fullmatch(self.extension) is not None
        wanted = "extension must be the end of a file name, such as 'html'"
        require(holds, f"{self.where}: {wanted}", self.extension)


@dataclass(frozen=True)
class ExportFormat(PluginValue):
    """A layout in which another place takes results: ``harness leaderboard export RUN --format NAME -o FOLDER``.

    ``files`` ("module:function") takes an :class:`~harness.leaderboard.formats.Export` and returns the files, text or
    bytes, by their names in the folder ("data/row.json"). ``options`` are the settings that ``--set NAME=VALUE`` gives it.
    ``repository`` is the kind of repository on the Hub that ``--push`` sends the files to; "" if they belong elsewhere.
    """

    kind = "export format"
    hook = "harness_export_formats"
    references = ("files",)

    name: str
    files: str
    options: tuple[str, ...] = ()
    repository: Literal["", "model", "dataset"] = ""
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """A name that no other kind of export has, its options, and a kind of repository."""
        super().check()
        require(self.name != "row", f"{self.where}: 'row' is the harness's own: choose another name")
        check_strings(self.where, "options", self.options)
        holds = self.repository in ("", "model", "dataset")
        require(holds, f"{self.where}: repository must be 'model', 'dataset' or ''", self.repository)


@dataclass(frozen=True)
class Attribute(PluginValue):
    """Something about an example that its score may hang on: a column of ``harness breakdown``.

    ``compute`` ("module:function") takes the examples of a unit and the unit (its ``task``, ``language``, ``script``,
    English ``train`` examples, the model's ``tokenizer``, the ``gold`` and ``predicted`` labels of its items, see
    :mod:`harness.analysis.breakdown._context`) and returns a number, a word or None for each. ``examples`` are the
    classes of examples that it is for; none: it looks at the unit alone.
    """

    kind = "attribute"
    hook = "harness_attributes"
    references = ("compute",)

    name: str
    examples: tuple[type, ...]
    compute: str
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """The classes of examples."""
        super().check()
        holds = isinstance(self.examples, tuple) and all(isinstance(kind, type) for kind in self.examples)
        require(holds, f"{self.where}: examples must be a tuple of classes of examples", self.examples)


@dataclass(frozen=True)
class Command(PluginValue):
    """A command of the command line: ``run`` ("module:attribute") is a click command, imported when it is called."""

    kind = "command"
    hook = "harness_commands"
    references = ("run",)

    name: str
    run: str
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """A name that is free."""
        super().check()
        require(self.name not in COMMANDS, f"{self.where}: the harness has a command of this name: choose another")


@dataclass(frozen=True)
class Launcher(PluginValue):
    """A way to run the jobs of a study: here, on a cluster, with Ray.

    ``implementation`` ("module:Class", a :class:`~harness.studies.launcher.JobLauncher`) starts and watches single jobs:
    ``harness study run NAME --launcher NAME``. ``script`` ("module:function") writes a batch script for all of them, for
    ``harness study submit``: it takes a :class:`~harness.studies.submission.Submission` and returns a
    :class:`~harness.studies.submission.BatchScript`. A launcher has one of the two, or both; they are imported when they
    are used.
    """

    kind = "launcher"
    hook = "harness_launchers"
    references = ("implementation", "script")

    name: str
    implementation: str = ""
    summary: str = ""
    provider: str = ""
    script: str = ""

    def check(self) -> None:
        """Something that carries jobs out."""
        super().check()
        require(bool(self.implementation or self.script), f"{self.where}: implementation or script must be given")


@dataclass(frozen=True)
class Tracker(PluginValue):
    """A place that follows runs as they go: ``--track NAME``.

    ``implementation`` ("module:Class", a :class:`~harness.types.tracking.RunTracker`) is imported when a run is tracked.
    ``variables`` are environment variables that switch it on where they are set: those by which its library is used
    elsewhere. ``library`` is the module that it needs, and ``install`` what pip installs for it.
    """

    kind = "tracker"
    hook = "harness_trackers"
    references = ("implementation",)

    name: str
    implementation: str
    variables: tuple[str, ...] = ()
    library: str = ""
    install: str = ""
    summary: str = ""
    provider: str = ""

    def check(self) -> None:
        """A name that switches nothing off, variables, and how a library is installed."""
        super().check()
        require(self.name != "none", f"{self.where}: 'none' switches trackers off: choose another name")
        check_strings(self.where, "variables", self.variables)
        check_text(self.where, "library", self.library, needed=False)
        check_text(self.where, "install", self.install, needed=bool(self.library))


@dataclass(frozen=True)
class DoctorCheck(PluginValue):
    """A check of ``harness doctor``: ``run`` ("module:function") takes no argument and returns a :class:`Finding`."""

    kind = "doctor check"
    hook = "harness_doctor_checks"
    references = ("run",)

    name: str
    run: str
    summary: str = ""
    provider: str = ""


@dataclass(frozen=True)
class Finding:
    """Result of a doctor check; ``hint`` suggests a fix."""

    status: Literal["ok", "warning", "failed"]
    detail: str
    hint: str = ""
