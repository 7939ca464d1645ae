"""``harness doctor``: what is installed, what is wrong with it, and what to do about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import click

from harness.cli.console import message, print_json, print_table
from harness.core.border import PASSING, border, in_words
from harness.core.errors import DataError, HarnessError, PluginError, UsageError
from harness.core.version import FIRST_PARTY, __version__
from harness.registry.default import get_registry
from harness.registry.registry import SLOW, Registry, load_part
from harness.report.table import Table
from harness.types.tasks import Finding

SHOWN = ("torch", "transformers", "datasets", "evaluate")
LOW_DISK = 5 * 2**30
"""Bytes; a large model with its optimizer state takes about 7 GiB a checkpoint."""


@dataclass(frozen=True)
class Check:
    """One line of the report; ``code`` is the exit code that a failure stands for."""

    name: str
    status: Literal["ok", "warning", "failed"]
    detail: str
    hint: str = ""
    code: int = 0


@click.command()
@click.option("--invariance", "model", metavar="MODEL", help="Count decisions that batch size and precision change.")
@click.option("--limit", type=click.IntRange(1), help="Examples a unit, with --invariance.  [default: 200]")
@click.option(
    "--data-dir",
    envvar="HARNESS_DATA_DIR",
    metavar="FOLDER",
    help="Data in the Hub's snapshot layout.  [env: HARNESS_DATA_DIR]",
)
@click.option("--device", help="auto, cpu, cuda, cuda:1, mps, with --invariance.  [default: auto]")
@click.option("--offline", is_flag=True, help="Use local files and caches only, with --invariance.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    model: str | None,
    limit: int | None,
    data_dir: str | None,
    device: str | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Check the installation, the plugins, the data folder and the data in it.

    The exit code is that of the worst problem: 1 for the installation, 3 for plugins, 4 for data; 0 without any.

    With --invariance, score one unit of each family of tasks whose data are present instead, with batches of one and
    full ones, in fp32 and in bf16, and count the decisions that change.
    """
    if model is not None:
        from harness.cli.doctor_invariance import print_invariance

        print_invariance(model, limit, data_dir, device or "auto", offline, as_json)
        return
    if limit is not None or device is not None:
        raise UsageError("--limit and --device go with --invariance MODEL")
    found = list(checks(data_dir))
    if as_json:
        print_json([asdict(check) for check in found])
    else:
        print_table(Table.of("", ["check", "status", "detail"], [(c.name, c.status, c.detail) for c in found]))
        for check in found:
            if check.hint:
                message(f"{check.name}: {check.hint}", "hint")
    ctx.exit(min((check.code for check in found if check.status == "failed"), default=0))


def checks(data_dir: str | None) -> Iterator[Check]:
    """All checks, in the order of the report."""
    yield Check("xtreme-harness", "ok", __version__)
    yield Check("python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield Check("platform", "ok", f"{platform.platform()}, {os.cpu_count()} CPUs")
    yield from _packages()
    yield _faiss()
    yield _device()
    yield _import_name()
    yield from _plugins()
    yield from _of_plugins()
    folder = _data_folder(data_dir)
    yield folder
    if folder.status == "ok":
        yield _data(data_dir)
    yield _disk()


def _packages() -> Iterator[Check]:
    """The requirements of this distribution, found without importing them."""
    for name, wanted in _requirements().items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Check(name, "failed", "not installed", f"pip install '{name}{wanted}'", HarnessError.exit_code)
            continue
        if _older(version, wanted):
            detail = f"{version}, but {wanted} is needed"
            yield Check(name, "failed", detail, f"pip install --upgrade '{name}{wanted}'", HarnessError.exit_code)
        else:
            yield Check(name, "ok", version)


def _requirements() -> dict[str, str]:
    """Name to version range ("torch": ">=2.6"), without the extras."""
    try:
        listed = metadata.requires(FIRST_PARTY) or []
    except metadata.PackageNotFoundError:
        return dict.fromkeys(SHOWN, "")
    parsed = [re.match(r"([\w.-]+)\s*\(?([^;)]*)", line) for line in listed if "extra ==" not in line]
    found = {match[1]: match[2].strip() for match in parsed if match}
    return {name: found[name] for name in sorted(found, key=lambda name: (name not in SHOWN, name))}


def _older(version: str, wanted: str) -> bool:
    """Whether a version is below the lower bound of a range; only the leading numbers count."""
    bound = re.search(r">=\s*([\d.]+)", wanted)
    return bound is not None and _numbers(version) < _numbers(bound[1])


def _numbers(version: str) -> list[int]:
    leading = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(part) for part in leading[0].split(".")] if leading else []
    return [*numbers, 0, 0, 0][:3]


def _faiss() -> Check:
    owners = _owners("faiss")
    if len(owners) > 1:
        return Check(
            "faiss",
            "failed",
            f"two distributions own the module: {', '.join(owners)}",
            "uninstall both, then install one: pip install 'xtreme-harness[cpu]' or 'xtreme-harness[gpu]'",
            HarnessError.exit_code,
        )
    if not owners:
        hint = "sentence retrieval needs it: pip install 'xtreme-harness[cpu]' or 'xtreme-harness[gpu]'"
        return Check("faiss", "warning", "not installed", hint)
    return Check("faiss", "ok", f"{metadata.version(owners[0])} ({owners[0]})")


def _owners(module: str) -> list[str]:
    return sorted(set(metadata.packages_distributions().get(module, ())))


