"""``harness plugins``: every plugin that was found, what it provides, and what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict

import click

from harness.cli.console import print_json, print_table
from harness.registry import PluginStatus, get_registry

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(invoke_without_command=True)
@_json
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the plugins, and what is wrong with those that failed.

    A plugin is switched off with --no-plugin NAME or HARNESS_DISABLE_PLUGINS=NAME,NAME; all third-party plugins with
    HARNESS_PLUGINS_AUTOLOAD=0. A plugin that fails is skipped, and only asking for what it provides is an error, unless
    HARNESS_STRICT_PLUGINS=1.
    """
    if ctx.invoked_subcommand is None:
        _list(as_json)


@command.command(name="list")
@_json
def list_plugins(as_json: bool) -> None:
    """List the plugins (as without a command)."""
    _list(as_json)


def _list(as_json: bool) -> None:
    registry = get_registry(check=False)
    plugins = registry.plugins()
    if as_json:
        print_json([asdict(plugin) for plugin in plugins])
    else:
        print_table(
            "",
            ("plugin", "distribution", "version", "kind", "status", "#ms", "provides, or why not"),
            [
                (p.name, p.distribution, p.version, p.kind, p.status, f"{1000 * p.seconds:.0f}", _provides(p))
                for p in plugins
            ],
        )
    registry.check()


def _provides(plugin: PluginStatus) -> str:
    if plugin.status == "ok":
        return ", ".join(plugin.provides) or "nothing"
    return f"disabled by {plugin.reason}" if plugin.status == "disabled" else plugin.reason
