"""Options and output of ``harness study run`` for work that is divided, stopped and started again."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from harness.cli.shared_options import parse_launcher_options, together

if TYPE_CHECKING:
    from harness.studies.grid import Grid
    from harness.studies.launch import Launch

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def seconds_of(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """``3h50m`` as seconds; units are d, h, m and s."""
    if value is None:
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)([dhms])", value)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != value:
        raise click.BadParameter(f"{value!r}: a duration such as 3h50m, 90m or 30s expected")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


part_options = together(
    click.option("--shard", metavar="I/N", help="Do the I-th of N parts of the jobs; other processes do the others."),
    click.option(
        "--wave", metavar="NAME", help="Do one wave of the jobs: stages, search or evaluations.  [default: all]"
    ),
    click.option(
        "--stop-after",
        callback=seconds_of,
        metavar="DURATION",
        help="Save and end with exit code 75 after 3h50m, say.",
    ),
)


def launch_of(
    launcher: str | None, jobs: int | None, options: tuple[str, ...], shard: str | None, wave: str | None
) -> Launch:
    """The launch that the options describe."""
    from harness.core.errors import check_choice
    from harness.studies.launch import Launch
    from harness.studies.shard import WAVES, Shard

    if wave is not None:
        check_choice("--wave", wave, WAVES)
    return Launch(launcher, jobs, parse_launcher_options(options), Shard.of(shard) if shard else None, wave)


def turns(stop_after: float | None, *, part: bool) -> AbstractContextManager[Any]:
    """Ends with exit code 75 whatever is stopped, if a scheduler may start it again."""
    from harness.core.interruption import in_turns

    return in_turns(stop_after) if part or stop_after is not None else nullcontext()


def show_failures(grid: Grid) -> None:
    """A line for each failed job with its message, where there are several."""
    from harness.cli.console import message

    if len(grid.failed) > 1:
        for job, result in grid.failed:
            message(f"{job.name}: {result.message}", "failed")
