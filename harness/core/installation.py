"""Checks of the installation: the packages it requires, FAISS, the device, the import name, the disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.core.border import PASSING, in_words
from harness.core.errors import HarnessError
from harness.core.version import FIRST_PARTY, __version__

if TYPE_CHECKING:
    from packaging.requirements import Requirement

FIRST_SHOWN = ("torch", "transformers", "datasets", "evaluate")
LOW_DISK = 5 * 2**30
"""Bytes; a large model with its optimizer state takes about 7 GiB a checkpoint."""


@dataclass(frozen=True)
class Check:
    """The outcome of one check; ``code`` is the exit code of a failure."""

    name: str
    status: Literal["ok", "warning", "failed"]
    detail: str
    hint: str = ""
    code: int = 0


def installation() -> Iterator[Check]:
    """This distribution, Python, the platform and the packages, and whether they can work together."""
    yield Check("xtreme-harness", "ok", __version__)
    yield Check("python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield Check("platform", "ok", f"{platform.platform()}, {os.cpu_count()} CPUs")
    yield from _packages()
    yield _faiss()
    yield _device()
    yield _import_name()


def disk() -> Check:
    """The free space in the current folder."""
    free = shutil.disk_usage(Path.cwd()).free
    detail = f"{free / 2**30:.1f} GiB free in {Path.cwd()}"
    if free < LOW_DISK:
        return Check("disk", "warning", detail, "checkpoints of a large model need more; write elsewhere with --out")
    return Check("disk", "ok", detail)


def _packages() -> Iterator[Check]:
    """The requirements of this distribution, found without importing them."""
    for requirement in _requirements():
        name, wanted = requirement.name, str(requirement.specifier)
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Check(name, "failed", "not installed", f"pip install '{name}{wanted}'", HarnessError.exit_code)
            continue
        if satisfies(version, requirement):
            yield Check(name, "ok", version)
        else:
            detail = f"{version}, but {wanted} is needed"
            yield Check(name, "failed", detail, f"pip install --upgrade '{name}{wanted}'", HarnessError.exit_code)


def _requirements() -> list[Requirement]:
    """The requirements that hold here, without the extras."""
    from packaging.requirements import Requirement

    try:
        listed = list(map(Requirement, metadata.requires(FIRST_PARTY) or []))
    except metadata.PackageNotFoundError:
        return list(map(Requirement, FIRST_SHOWN))
    found = [each for each in listed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return sorted(found, key=lambda each: (each.name not in FIRST_SHOWN, each.name))


def satisfies(version: str, requirement: Requirement) -> bool:
    """True for a version in the range, and for a pre-release or a build of one: vendors ship torch as 2.6.0a0+nv25."""
    from packaging.version import InvalidVersion, Version

    try:
        return requirement.specifier.contains(Version(version).base_version)
    except InvalidVersion:
        return False


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