def _device() -> Check:
    try:
        import torch

        if torch.cuda.is_available():
            names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
            bf16 = ", bf16" if torch.cuda.is_bf16_supported() else ""
            return Check("device", "ok", f"{', '.join(names)} (CUDA {torch.version.cuda}{bf16})")
        if torch.backends.mps.is_available():
            return Check("device", "ok", "mps")
    except PASSING:
        raise
    except BaseException as error:  # a broken build of torch fails in many ways, none of which may end the report
        detail = f"torch cannot be used: {in_words(error)}"
        return Check("device", "failed", detail, "reinstall torch: https://pytorch.org", HarnessError.exit_code)
    return Check("device", "ok", f"CPU, {torch.get_num_threads()} threads")


def _import_name() -> Check:
    owners = _owners("harness")
    if len(owners) > 1:
        return Check(
            "import name",
            "failed",
            f"several distributions own 'harness': {', '.join(owners)}",
            f"uninstall {', '.join(o for o in owners if o != FIRST_PARTY)}, then reinstall {FIRST_PARTY}",
            HarnessError.exit_code,
        )
    return Check("import name", "ok", f"'harness' belongs to {owners[0] if owners else 'this folder'}")


def _plugins() -> Iterator[Check]:
    registry = get_registry(check=False)
    plugins = registry.plugins()
    failed = [plugin for plugin in plugins if plugin.status == "failed"]
    for plugin in failed:
        hint = (
            f"upgrade or uninstall {plugin.distribution}, or switch it off with HARNESS_DISABLE_PLUGINS={plugin.name}"
        )
        hint = f"correct {plugin.name}.py" if plugin.kind == "file" else hint
        yield Check(f"plugin {plugin.provider}", "failed", plugin.reason, hint, PluginError.exit_code)
    for plugin in plugins:
        if plugin.status == "ok" and plugin.seconds > SLOW:
            hint = "its modules should import heavy packages only when they are used; see python -X importtime"
            yield Check(f"plugin {plugin.provider}", "warning", plugin.reason, hint)
    disabled = sum(plugin.status == "disabled" for plugin in plugins)
    detail = f"{len(plugins) - len(failed) - disabled} loaded, {disabled} disabled, {len(failed)} failed"
    yield Check("plugins", "ok", detail)
    for problem in _dangling(registry):
        yield Check("plugins", "failed", problem, "'harness plugins' says who provides what", PluginError.exit_code)


def _of_plugins() -> Iterator[Check]:
    """What the checks of plugins find; one that raises is a failure of its plugin."""
    for check in get_registry(check=False).doctor_checks().values():
        name = f"{check.name} ({check.provider})"
        try:
            with border(check.run, PluginError):
                found = load_part(check, "run")()
                if not isinstance(found, Finding):
                    raise TypeError(f"it returned {type(found).__name__}, expected a Finding")
        except HarnessError as error:
            yield Check(name, "failed", str(error), f"correct or remove {check.provider}", PluginError.exit_code)
            continue
        code = PluginError.exit_code if found.status == "failed" else 0
        yield Check(name, found.status, found.detail, found.hint, code)


def _dangling(registry: Registry) -> Iterator[str]:
    """References between plugins that lead nowhere; they are looked up only when used, so nothing else reports them."""
    for task in registry.tasks().values():
        try:
            registry.training(task)
        except HarnessError as error:
            yield str(error)
    for benchmark in registry.benchmarks().values():
        missing = [name for name in benchmark.tasks if name not in registry.tasks()]
        if missing:
            yield f"benchmark {benchmark.name!r} ({benchmark.provider}) lacks the tasks {', '.join(missing)}"


def _data_folder(value: str | None) -> Check:
    if not value:
        hint = "data are then looked for in the Hugging Face cache and on the Hub"
        return Check("data folder", "ok", f"HARNESS_DATA_DIR is not set: {hint}")
    names = [value] if Path(value).is_dir() else [name for name in value.split(os.pathsep) if name.strip()]
    missing = [name for name in names if not Path(name).expanduser().is_dir()]
    if missing:
        hint = "correct --data-dir or HARNESS_DATA_DIR, or write a small corpus there: harness data sample"
        return Check("data folder", "failed", f"not a folder: {', '.join(missing)}", hint, DataError.exit_code)
    return Check("data folder", "ok", ", ".join(names))


def _data(data_dir: str | None) -> Check:
    """How much of the installed tasks' test data is there; nothing is fetched, and of the files only the heads are read."""
    from harness.evaluation.plan import make_plan

    where = Path(data_dir) if data_dir else None
    registry = get_registry(check=False)
    try:
        planned = make_plan(
            registry, benchmark=None, tasks=(), languages=(), split="test", data_dir=where, offline=True
        )
    except HarnessError as error:
        return Check("data", "warning", str(error), error.hint)
    damaged = [entry for entry in planned if entry.damaged]
    if damaged:
        detail = f"{len(damaged)} damaged, {damaged[0].unit.key}: {damaged[0].reason}"
        return Check("data", "failed", detail, "'harness data verify' reads everything", DataError.exit_code)
    present = [entry for entry in planned if entry.present]
    tasks = ", ".join(dict.fromkeys(entry.task.name for entry in present)) or "none"
    return Check("data", "ok", f"test sets: {len(present)} of {len(planned)} are there ({tasks})")


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    detail = f"{free / 2**30:.1f} GiB free in {Path.cwd()}"
    if free < LOW_DISK:
        return Check("disk", "warning", detail, "checkpoints of a large model need more; write elsewhere with --out")
    return Check("disk", "ok", detail)
