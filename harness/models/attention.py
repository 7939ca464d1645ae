"""Implementations of attention: those of transformers, what each needs, and the one that a model is computed with.

They compute the same function, and add numbers up in another order: results differ as those of two devices do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError, UsageError
from harness.models.config import load_config

if TYPE_CHECKING:
    from transformers import PreTrainedModel

AUTO = "auto"
"""Leaves the choice to transformers: sdpa where the model has it, else eager."""
_SUPPORTED = {
    "eager": "",
    "sdpa": "_supports_sdpa",
    "flash_attention_2": "_supports_flash_attn",
    "flash_attention_3": "_supports_flash_attn",
    "flex_attention": "_supports_flex_attn",
}
"""The attribute of transformers' classes that says whether they have an implementation."""
_PACKAGES = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}


def check_attention(name: str, device: str, dtype: str) -> None:
    """UsageError for an unknown implementation, and for one that cannot compute on this machine."""
    if name == AUTO:
        return
    if name not in _SUPPORTED:
        raise UsageError(f"--attention {name!r}: one of {', '.join((AUTO, *_SUPPORTED))} expected")
    if name not in ("eager", "sdpa") and device.partition(":")[0] != "cuda":
        raise UsageError(f"--attention {name}: only on a GPU, not on the device {device!r}", hint="--attention sdpa")
    package = _PACKAGES.get(name)
    if package is None:
        return
    if dtype == "fp32":
        raise UsageError(f"--attention {name}: only in half precision", hint="--dtype bf16")
    if find_spec(package) is None:
        hint = "install it as its authors say, for this torch and this GPU; or --attention sdpa"
        raise UsageError(f"--attention {name}: needs the package {package}", hint=hint)


def attention_arguments(name: str, folder: Path) -> dict[str, Any]:
    """Arguments of ``from_pretrained`` for an implementation; none for "auto".

    ModelError where the model in ``folder`` lacks it, with those that it has.
    """
    if name == AUTO:
        return {}
    from transformers import AutoModel

    config = load_config(folder)
    kind: Any = AutoModel._model_mapping.get(type(config), None)
    if kind is not None and (attribute := _SUPPORTED[name]) and not getattr(kind, attribute, False):
        there = [each for each, wanted in _SUPPORTED.items() if not wanted or getattr(kind, wanted, False)]
        raise ModelError(
            f"--attention {name}: transformers has none for models of type {config.model_type!r}, only {', '.join(there)}",
            hint="leave --attention out",
        )
    return {"attn_implementation": name}


@contextmanager
def on_any_device(model: PreTrainedModel) -> Iterator[None]:
    """Within, a model whose attention is a kernel for GPUs in half precision computes on any device, in any precision.

    What is tried of a loaded model is a property of its architecture, and the model may not be on its device yet.
    """
    held = {id(config): config for part in model.modules() if (config := getattr(part, "config", None)) is not None}
    names = [(config, getattr(config, "_attn_implementation", None)) for config in held.values()]
    kernels = [(config, name) for config, name in names if name and name.startswith("flash_attention")]
    instead = "sdpa" if getattr(model, "_supports_sdpa", False) else "eager"
    for config, _ in kernels:
        config._attn_implementation = instead
    try:
        yield
    finally:
        for config, name in kernels:
            config._attn_implementation = name


def attention_of(model: PreTrainedModel) -> str:
    """The implementation that a model is computed with; "eager" where its class knows no other."""
    return str(getattr(model.config, "_attn_implementation", None) or "eager")
