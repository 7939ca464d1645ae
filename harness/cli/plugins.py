"""``harness plugins``: every plugin that was found, what it provides, and its errors."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict
from typing import Any

import click

from harness.cli.console import print_json, print_table, print_text
from harness.cli.shared_options import columns_option
from harness.core.errors import PluginError
from harness.registry.default import get_registry
from harness.registry.registry import PluginStatus
from harness.report.table import Table, columns, detail, number
from harness.testing.contract import CHECKS, check_plugin

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(invoke_without_command=True)
@columns_option
@_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the plugins, and the errors of those that failed.

    A plugin is switched off with --no-plugin NAME or HARNESS_DISABLE_PLUGINS=NAME,NAME; all third-party plugins with
    HARNESS_PLUGINS_AUTOLOAD=0. A plugin that fails is skipped, and only asking for what it provides is an error, unless
    HARNESS_STRICT_PLUGINS=1.
    """
    if ctx.invoked_subcommand is None:
        _list(as_json)


@command.command(name="list")
@columns_option
@_json
def list_plugins(as_json: bool) -> None:
    """List the plugins (as without a command)."""
    _list(as_json)


class _Checks(click.Command):
    """Lists the checks in its help, from the table that is run."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Checks"):
            formatter.write_dl([(check.name, check.demands) for check in CHECKS.values()])


@command.command(name="check", cls=_Checks)
@click.argument("name")
@click.option(
    "--only", "only", multiple=True, type=click.Choice(list(CHECKS)), help="Only this check; may be repeated."
)
@click.option("--data-dir", envvar="HARNESS_DATA_DIR", metavar="FOLDER", help="Data folder.")
@columns_option
@_json
@click.pass_obj
def check(session: Any, name: str, only: tuple[str, ...], data_dir: str | None, as_json: bool) -> None:
    """Check a plugin as its author should: what it provides, its data, and a short training.

    NAME is the plugin's or that of a task, recipe, ... which it provides. Checks that need data that is not there are
    skipped. The exit code is 3 where a check fails.
    """
    if session.verbosity < 1:
        logging.getLogger("harness").setLevel(logging.WARNING)
    outcomes = check_plugin(name, checks=only, data_dir=data_dir)
    if as_json:
        print_json([asdict(outcome) for outcome in outcomes])
    else:
        rows = [(outcome.check, outcome.subject, outcome.status, outcome.detail) for outcome in outcomes]
        print_table(Table.of("", ["check", "of", "outcome", "detail"], rows))
        counts = Counter(outcome.status for outcome in outcomes)
        print_text("\n" + ", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        first = failed[0]
        message = f"{len(failed)} checks of {name} failed; {first.check}: {first.subject}: {first.detail}"
        raise PluginError(message, hint="the plugin works for its users when all checks pass")


def _list(as_json: bool) -> None:
    registry = get_registry(check=False)
    plugins = registry.plugins()
    if as_json:
        print_json([asdict(plugin) for plugin in plugins])
    else:
        head = columns(
            "plugin",
            detail("distribution"),
            detail("version"),
            detail("kind"),
            "status",
            number("ms", detail=True),
            "provides, or why not",
        )
        rows = [
            (p.name, p.distribution, p.version, p.kind, p.status, f"{1000 * p.seconds:.0f}", _provides(p))
            for p in plugins
        ]
        print_table(Table.of("", head, rows))
    registry.check()


_SHOWN = 16
"""Values of a plugin that are named in the list; ``--json`` names all."""


def _provides(plugin: PluginStatus) -> str:
    if plugin.status == "ok":
        more = f" and {len(plugin.provides) - _SHOWN} more" if len(plugin.provides) > _SHOWN else ""
        return ", ".join(plugin.provides[:_SHOWN]) + more or "nothing"
    return f"disabled by {plugin.reason}" if plugin.status == "disabled" else plugin.reason
