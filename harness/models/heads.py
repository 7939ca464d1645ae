"""Standard transformers models with a standard head: loading them, and feeding them batches."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.border import border
from harness.core.errors import ModelError
from harness.core.moved import old_names
from harness.models._labels import label_order
from harness.models._sound import AGAIN
from harness.models._undrawn import draw_undrawn
from harness.models.characters import at_least_a_group
from harness.models.config import WHERE, load_config
from harness.models.head_class import head_class
from harness.models.image_tower import with_stored_tower
from harness.models.languages import language_inputs, mend_half_precision
from harness.models.prompt import with_stored_prompt
from harness.models.quantised import keep_head_whole

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

__getattr__: Any = old_names(__name__)

_BODY = {"model": "transformer", "transformer": "model"}
"""transformers calls the body of causal models "transformer" in question answering and "model" in every other class."""


def load_head(
    kind: str, reference: str, labels: Sequence[str], *, by_position: bool = False, **kwargs: Any
) -> PreTrainedModel:
    """``AutoModelFor<kind>.from_pretrained(reference, **kwargs)`` with an output for each label.

    Where transformers has no such class for the architecture, another stands in (:func:`head_class`), with a warning.
    A head of this kind that the checkpoint already has is kept, and its outputs must cover the labels by name
    (:func:`~harness.models._labels.label_order`; no names are asked of a head with one output). Otherwise, and always
    with ``ignore_mismatched_sizes=True`` (the way to ask for a fresh head), the outputs are the labels in their order;
    without labels (masked language modelling) the outputs are what the configuration says.
    New weights are drawn from a fixed seed, the same at each loading. :class:`ModelError` where the architecture has no
    such head, or where the checkpoint lacks weights of the encoder.
    """
    import torch

    with quiet():
        config = load_config(reference, **{name: kwargs[name] for name in WHERE if name in kwargs})
    found = head_class(kind, config)
    if found.instead and kind != "MultipleChoice":  # one output a text is the same thing under another name
        _warn(config.model_type, kind, found.instead)
        by_position = False  # nameless outputs may be those of any classifier
    head = found.model
    architecture = head.__name__
    kept = architecture in (config.architectures or ()) and not kwargs.get("ignore_mismatched_sizes", False)
    settings: dict[str, Any] = dict(kwargs)
    if not kept:
        settings["ignore_mismatched_sizes"] = True
    if not kept and labels:
        settings |= {
            "num_labels": len(labels),
            "id2label": dict(enumerate(labels)),
            "label2id": {label: index for index, label in enumerate(labels)},
        }
    if getattr(config, "use_cache", False):
        settings.setdefault("use_cache", False)  # only a family that generates asks for it
    keep_head_whole(settings, head, config)
    body = head.base_model_prefix
    if body in _BODY:
        settings.setdefault("key_mapping", {rf"^{_BODY[body]}\.": f"{body}."})
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        with border(f"{reference}: cannot be loaded", ModelError, hint=AGAIN):
            model, report = found.loader.from_pretrained(reference, output_loading_info=True, **settings)
    model.harness_instead, model.harness_fresh = found.instead, fresh_parameters(report)
    draw_undrawn(model, report["missing_keys"])
    mend_half_precision(model)
    _check_encoder(reference, model, report)
    if body in _BODY:
        model._weight_conversions = None  # so that it is saved under its own names, not the checkpoint's
    if kept and len(labels) > 1:
        label_order(model.config, labels, by_position=by_position)
    elif kept and model.config.num_labels != 1 and architecture.endswith("SequenceClassification"):
        raise ModelError(f"{reference}: its head has {model.config.num_labels} outputs where this task needs one")
    if getattr(model.config, "pad_token_id", None) is None:
        # Decoders without a padding token are pooled at the last token that is not padding: they need its id.
        end = getattr(model.config, "eos_token_id", None)
        end = end[0] if isinstance(end, list) else end
        model.config.pad_token_id = 0 if end is None else end
    return with_stored_tower(with_stored_prompt(model, reference), reference)


def fresh_parameters(report: Mapping[str, Any]) -> frozenset[str]:
    """Names of the parameters that a checkpoint lacks or has in another shape, of transformers' report on its loading.

    The names in the checkpoint's files do not tell: some are converted when they are read, and of tied ones there is one.
    """
    mismatched = {entry if isinstance(entry, str) else entry[0] for entry in report.get("mismatched_keys", ())}
    return frozenset({*report["missing_keys"], *mismatched})


def check_loaded(reference: str, config: Any, report: Mapping[str, Any], names: Iterable[str]) -> None:
    """Refuses a model of whose parameters these are not the checkpoint's: missing there, or of another shape.

    Quiet loading must not hide an encoder at random weights.
    """
    missing = sorted(names)
    if not missing:
        return
    shapes = {entry[0]: entry[1:] for entry in report.get("mismatched_keys", ()) if not isinstance(entry, str)}
    name = next((name for name in missing if name in shapes), missing[0])
    said = f"{len(missing)} weights of the encoder are missing or of another shape, {name} for one"
    if name in shapes:
        stored, wanted = (" x ".join(f"{size:,}" for size in shape) for shape in shapes[name][:2])
        said += f": {stored} in its files, {wanted} by its config.json"
    raise ModelError(
        f"{reference}: {said}",
        hint=f"the checkpoint should hold a model of type {config.model_type!r}" + code_hint(config),
    )


def code_hint(config: Any) -> str:
    """A hint for weights that do not fit a configuration which names code of its own: they may be for that code."""
    if not getattr(config, "auto_map", None):
        return ""
    return (
        "; its weights are probably for the code that its config.json names (auto_map), which is not run: take a "
        "repository that was converted to a type of transformers, or --trust-remote-code ORG/NAME@SHA with a model_type "
        "that transformers does not know"
    )


def plain_model(model: Any) -> PreTrainedModel:
    """The transformers model inside wrappers for data parallelism, compilation or adapters."""
    while (inner := getattr(model, "module", None) or getattr(model, "_orig_mod", None)) is not None:
        model = inner
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def model_inputs(model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Selects what the model's forward takes of a batch: input_ids, attention_mask, and token types where it has them.

    A model with modules for each language also gets those of the rows (:mod:`harness.models.languages`).

    Padding gets the model's own padding id, even where the tokenizer's differs. For a multiple choice head each row is passed
    as an example with a single option, so that options need not come in equal numbers.
    """
    plain = plain_model(model)
    config = plain.config
    mask = batch["attention_mask"]
    chosen = {"input_ids": batch["input_ids"], "attention_mask": mask}
    pad = getattr(config, "pad_token_id", None)  # not all configurations have one
    if pad is not None:
        chosen["input_ids"] = batch["input_ids"].masked_fill(mask == 0, pad)
    if "token_type_ids" in batch and getattr(config, "type_vocab_size", 0) > 1:
        chosen["token_type_ids"] = batch["token_type_ids"]
    chosen = at_least_a_group(config, chosen)
    chosen |= language_inputs(plain, batch)
    if type(plain).__name__.endswith("MultipleChoice"):
        return {name: value[:, None] for name, value in chosen.items()}
    return chosen


