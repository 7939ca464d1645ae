"""``harness doctor``: checks the installation, and suggests a fix for every problem."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import click
from click.core import ParameterSource

from harness.cli.shared_options import columns_option, language_adapter_options, session_options
from harness.core.errors import UsageError
from harness.types.defaults import INVARIANCE_EXAMPLES


@click.command()
@click.option("--model", metavar="MODEL", help="Tell which families can use a model, and what to say about it.")
@click.option("--invariance", metavar="MODEL", help="Count decisions that batch size and precision change.")
@click.option("--shared", metavar="FOLDER", help="Prove that processes can share a folder; run it on two machines.")
@click.option(
    "--wait", type=click.FloatRange(0), help="Seconds to wait for the other one, with --shared.  [default: 60]"
)
@click.option(
    "--limit", type=click.IntRange(1), help=f"Examples a unit, with --invariance.  [default: {INVARIANCE_EXAMPLES}]"
)
@click.option(
    "--data-dir",
    envvar="HARNESS_DATA_DIR",
    metavar="FOLDER",
    help="Data in the Hub's snapshot layout.  [env: HARNESS_DATA_DIR]",
)
@language_adapter_options
@session_options(without=("dtype",))  # --invariance compares both, and --model tries bf16
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    model: str | None,
    invariance: str | None,
    shared: str | None,
    wait: float | None,
    limit: int | None,
    data_dir: str | None,
    as_json: bool,
    **session: Any,
) -> None:
    """Check the installation, the plugins, the data folder and the data in it.

    The exit code is that of the worst problem: 1 for the installation, 3 for plugins, 4 for data; 0 without any.

    With --model, try every family of tasks on a copy of the model that is two layers deep and has random weights, and
    answer what a reviewer would ask: hidden state, pooling, padding, precision, tokens a word and unknown tokens in 49
    languages, length, weights and code. The weights themselves are not loaded. The exit code is 5 where the model is
    faulty or no family can use it, and 0 otherwise.

    With --model and --language-adapters, tell as well whether the adapters are for this model, and which one each
    language gets.

    With --shared, prove that claims hold in a folder: exclusive creation, renames, times of files, locks. Give the command
    on two machines at about the same time: they find each other in the folder, and try what holds between them. Alone,
    it says what is left unproved. The exit code is 4 where the folder cannot be relied on, and 0 otherwise.

    With --invariance, score one unit of each family of tasks whose data are present instead, with batches of one and
    full ones, in fp32 and in bf16, and count the decisions that change.
    """
    from harness.cli.checks import print_checks
    from harness.core.installation import disk, installation
    from harness.evaluation.health import data_checks, plugin_checks
    from harness.registry.default import get_registry
    from harness.types.options import EvalOptions

    given = {
        str(option.name): option.opts[0]
        for option in ctx.command.params
        if ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    }
    if shared is not None:
        from harness.cli.doctor_shared import WAIT, print_shared

        _refuse(given, set(given) - {"shared", "wait", "as_json"}, "have no effect with --shared")
        ctx.exit(print_shared(shared, WAIT if wait is None else wait, as_json))
    _refuse(given, ("wait",), "go with --shared FOLDER")
    options = EvalOptions(data_dir=data_dir, **session)
    if model is not None:
        from harness.cli.doctor_model import print_model_check

        _refuse(
            given,
            ("invariance", "limit", "data_dir", "quant", "batch_tokens", "compiled"),
            "have no effect with --model",
        )
        ctx.exit(print_model_check(model, options, as_json))
    _refuse(given, ("language_adapters", "adapter_fallback"), "go with --model MODEL")
    if invariance is not None:
        from harness.cli.doctor_invariance import print_invariance

        print_invariance(invariance, limit, options, as_json)
        return
    _refuse(given, {"limit", *session} - {"offline"}, "go with --invariance MODEL or --model MODEL")
    registry = get_registry(check=False)
    found = [*installation(), *plugin_checks(registry), *data_checks(registry, data_dir), disk()]
    ctx.exit(print_checks(found, as_json))


def _refuse(given: Mapping[str, str], names: Collection[str], why: str) -> None:
    """UsageError where options are given that would have no effect."""
    if found := [word for name, word in given.items() if name in names]:
        raise UsageError(f"options that {why}: {', '.join(found)}")
