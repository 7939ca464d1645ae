"""Rows without padding: the same numbers as with padding, under a mask and under a kernel that is told where rows end.

The kernel here is written in torch and computes on a processor. It takes what the flash attention of transformers hands
over, and refuses single precision as the real one does. With a GPU and the package flash_attn the last test runs the real
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers.modeling_flash_attention_utils as flash
from published_models import PUBLISHED, architecture, save_published
from small_models import TEXTS

from harness.families.base import HeadFamily
from harness.families.classification import Classification
from harness.families.dual_encoder import DualEncoder
from harness.families.mlm import MaskedLanguageModel
from harness.families.span_qa import SpanQA
from harness.families.tagging import Tagging
from harness.inference.forward import Forward
from harness.inference.session import Compute
from harness.models.attention import attention_of
from harness.models.load import load_tokenizer
from harness.models.packing import pack_rows, packing_of, rows_packed
from harness.models.sentence_encoder import load_encoder
from harness.retrieval.embed import embed
from harness.types.examples import Pair, Question, Tagged, Text

PADDED = {"albert", "mbart"}
"""Kinds that transformers has flash attention for, and that take no lines."""


def varlen(
    q: Any,
    k: Any,
    v: Any,
    cu_seqlens_q: Any,
    cu_seqlens_k: Any,
    max_seqlen_q: int = 0,
    max_seqlen_k: int = 0,
    dropout_p: float = 0.0,
    softmax_scale: float | None = None,
    causal: bool = False,
    window_size: tuple[int, int] = (-1, -1),
) -> Any:
    """Attention of each row of a line by itself: (tokens, heads, d), in half precision only."""
    assert q.dtype in (torch.bfloat16, torch.float16), "FlashAttention only supports fp16 and bf16 data types"
    assert cu_seqlens_q.dtype == torch.int32 and int(cu_seqlens_q[-1]) == len(q)
    assert int(cu_seqlens_q.diff().max()) == max_seqlen_q or not max_seqlen_q
    group = q.shape[1] // k.shape[1]
    found = torch.empty_like(q)
    for start, end in zip(cu_seqlens_q[:-1].tolist(), cu_seqlens_q[1:].tolist(), strict=True):
        one, two, three = (part[start:end].float().transpose(0, 1) for part in (q, k, v))
        two, three = two.repeat_interleave(group, 0), three.repeat_interleave(group, 0)
        scores = one @ two.transpose(1, 2) * (softmax_scale or q.shape[-1] ** -0.5)
        place = torch.arange(end - start)
        apart = place[None] - place[:, None]
        hidden = apart > 0 if causal else torch.zeros_like(apart, dtype=torch.bool)
        for limit, sign in zip(window_size, (-1, 1), strict=True):
            if limit >= 0:
                hidden = hidden | (apart * sign > limit)
        found[start:end] = (scores.masked_fill(hidden, -torch.inf).softmax(-1) @ three).transpose(0, 1).to(q.dtype)
    return found


def fixed(q: Any, k: Any, v: Any, causal: bool = False, **more: Any) -> Any:
    """The same of rows of one length, (rows, tokens, heads, d)."""
    ends = torch.arange(0, q.shape[0] * q.shape[1] + 1, q.shape[1], dtype=torch.int32)
    flat = (part.reshape(-1, *part.shape[2:]) for part in (q, k, v))
    return varlen(*flat, ends, ends, causal=causal, **more).view(q.shape)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """transformers' flash attention, with these two functions as the package."""
    for name, value in {
        "_loaded_implementation": "flash_attention_2",
        "_flash_fn": fixed,
        "_flash_varlen_fn": varlen,
        "_flash_with_kvcache_fn": None,
        "_pad_fn": flash._pad_input,
        "_unpad_fn": flash._unpad_input,
        "_process_flash_kwargs_fn": flash._lazy_define_process_function(varlen),
        "_process_with_kvcache_kwargs_fn": dict,
    }.items():
        monkeypatch.setattr(flash, name, value)
    yield


def saved(kind: str, folder: Path) -> Path:
    return save_published(architecture(kind), folder)


def with_kernel(network: Any) -> Any:
    for part in network.modules():
        if hasattr(part, "config"):
            part.config._attn_implementation = "flash_attention_2"
    return network


def forward(network: Any, folder: Path, dtype: str = "bf16") -> Forward:
    return Compute(dtype=dtype).forward(network.eval(), load_tokenizer(folder))


def tokens_seen(network: Any) -> list[int]:
    """Tokens that go into the encoder, call by call."""
    seen: list[int] = []
    table = network.get_input_embeddings()
    table.register_forward_hook(lambda module, given, output: seen.append(given[0].numel()))
    return seen


def supported() -> list[str]:
    """The kinds that transformers has flash attention for."""
    from transformers import AutoConfig, AutoModel

    kinds = [each.kind for each in PUBLISHED]
    classes = {kind: AutoModel._model_mapping.get(type(AutoConfig.for_model(kind)), None) for kind in kinds}
    return [
        kind
        for kind in dict.fromkeys(kinds)
        if kind != "xmod" and getattr(classes[kind], "_supports_flash_attn", False)
    ]