def in_task_order(
    logits: torch.Tensor, model: PreTrainedModel, labels: Sequence[str], *, by_position: bool = False
) -> torch.Tensor:
    """Logits (..., outputs of the model) as (..., labels of the task); outputs unknown to the task are dropped."""
    import torch

    order = label_order(plain_model(model).config, labels, by_position=by_position)
    if np.array_equal(order, np.arange(logits.shape[-1])):
        return logits
    return logits.index_select(-1, torch.from_numpy(order).to(logits.device))


def check_finite(finite: NDArray[np.bool_]) -> None:
    """:class:`ModelError` for scores that are not finite: half precision overflowed, or training diverged."""
    if not finite.all():
        raise ModelError(
            f"{finite.size - int(finite.sum()):,} of {finite.size:,} scores of the model are not finite",
            hint="use --dtype bf16 or fp32; if that does not help, the checkpoint holds weights that are not numbers",
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps transformers from reporting newly initialised heads and from drawing progress bars."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@cache
def _warn(model_type: str, kind: str, instead: str) -> None:
    log.warning("transformers has no %s head for models of type %s: %s instead", kind, model_type, instead)


def _check_encoder(reference: str, model: PreTrainedModel, report: Mapping[str, Any]) -> None:
    """A pooler is often missing, and is trained from scratch."""
    inside = f"{model.base_model_prefix}."
    fresh = [key for key in fresh_parameters(report) if key.startswith(inside) and "pooler" not in key]
    check_loaded(reference, model.config, report, fresh)
