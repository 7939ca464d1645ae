"""``harness doctor``: checks the installation, and suggests a fix for every problem."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click
from click.core import ParameterSource

from harness.cli.shared_options import session_options
from harness.core.errors import UsageError


@click.command()
@click.option("--invariance", "model", metavar="MODEL", help="Count decisions that batch size and precision change.")
@click.option("--limit", type=click.IntRange(1), help="Examples a unit, with --invariance.  [default: 200]")
@click.option(
    "--data-dir",
    envvar="HARNESS_DATA_DIR",
    metavar="FOLDER",
    help="Data in the Hub's snapshot layout.  [env: HARNESS_DATA_DIR]",
)
@session_options(without=("dtype",))  # --invariance compares both
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    model: str | None,
    limit: int | None,
    data_dir: str | None,
    as_json: bool,
    **session: Any,
) -> None:
    """Check the installation, the plugins, the data folder and the data in it.

    The exit code is that of the worst problem: 1 for the installation, 3 for plugins, 4 for data; 0 without any.

    With --invariance, score one unit of each family of tasks whose data are present instead, with batches of one and
    full ones, in fp32 and in bf16, and count the decisions that change.
    """
    from harness.cli.console import message, print_json, print_table
    from harness.core.installation import disk, installation
    from harness.evaluation.health import data_checks, plugin_checks
    from harness.registry.default import get_registry
    from harness.report.table import Table

    if model is not None:
        from harness.cli.doctor_invariance import print_invariance
        from harness.types.options import EvalOptions

        options = EvalOptions(data_dir=data_dir, **session)
        print_invariance(model, limit, options, as_json)
        return
    given = [
        option.opts[0]
        for option in ctx.command.params
        if option.name in {"limit", *session} - {"offline"}
        and ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(f"options that go with --invariance MODEL: {', '.join(given)}")
    registry = get_registry(check=False)
    found = [*installation(), *plugin_checks(registry), *data_checks(registry, data_dir), disk()]
    if as_json:
        print_json([asdict(check) for check in found])
    else:
        print_table(Table.of("", ["check", "status", "detail"], [(c.name, c.status, c.detail) for c in found]))
        for check in found:
            if check.hint:
                message(f"{check.name}: {check.hint}", "hint")
    ctx.exit(min((check.code for check in found if check.status == "failed"), default=0))