@pytest.mark.parametrize("kind", supported())
def test_a_line_of_rows_has_the_states_of_padded_rows(kind: str, tmp_path: Path) -> None:
    """By a mask, in single precision: the path that only the kernel is exchanged on."""
    folder = saved(kind, tmp_path)
    network = load_encoder(str(folder), dtype="float32").eval()
    expected = embed(forward(network, folder, "fp32"), TEXTS, layers=[1, 2])
    packing = packing_of(network)
    assert (packing is None) == (kind in PADDED)
    lined, seen = forward(network, folder, "fp32"), tokens_seen(network)
    found = embed(lined, TEXTS, layers=[1, 2])
    for layer in (1, 2):
        np.testing.assert_allclose(found[layer], expected[layer], atol=1e-5)
    lengths = [len(lined.tokenizer(text)["input_ids"]) for text in TEXTS]
    assert sum(seen) == (sum(lengths) if packing else len(lengths) * max(lengths))


FAMILIES: list[tuple[type[HeadFamily], Any, list[Any]]] = [
    (Classification, {}, [Pair(str(i), text, TEXTS[0], None) for i, text in enumerate(TEXTS)]),
    (Tagging, {}, [Tagged(str(i), tuple(text.split()), None) for i, text in enumerate(TEXTS)]),
    (SpanQA, {}, [Question(str(i), TEXTS[0][:30], text, ()) for i, text in enumerate(TEXTS)]),
    (MaskedLanguageModel, {}, [Text(str(i), text) for i, text in enumerate(TEXTS)]),
    (DualEncoder, {"vector": "pooler"}, [Pair(str(i), text, "", None) for i, text in enumerate(TEXTS)]),
]


@pytest.mark.parametrize(("kind", "options", "examples"), FAMILIES, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.usefixtures("kernel")
def test_a_family_says_the_same_with_the_kernel_as_with_padding(
    kind: Any, options: Any, examples: list[Any], tmp_path: Path
) -> None:
    family = kind(("a", "b"), kind.Options(**options))
    folder = saved("xlm-roberta", tmp_path)
    outputs = []
    for packs in (False, True):
        network = with_kernel(family.load(str(folder), dtype="float32"))
        assert attention_of(network) == "flash_attention_2"
        assert not packs or pack_rows(network)
        assert rows_packed(network) == packs
        rows = Classification(("a", "b"), Classification.Options()) if kind is DualEncoder else family
        model = forward(network, folder)
        features, seen = rows.features(model.tokenizer, examples, training=False), tokens_seen(network)
        outputs.append(model.stream(features, family.outputs))
        assert (sum(seen) == features.lengths.sum()) == packs
    for name, padded in outputs[0].items():
        for one, other in zip(map(np.atleast_1d, padded), map(np.atleast_1d, outputs[1][name]), strict=True):
            np.testing.assert_allclose(one, other, atol=0.03, rtol=0.02)


@pytest.mark.parametrize("kind", ["xlm-roberta", "modernbert", "qwen3"])
@pytest.mark.usefixtures("kernel")
def test_a_model_trains_without_padding_to_the_same_gradients(kind: str, tmp_path: Path) -> None:
    family = Classification(("a", "b"), Classification.Options())
    folder = saved(kind, tmp_path)
    pairs = [Pair(str(i), text, "", "ab"[i % 2]) for i, text in enumerate(TEXTS)]
    features = family.features(load_tokenizer(folder), pairs, training=True)
    batch = {name: torch.from_numpy(value) for name, value in features.batch(np.arange(len(features)), 1).items()}
    gradients = []
    for packs in (False, True):
        network = with_kernel(family.load(str(folder), dtype="float32")).eval()
        assert not packs or pack_rows(network)
        with torch.autocast("cpu", torch.bfloat16):
            loss, _ = family.loss(network, batch)
        loss.backward()
        gradients.append({name: p.grad for name, p in network.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, one in gradients[0].items():
        apart = torch.linalg.norm(one - gradients[1][name]) / torch.linalg.norm(one).clamp(min=1e-3)
        assert apart < 0.05, name


@pytest.mark.usefixtures("kernel")
def test_what_is_tried_of_a_model_needs_no_kernel(tmp_path: Path) -> None:
    """A stage finds out about padding before its model is on the GPU."""
    from harness.models.padding import padding_of

    folder = saved("xlm-roberta", tmp_path)
    network = with_kernel(load_encoder(str(folder), dtype="float32"))
    assert padding_of(network, load_tokenizer(folder)) == "right"
    assert attention_of(network) == "flash_attention_2"


def test_models_with_another_attention_are_padded(tmp_path: Path) -> None:
    network = load_encoder(str(saved("xlm-roberta", tmp_path)), dtype="float32")
    assert not pack_rows(network) and not rows_packed(network)


@pytest.mark.skipif(
    not torch.cuda.is_available() or find_spec("flash_attn") is None, reason="needs a GPU and the package flash_attn"
)
@pytest.mark.parametrize("kind", sorted({*supported()} - PADDED))
def test_the_real_kernel_says_what_padding_says(kind: str, tmp_path: Path) -> None:
    from harness.inference.session import open_model
    from harness.models.resolve import Access, check_folder

    model = check_folder(saved(kind, tmp_path), kind)
    found = []
    for attention in ("sdpa", "flash_attention_2"):
        session = open_model(model, Access(), Compute("cuda", "bf16", attention=attention))
        network = session.network(load_encoder)
        assert rows_packed(network) == (attention == "flash_attention_2")
        found.append(embed(session.forward(network), TEXTS * 5, layers=[2])[2])
    np.testing.assert_allclose(*found, atol=0.03)
