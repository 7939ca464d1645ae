"""Operations and parameters of small models, against a counter by hooks that shares nothing with the formula."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import tokenizer
from transformers import AutoModelForSequenceClassification, BertConfig, XLMRobertaConfig

from harness.data.access import DataAccess
from harness.efficiency.opened import Opened, open_network, open_session
from harness.efficiency.operations import count, row_operations
from harness.efficiency.sample import draw_sample
from harness.registry.default import get_registry
from harness.studies.model_shapes import shape_in
from harness.types.options import EvalOptions

KINDS = {"xlmr": XLMRobertaConfig, "bert": BertConfig}


@pytest.fixture(scope="module", params=KINDS)
def opened(request: pytest.FixtureRequest, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """A random model of width 256, wide enough that biases are few, for the pairs of XNLI."""
    folder, words = tmp_path_factory.mktemp(request.param), tokenizer(request.param)
    config = KINDS[request.param](
        vocab_size=len(words), hidden_size=256, num_hidden_layers=3, num_attention_heads=4, intermediate_size=1024,
        max_position_embeddings=514, pad_token_id=words.pad_token_id, num_labels=3,
    )  # fmt: skip
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    words.save_pretrained(folder)
    registry, options = get_registry(), EvalOptions(data_dir=str(corpus), offline=True)
    sample = draw_sample(registry, DataAccess.of(registry, corpus), "xnli[en,sw]", (), 0, 10)
    session = open_session(str(folder), sample, registry, options)
    return open_network("made", session, sample, registry)


def by_hooks(network: Any, batch: dict[str, torch.Tensor]) -> float:
    """Multiplications and additions of every matrix, and of both products of attention in every layer."""
    counted: list[float] = []
    encoder = network.base_model.encoder

    def linear(module: Any, given: Any, output: torch.Tensor) -> None:
        counted.append(2 * output.numel() * module.in_features + output.numel() * (module.bias is not None))

    def layer(module: Any, given: Any, output: Any) -> None:
        rows, length, width = given[0].shape
        counted.append(2 * (2 * rows * length * length * width))

    handles = [m.register_forward_hook(linear) for m in encoder.modules() if isinstance(m, torch.nn.Linear)]
    handles += [each.register_forward_hook(layer) for each in encoder.layer]
    with torch.inference_mode():
        network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    for handle in handles:
        handle.remove()
    return sum(counted)


def test_the_formula_equals_a_counter_by_hooks_to_1_percent(opened: Opened) -> None:
    batch, lengths = opened.rows(6)
    padded = [int(lengths.max())] * len(lengths)
    formula = row_operations(shape_in(opened.session.folder), padded)
    assert formula == pytest.approx(by_hooks(opened.network, batch), rel=0.01)


def test_the_formula_equals_what_torch_counts_to_1_percent(opened: Opened) -> None:
    _, operations = count(opened)
    assert operations.counted is not None and operations.deviation is not None
    assert abs(operations.deviation) < 0.01
    assert operations.example is not None and operations.example < (operations.formula or 0)


def test_operations_grow_with_the_square_of_the_length(opened: Opened) -> None:
    shape = shape_in(opened.session.folder)
    one, two = row_operations(shape, [100]), row_operations(shape, [200])
    assert two - 2 * one == pytest.approx(4 * 3 * 256 * (200**2 - 2 * 100**2))
    assert row_operations(shape, [100, 200]) == one + two


def test_parameters_are_counted_once_and_those_of_tables_apart(opened: Opened) -> None:
    parameters, _ = count(opened)
    network: Any = opened.network
    assert parameters.total == sum(each.numel() for each in network.parameters())
    assert parameters.bytes == 4 * parameters.total
    tables = [m for m in network.modules() if isinstance(m, torch.nn.Embedding)]
    assert parameters.embedding == sum(table.weight.numel() for table in tables)
    assert parameters.active == parameters.total - parameters.embedding  # the head goes through all of the layers


def test_layers_that_the_forward_pass_skips_are_not_active(opened: Opened) -> None:
    from torch import nn

    network: Any = opened.network
    before, _ = count(opened)
    network.unused = nn.Linear(7, 5)
    try:
        after, _ = count(opened)
    finally:
        del network.unused
    assert (after.total - before.total, after.active) == (40, before.active)


def test_filled_rows_have_the_length_that_was_asked_for(opened: Opened) -> None:
    rows = opened.filled(5, 128)
    assert rows.lengths.tolist() == [128] * 5
    names = opened.forward.tokenizer
    first = rows.ids[0].tolist()
    assert first[0] == names.cls_token_id and first[-1] == names.sep_token_id
    assert len({tuple(rows.ids[row].tolist()) for row in range(5)}) > 1
