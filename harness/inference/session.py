"""A model that is opened: from a reference or a folder to its tokenizer, its network, and a forward pass.

What a user says about a model travels as two values: :class:`~harness.models.resolve.Access` (where it may come from and
what of it may run) and :class:`Compute` (on what, how precisely, in batches of what size).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.inference.forward import Forward
from harness.models.attention import AUTO, attention_arguments, check_attention
from harness.models.device import choose_batch_tokens, choose_device, choose_dtype
from harness.models.embedder import Embedder
from harness.models.load import check_head, load_tokenizer
from harness.models.packing import pack_rows
from harness.models.quantised import after_loading, check_quant, quantised
from harness.models.reference import ModelReference
from harness.models.resolve import Access, ResolvedModel, resolve_model
from harness.models.tiny import tiny_tokenizer
from harness.types.defaults import BATCH_TOKENS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.registry.registry import Registry
    from harness.types.options import EvalOptions

Load = Callable[..., "PreTrainedModel"]
"""``load(folder, **arguments of from_pretrained)``: a family's ``load``, or one of this package's."""


Head = Callable[["PreTrainedModel"], Collection[str]]
"""The names of the parameters of a network's head: a family's ``head_parameters``."""


@dataclass(frozen=True)
class Compute:
    """Decides how a model computes on this machine; the values are chosen, none but that of ``attention`` is "auto".

    ``budget`` is the number of padded tokens in a batch; ``build_index`` the hook ``harness_build_index``, None where no
    plugin has it.
    """

    device: str = "cpu"
    dtype: str = "fp32"
    quant: str = ""
    budget: int = BATCH_TOKENS
    compiled: bool = False
    build_index: Callable[..., Any] | None = None
    attention: str = AUTO

    @classmethod
    def of(cls, options: EvalOptions, registry: Registry) -> Compute:
        """Chooses by the options and by what this machine has; UsageError for what it cannot do."""
        device = choose_device(options.device)
        dtype = choose_dtype(options.dtype, device)
        check_quant(options.quant, device)
        check_attention(options.attention, device, dtype)
        budget = choose_batch_tokens(options.batch_tokens, device)
        index = registry.hook.implemented("harness_build_index")
        return cls(device, dtype, options.quant, budget, options.compiled, index, options.attention)

    def forward(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, **more: Any) -> Forward:
        """Wraps a network that is loaded; ``more`` are further fields of :class:`Forward`."""
        return Forward(network, tokenizer, self.device, self.dtype, self.budget, build_index=self.build_index, **more)


@dataclass(frozen=True)
class Session:
    """A model folder to compute with, and its tokenizer. A family says how to load a network from it.

    ``model`` describes a model that was found by its reference; None for the checkpoint of a stage.
    """

    folder: Path
    tokenizer: PreTrainedTokenizerBase
    compute: Compute
    model: ResolvedModel | None = None

    def with_tokenizer(self, settings: Mapping[str, Any]) -> Session:
        """Loads the tokenizer again where a family has ``settings`` for it: attributes such as ``padding_side``."""
        return replace(self, tokenizer=load_tokenizer(self.folder, settings)) if settings else self

    def network(self, load: Load, *, head: Head | None = None, **settings: Any) -> PreTrainedModel:
        """Loads the network, ready to predict; ``settings`` are further arguments of ``load``.

        With ``head``, which names the parameters of a network's head, a ModelError says that the checkpoint has none of
        this kind.
        """
        compute = self.compute
        settings |= quantised(compute.quant, compute.device, compute.dtype)
        settings |= attention_arguments(compute.attention, self.folder)
        network = after_loading(load(str(self.folder), dtype="float32", **settings))
        if head:
            check_head(network, self.folder, head(network))
        network = network.to(compute.device).eval()
        if not compute.compiled:
            pack_rows(network)
        if compute.compiled:
            network.compile(dynamic=True)
        return network

    def forward(self, network: PreTrainedModel, **more: Any) -> Forward:
        """Wraps a network of this session; ``more`` are further fields of :class:`Forward`."""
        return self.compute.forward(network, self.tokenizer, **{"embedder": Embedder.of(self.folder), **more})


def open_model(model: ModelReference | ResolvedModel | Path, access: Access, compute: Compute) -> Session:
    """Opens a model: a reference is found (or downloaded) and checked, the folder of a trained stage is taken as it is.

    Raises ModelError for a model that cannot be loaded, such as a baseline, and for one that ``access`` does not allow.
    """
    if isinstance(model, Path):
        return Session(model, load_tokenizer(model), compute)
    found = resolve_model(model, access) if isinstance(model, ModelReference) else model
    return Session(found.folder, load_tokenizer(found.folder), compute, found)


def open_tokenizer(reference: ModelReference, access: Access) -> PreTrainedTokenizerBase:
    """Loads the tokenizer of a model without its weights, where that is possible; "tiny" needs no file at all."""
    if reference.kind == "tiny":
        return tiny_tokenizer(reference.name)
    ours = access.loader and access.loader(reference=str(reference), offline=access.offline)
    if reference.kind == "hub" and not ours:
        from transformers import AutoTokenizer

        with border(f"cannot load the tokenizer of {str(reference)!r}", ModelError, hint="--model tiny"):
            found: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
                reference.name,
                revision=reference.revision,
                local_files_only=access.offline,
                trust_remote_code=False,
            )
        return found
    return load_tokenizer(resolve_model(reference, access).folder)
