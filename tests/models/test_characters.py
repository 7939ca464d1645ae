"""CANINE: layers are counted in groups of characters, and rows of any length are computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published_models import architecture, save_published
from transformers import CanineModel

from harness.core.errors import ModelError
from harness.families.tagging import Tagging
from harness.inference.features import Features, Ragged
from harness.inference.session import Compute, open_model
from harness.models.resolve import Access, check_folder
from harness.models.sentence_encoder import load_encoder, longest_input
from harness.retrieval.embed import embed
from harness.types.examples import Tagged
from harness.types.units import UnitExamples

TEXTS = ("The committee did not say when.", "सभा", "a", "👍", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three layers, so that hidden states of characters and of groups cannot be taken for each other."""
    canine = architecture("canine")
    shape = canine.shape | {"num_hidden_layers": 3}
    return save_published(replace(canine, shape=shape), tmp_path_factory.mktemp("canine") / "model")


@pytest.fixture(scope="module")
def forward(folder: Path) -> Any:
    session = open_model(check_folder(folder, "canine"), Access(), Compute())
    return session.forward(session.network(load_encoder))


@pytest.mark.parametrize("pool", ["mean", "cls"])
def test_vectors_are_pooled_from_the_groups_that_the_deep_encoder_computes_on(
    folder: Path, forward: Any, pool: str
) -> None:
    found = embed(forward, TEXTS, layers=[0, 1, 2, 3], pool=pool)
    model = CanineModel.from_pretrained(folder).eval()
    seen: list[torch.Tensor] = []
    model.encoder.register_forward_hook(lambda module, given, output: seen.extend(output.hidden_states))
    for row, text in enumerate(TEXTS):
        ids = forward.tokenizer(text)["input_ids"]
        filled = ids + [0] * (4 - len(ids))
        mask = torch.tensor([[1] * len(ids) + [0] * (4 - len(ids))])
        seen.clear()
        with torch.inference_mode():
            model(torch.tensor([filled]), attention_mask=mask, output_hidden_states=True)
        assert len(seen) == 4
        for layer, state in enumerate(seen):
            expected = state[0, 0] if pool == "cls" else state[0].mean(0)
            np.testing.assert_allclose(found[layer][row], expected / expected.norm(), atol=1e-5)


def test_words_of_one_letter_are_tagged(folder: Path) -> None:
    family = Tagging(("A", "B"), Tagging.Options(max_length=32))
    session = open_model(check_folder(folder, "canine"), Access(), Compute())
    forward = session.forward(session.network(family.load, ignore_mismatched_sizes=True))
    sentences = [Tagged("0", ("a",), None), Tagged("1", ("the", "committee"), None), Tagged("2", ("。",), None)]
    (found,) = family.predict(forward, [UnitExamples("t", "en", "test", sentences)])
    assert [len(tags) for tags in found.predictions] == [1, 2, 1]


def test_a_row_of_more_characters_than_positions_is_an_error_of_the_model(forward: Any) -> None:
    assert longest_input(forward.model) == 64
    rows = Features(Ragged.of([[97] * 65]), np.zeros(1, np.int64))
    with pytest.raises(ModelError, match="a row of 65 tokens, and the model has 64 positions"):
        forward.stream(rows, lambda model, batch: {})
    assert embed(forward, ["a" * 500], layers=[1])[1].shape == (1, 32)  # sentences are cut
