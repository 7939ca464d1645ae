"""Models that are already in memory: written to a temporary folder while they are evaluated or trained on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from harness.core.errors import UsageError
from harness.core.scratch import gone_if_unused, scratch_folder
from harness.models.reference import ModelReference, parse_model
from harness.models.resolve import ResolvedModel, check_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    LoadedModel: TypeAlias = tuple[PreTrainedModel, PreTrainedTokenizerBase]


def model_reference(model: str | ModelReference | LoadedModel) -> ModelReference:
    """Names a model: a string as it is, a pair of model and tokenizer by the model's name or class.

    UsageError for anything else.
    """
    if isinstance(model, ModelReference):
        return model
    if isinstance(model, str):
        return parse_model(model)
    if not (isinstance(model, tuple) and len(model) == 2 and all(hasattr(part, "save_pretrained") for part in model)):
        raise UsageError(
            f"model: a string or the pair (model, tokenizer) expected, not {type(model).__name__}",
            hint="evaluate((model, tokenizer), ...) takes what transformers' from_pretrained returned",
        )
    name = Path(str(getattr(model[0], "name_or_path", "") or "")).name
    return ModelReference("loaded", name or type(model[0]).__name__)


@contextmanager
def loaded_folder(model: str | ModelReference | LoadedModel, beside: Path) -> Iterator[ResolvedModel | None]:
    """A loaded model as a model folder inside ``beside``, for as long as the block lasts; None for a model string.

    Its fingerprint is that of its present weights, configuration and tokenizer, wherever it was loaded from. Adapters of
    peft are merged into a copy; the model itself stays as it is.
    """
    if isinstance(model, str | ModelReference):
        yield None
        return
    from harness.models.heads import quiet

    network, tokenizer = model
    if hasattr(network, "merge_and_unload"):
        import copy

        network = copy.deepcopy(network).merge_and_unload()
    with gone_if_unused(beside):
        beside.mkdir(parents=True, exist_ok=True)
        with scratch_folder(beside, ".model-") as folder:
            with quiet():
                network.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            yield check_folder(folder, str(model_reference(model)))
