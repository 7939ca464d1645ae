"""``harness study submit``: a study as a batch script for a scheduler."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

_OF_THE_RUN_ALONE = ("launcher", "jobs", "launcher_options", "shard", "wave", "dry_run", "as_json", "columns")
_WORDS = "harness.study_submit.words"


class SubmitCommand(click.Command):
    """A command that takes the options of ``harness study run``, and keeps them as they were typed, for the script."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keeps the words of the options that the parts of the study are given, too."""
        raw, _, order = self.make_parser(ctx).parse_args(args=list(args))
        rest = super().parse_args(ctx, args)
        words: list[str] = []
        for parameter in sorted(dict.fromkeys(order), key=lambda each: isinstance(each, click.Option)):
            if parameter.name not in (each.name for each in submit_options):
                words += _typed(parameter, raw[parameter.name])
        for parameter in self.params:
            if parameter.name and ctx.get_parameter_source(parameter.name) == ParameterSource.ENVIRONMENT:
                words += _typed(parameter, ctx.params[parameter.name])
        ctx.meta[_WORDS] = words
        return rest


def _typed(parameter: click.Parameter, value: Any) -> list[str]:
    if isinstance(parameter, click.Argument):
        return [str(value)]
    name = max(parameter.opts, key=len)
    if getattr(parameter, "is_flag", False):
        return [name]
    values = value if isinstance(value, list | tuple) else [value]
    return [word for each in values for word in (name, str(each))]


submit_options: list[click.Parameter] = [
    click.Option(["--launcher"], required=True, metavar="NAME", help="slurm, kubernetes, or a plugin's."),
    click.Option(
        ["--launcher-option", "launcher_options"],
        multiple=True,
        metavar="NAME=VALUE",
        help="slurm: an option of sbatch, time=4:00:00; kubernetes: image, claim, mount, namespace, gpus, cpus, memory.",
    ),
    click.Option(["--jobs"], type=click.IntRange(min=1), help="Jobs at a time.  [default: as the scheduler likes]"),
    click.Option(
        ["--parts"],
        type=click.IntRange(min=1),
        default=1000,
        show_default=True,
        help="Parts of a wave at most; with more jobs than that, a part does several.",
    ),
]


def submit_command(run: click.Command) -> click.Command:
    """The command, for studies as ``run`` runs them."""
    taken = [parameter for parameter in run.params if parameter.name not in _OF_THE_RUN_ALONE]
    return SubmitCommand("submit", params=[*taken, *submit_options], callback=submit, help=submit.__doc__)


def submit(
    name: str,
    size: str | None,
    models: tuple[str, ...],
    arms: tuple[str, ...],
    out: str | None,
    launcher: str,
    launcher_options: tuple[str, ...],
    jobs: int | None,
    parts: int,
    stop_after: float | None,
    **rest: Any,
) -> None:
    """Write the batch script of a study for a scheduler, and print the command that submits it.

    The jobs are planned, and written to FOLDER/jobs with the script. The stages that several runs share are a wave before
    the runs (and the runs of a search another one in between); each part of a wave is a job. A part that is stopped saves and
    ends with exit code 75, upon which the scheduler starts it again. 'harness study status' shows how far they are;
    'harness study run' prints the result. Other options are those of 'harness study run'.
    """
    from pathlib import Path

    from harness.cli.console import message, print_text
    from harness.cli.progress import TerminalProgress
    from harness.cli.shared_options import eval_options, parse_launcher_options
    from harness.core.counted import counted
    from harness.registry.default import get_registry
    from harness.results.inventory import JOBS
    from harness.studies.grid import StudyFolders, cells, check_cells, evaluations, keys_of, selected
    from harness.studies.lacking import check_lacks_nothing
    from harness.studies.launch import plan_batch
    from harness.studies.submission import Submission, check_script, write_script

    context = click.get_current_context()
    registry = get_registry()
    check_script(launcher, registry)
    study = registry.study(name).at(size)
    runs = StudyFolders.of(study, size, out).runs
    folder = runs.absolute()
    grid = list(cells(study, runs, eval_options(**rest)))
    chosen = selected(grid, models, arms)
    check_lacks_nothing(study.name, chosen, registry)
    check_cells(chosen, registry)
    of = evaluations(grid, registry)
    planned, only = [job for _, job in of.values()], keys_of(chosen, of)
    with TerminalProgress() as reporter:
        waves = plan_batch(planned, folder, only=only, registry=registry, reporter=reporter)
    before = context.find_root().params
    words = [word for path in before.get("files", ()) for word in ("--plugin", str(path))]
    words += [word for plugin in before.get("disabled", ()) for word in ("--no-plugin", plugin)]
    submission = Submission(
        study="-".join((study.name, *([size] if size else []), *models, *arms)),
        arguments=(*words, "study", "run", *context.meta[_WORDS]),
        folder=Path.cwd(),
        logs=folder / JOBS,
        waves={wave: min(parts, len(members)) for wave, members in waves.items()},
        at_a_time=jobs,
        options=parse_launcher_options(launcher_options),
    )
    path, lines = write_script(launcher, submission, registry)
    planned_jobs = ", ".join(f"{wave}: {counted(len(members), 'job')}" for wave, members in waves.items())
    message(planned_jobs)
    message(f"written: {path}")
    for line in lines:
        print_text(line)
