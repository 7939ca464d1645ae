"""Fused layers against the same network with its layers called by hand, in double precision."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoConfig

from harness.core.errors import ModelError, UsageError
from harness.models.fingerprint import model_fingerprint
from harness.models.fusion import FUSIBLE, Fusion, fuse, fusion_of, pairs_joined, stored_fusion, write_fusion

LAYERS = 4
MIDDLE = Fusion(local_layers=1, fusion_layers=2)
SIZES = {
    "hidden_size": 16,
    "embedding_size": 16,
    "input_embedding_size": 16,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 90,
    "max_position_embeddings": 40,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "classifier_dropout_prob": 0.0,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
}


def network(kind: str = "xlm-roberta", head: str = "SequenceClassification", attention: str = "sdpa") -> Any:
    """A random network of an architecture, in double precision."""
    given = {name: value for name, value in SIZES.items() if hasattr(AutoConfig.for_model(kind), name)}
    config = AutoConfig.for_model(kind, **given, num_labels=2 if head == "QuestionAnswering" else 3)
    torch.manual_seed(3)
    model = getattr(transformers, f"AutoModelFor{head}").from_config(config, attn_implementation=attention)
    for parameter in model.parameters():
        if parameter.dim() > 1:  # as they come, attention is nearly even
            torch.nn.init.normal_(parameter, std=0.5)
    return model.double().eval()


def rows(*lengths: int, width: int = 0, seed: int = 0) -> dict[str, torch.Tensor]:
    """Rows of random tokens of these lengths, padded on the right."""
    width = width or max(lengths)
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(width)[None] < torch.tensor(lengths)[:, None]
    drawn = torch.stack([torch.randint(5, 90, (40,), generator=generator)[:width] for _ in lengths])
    return {"input_ids": drawn.masked_fill(~mask, 1), "attention_mask": mask.long()}


def fused(model: Any, fusion: Fusion = MIDDLE) -> Any:
    """A copy of a network, fused at all times."""
    model = copy.deepcopy(model)
    fuse(model, fusion, always=True)
    return model


def logits(model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        found = model(**batch)
    return found.logits if "logits" in found else torch.stack([found.start_logits, found.end_logits], dim=-1)


def close(one: torch.Tensor, other: torch.Tensor, tolerance: float = 1e-12) -> bool:
    return bool((one - other).abs().max() < tolerance)


def test_no_fused_layer_gives_the_plain_logits_bit_for_bit() -> None:
    model, batch = network(), rows(7, 5, 6, 6)
    assert torch.equal(logits(fused(model, Fusion(1, 0)), batch), logits(model, batch))


def by_hand(model: Any, batch: dict[str, torch.Tensor], fusion: Fusion) -> torch.Tensor:
    """Logits by the paper's words: both languages' tokens one after the other in the fusion layers, without padding."""
    found = []
    layers = model.base_model.encoder.layer
    with torch.no_grad():
        for pair in range(0, len(batch["input_ids"]), 2):
            sides = []
            for row in (pair, pair + 1):
                length = int(batch["attention_mask"][row].sum())
                sides.append(model.base_model.embeddings(input_ids=batch["input_ids"][row : row + 1, :length]))
            for number, layer in enumerate(layers):
                if fusion.local_layers <= number < fusion.local_layers + fusion.fusion_layers:
                    together = layer(torch.cat(sides, dim=1))
                    sides = [together[:, : sides[0].shape[1]], together[:, sides[0].shape[1] :]]
                else:
                    sides = [layer(side) for side in sides]
            found += [model.classifier(side) for side in sides]
    return torch.cat(found)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("fusion", [MIDDLE, Fusion(0, LAYERS), Fusion(3, 1), Fusion(0, 1)])
def test_a_fused_network_computes_what_the_paper_says(attention: str, fusion: Fusion) -> None:
    model, batch = network(attention=attention), rows(7, 5, 6, 9, 3, 3)
    found, expected = logits(fused(model, fusion), batch), by_hand(model, batch, fusion)
    assert close(found, expected)
    assert not close(found, logits(model, batch), 1e-3)


HEADS = ("SequenceClassification", "TokenClassification", "QuestionAnswering")
EAGER_ALONE = ("megatron-bert", "rembert")
TWINS = [
    *((kind, HEADS[0], "eager") for kind in FUSIBLE),
    *((kind, HEADS[0], "sdpa") for kind in FUSIBLE if kind not in EAGER_ALONE),
    *(("xlm-roberta", head, attention) for head in HEADS[1:] for attention in ("sdpa", "eager")),
]


@pytest.mark.parametrize(("kind", "head", "attention"), TWINS)
def test_twins_give_the_plain_logits(kind: str, head: str, attention: str) -> None:
    """Attention over a doubled set of equal keys is attention over the set."""
    model = network(kind, head, attention)
    batch = rows(7, 7, 4, 4)
    for name in batch:
        batch[name][1::2] = batch[name][0::2]
    there = ... if head == HEADS[0] else batch["attention_mask"].bool()
    plain, found = logits(model, batch), logits(fused(model), batch)
    assert close(found[there], plain[there])
    batch["input_ids"][1] = rows(7, 7, 4, 4, seed=1)["input_ids"][1]
    assert not close(logits(fused(model), batch)[0], plain[0], 1e-3)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_swapped_sides_give_swapped_outputs(attention: str) -> None:
    model, batch = fused(network(attention=attention)), rows(7, 5, 6, 9)
    swapped = {name: value.unflatten(0, (-1, 2)).flip(1).flatten(0, 1) for name, value in batch.items()}
    found = logits(model, swapped).unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
    assert close(found, logits(model, batch))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("lengths", [(7, 5, 6, 9), (7, 7)])
def test_more_padding_changes_nothing(attention: str, lengths: tuple[int, ...]) -> None:
    model = fused(network(attention=attention))
    assert close(logits(model, rows(*lengths)), logits(model, rows(*lengths, width=20)))


@pytest.mark.parametrize("head", HEADS)
def test_a_token_of_one_side_changes_the_logits_of_the_other_and_of_no_other_pair(head: str) -> None:
    model, batch = fused(network(head=head)), rows(7, 5, 6, 9)
    before = logits(model, batch)
    batch["input_ids"][1, 3] += 1
    after = logits(model, batch)
    first = 0 if head == HEADS[0] else (0, slice(7))
    assert not close(after[first], before[first], 1e-4)
    assert close(after[2:], before[2:])


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_reach_both_sides(checkpointing: bool) -> None:
    model = copy.deepcopy(network())
    fuse(model, MIDDLE)
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()
    batch = rows(7, 5, 6, 9)
    model(**batch).logits[0].sum().backward()
    table = model.base_model.embeddings.word_embeddings.weight.grad
    touched = set(table.abs().sum(dim=1).nonzero()[:, 0].tolist())
    first, second, *others = (set(row[mask.bool()].tolist()) for row, mask in zip(*batch.values(), strict=True))
    assert touched == first | second
    assert not touched & (set.union(*others) - first - second)
    model.zero_grad()
    model.gradient_checkpointing_disable()
    model(**batch).logits[0].sum().backward()
    assert close(model.base_model.embeddings.word_embeddings.weight.grad, table)


def test_outside_training_rows_are_pairs_only_where_it_is_said() -> None:
    model = network()
    other, batch = copy.deepcopy(model), rows(7, 5, 6, 9)
    fuse(other, MIDDLE)
    assert torch.equal(logits(other, batch), logits(model, batch))
    with pairs_joined(other):
        assert torch.equal(logits(other, batch), logits(fused(model), batch))
    assert torch.equal(logits(other, batch), logits(model, batch))
    with pairs_joined(model):
        assert torch.equal(logits(model, batch), logits(other, batch))
    with pytest.raises(ModelError, match="3 rows, which are no pairs"), pairs_joined(other):
        logits(other, rows(3, 3, 3))


def test_a_copy_of_a_network_is_fused_by_itself() -> None:
    model, batch = network(), rows(7, 5)
    fuse(model, MIDDLE)
    twin = copy.deepcopy(model)
    assert fusion_of(twin) == MIDDLE
    with pairs_joined(twin):
        assert torch.equal(logits(twin, batch), logits(fused(network()), batch))
        assert torch.equal(logits(model, batch), logits(network(), batch))


def test_the_second_token_stands_for_the_beginning_of_english_in_training() -> None:
    model, batch = network(), rows(7, 5, 6, 9)
    fuse(model, MIDDLE, second_token=True)
    plain = fused(network())
    states = plain.base_model(**batch)[0]
    expected = logits(plain, batch)
    expected[1::2] = plain.classifier(states[0::2, 1:2])
    assert close(logits(model.train(), batch), expected)
    model.eval()
    with pairs_joined(model):
        assert close(logits(model, batch), logits(plain, batch))


def test_a_reloaded_network_computes_the_same(tmp_path: Path) -> None:
    model, batch = network(), rows(7, 5, 6, 9)
    fuse(model, MIDDLE)
    with pairs_joined(model):
        expected = logits(model, batch)
    model.save_pretrained(tmp_path)
    write_fusion(model, tmp_path)
    again = type(model).from_pretrained(tmp_path, dtype=torch.float64).eval()
    assert torch.equal(logits(again, batch), logits(model, batch))
    found = stored_fusion(tmp_path)
    assert found is not None
    fuse(again, found)
    with pairs_joined(again):
        assert torch.equal(logits(again, batch), expected)


def test_a_folder_says_how_its_network_is_fused(tmp_path: Path) -> None:
    model = network()
    model.save_pretrained(tmp_path)
    write_fusion(model, tmp_path)
    assert stored_fusion(tmp_path) is None
    plain = model_fingerprint(tmp_path)
    fuse(model, MIDDLE)
    write_fusion(model, tmp_path)
    assert stored_fusion(tmp_path) == MIDDLE
    assert model_fingerprint(tmp_path) != plain


@pytest.mark.parametrize("text", ["[]", "{}", '{"local_layers": 1, "fusion_layers": "2"}', '{"local_layers": 1'])
def test_a_damaged_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "fusion.json").write_text(text)
    with pytest.raises(ModelError, match=r"fusion\.json"):
        stored_fusion(tmp_path)


@pytest.mark.parametrize("kind", ["deberta-v2", "t5", "xmod", "modernbert", "distilbert", "mpnet", "llama"])
def test_other_architectures_are_refused_by_name(kind: str) -> None:
    with pytest.raises(ModelError, match=f"models of type '{kind}'") as error:
        MIDDLE.check({"model_type": kind, "num_hidden_layers": 4})
    assert error.value.hint is not None and "xlm-roberta" in error.value.hint


def test_numbers_of_layers_that_a_model_does_not_have_are_refused() -> None:
    with pytest.raises(UsageError, match="20 behind 1 local layers are more than the 12 layers") as error:
        Fusion(1, 20).check({"model_type": "xlm-roberta", "num_hidden_layers": 12})
    assert error.value.hint == "--set fusion_layers=11 at most"
    with pytest.raises(UsageError, match="option local_layers: a number of layers expected, not -1"):
        Fusion(-1, 1)


def test_flash_attention_is_refused() -> None:
    model = network()
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(ModelError, match="not with the attention flash_attention_2"):
        fuse(model, MIDDLE)
