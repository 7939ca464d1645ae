"""Multiple choice: items of uneven size, truncation from the front, any architecture."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import KINDS, TEXTS, cutting, save_model, separated, tokenizer

from harness.core.errors import DataError, UsageError
from harness.families.multiple_choice import MultipleChoice
from harness.types.examples import Choice
from harness.types.units import UnitExamples


def family(**options):
    return MultipleChoice((), MultipleChoice.Options(**options))


def made_choices(count=16):
    """Examples with two to five options."""
    rng = np.random.default_rng(0)
    words = " ".join(TEXTS).split()
    text = lambda: " ".join(rng.choice(words, rng.integers(1, 12)))  # noqa: E731
    options = [tuple(text() for _ in range(2 + i % 4)) for i in range(count)]
    return [Choice(f"c{i}", text(), options[i], int(rng.integers(len(options[i])))) for i in range(count)]


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return {kind: save_model(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.fixture(scope="session")
def real_choices(shared_data):
    import pyarrow.parquet as parquet

    def rows(path):
        return parquet.read_table(next((shared_data / path).glob("validation-*.parquet"))).to_pylist()

    cosmos = [
        Choice(
            f"cosmos-{i}",
            f"{row['context']} {row['question']}",
            tuple(row[f"answer{k}"] for k in range(4)),
            int(row["label"]),
        )
        for i, row in enumerate(rows("allenai/cosmos_qa/data")[:8])
    ]
    xcopa = [
        Choice(f"zh-{i}", row["premise"], (row["choice1"], row["choice2"]), row["label"])
        for i, row in enumerate(rows("cambridgeltl/xcopa/zh")[:12])
    ]
    return cosmos + xcopa


def plain_scores(model, tokens, choice):
    """One forward pass an example, the way transformers' documentation has it."""
    import torch

    scores = []
    for option in choice.options:
        encoded = tokens(choice.prompt, option, return_tensors="pt")
        if "MultipleChoice" in type(model).__name__:
            encoded = {name: value[None] for name, value in encoded.items()}
        with torch.inference_mode():
            scores.append(model(**encoded).logits.item())
    return np.array(scores)


# Rows


def test_an_item_is_an_example_and_a_row_an_option():
    tokens = tokenizer("bert")
    choices = [Choice("a", "the", ("a", "in"), 1), Choice("b", "two", ("dogs", "a", "field"), None)]
    features = family().features(tokens, choices, training=False)
    assert features.items.tolist() == [0, 2, 5]
    assert features.example.tolist() == [0, 0, 1, 1, 1]
    expected = tokens(["the", "the", "two", "two", "two"], ["a", "in", "dogs", "a", "field"])
    assert [features.ids[i].tolist() for i in range(5)] == expected["input_ids"]
    assert [features.segments[i].tolist() for i in range(5)] == expected["token_type_ids"]
    trained = family().features(tokens, [choices[1], choices[0]], training=True)
    assert trained.items.tolist() == [0, 2]
    assert trained.example.tolist() == [1, 1]
    assert trained.columns["answer"].tolist() == [0, 1]


def test_training_batches_name_the_item_of_each_row():
    features = family().features(tokenizer("xlmr"), made_choices(6), training=True)
    rows = features.rows_of(np.array([4, 1]))
    batch = features.batch(rows, 1)
    assert batch["item"].tolist() == [4, 4, 1, 1, 1]
    assert batch["answer"].sum() == 2


@pytest.mark.parametrize("truncate", ["front", "longest_first"])
def test_long_prompts_lose_their_beginning_or_their_end(truncate):
    tokens = tokenizer("bert")
    words = ("the a in when and while " * 20).split()
    choice = Choice("a", " ".join(words), ("two dogs", "a field"), 0)
    features = family(max_length=20, truncate=truncate).features(tokens, [choice], training=False)
    prompt = tokens(" ".join(words), add_special_tokens=False)["input_ids"]
    for row, option in enumerate(choice.options):
        kept = tokens(option, add_special_tokens=False)["input_ids"]
        room = 20 - 3 - len(kept)
        part = prompt[-room:] if truncate == "front" else prompt[:room]
        assert features.ids[row].tolist() == [
            tokens.cls_token_id,
            *part,
            tokens.sep_token_id,
            *kept,
            tokens.sep_token_id,
        ]


def test_bad_examples_and_options_are_refused():
    tokens = tokenizer("xlmr")
    with pytest.raises(DataError, match="'a' has no options"):
        family().features(tokens, [Choice("a", "the", (), None)], training=False)
    for answer in (2, -1):
        with pytest.raises(DataError, match=f"'a': answer {answer} of 2 options"):
            family().features(tokens, [Choice("a", "the", ("b", "c"), answer)], training=True)
    with pytest.raises(UsageError, match="truncate"):
        MultipleChoice.Options(truncate="middle")


# Scores


@pytest.mark.parametrize("kind", KINDS)
def test_choices_equal_the_plain_forward_pass(kind, models, real_choices):
    choices = [*real_choices, *made_choices()]
    task, tokens = family(max_length=290), separated(kind)
    model = task.load(str(models[kind])).eval()
    features = task.features(tokens, choices, training=False)
    outputs = cutting(3000)(model, tokens).stream(features, task.outputs)
    found = task.decode(features, outputs, choices)
    compared = 0
    for number, choice in enumerate(choices):
        rows = np.arange(features.items[number], features.items[number + 1])
        if features.lengths[rows].max() == 290:
            continue
        expected = plain_scores(model, tokens, choice)
        np.testing.assert_allclose([outputs["score"][row] for row in rows], expected, atol=2e-4)
        if np.ptp(expected) > 1e-3:  # characters unknown to the small vocabulary can make options alike
            assert found[number] == expected.argmax()
            compared += 1
    assert compared >= 20
    assert len(set(found)) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_choices_do_not_depend_on_the_batch(kind, models):
    unit = UnitExamples("xcopa", "sw", "test", made_choices())
    task, tokens = family(), separated(kind)
    model = task.load(str(models[kind]))
    found = [next(task.predict(cutting(budget)(model, tokens), [unit])).predictions for budget in (1, 90, 10**6)]
    assert found[0] == found[1] == found[2]
    assert all(0 <= index < len(choice.options) for index, choice in zip(found[0], unit.examples, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_summed_loss_is_the_softmax_over_each_items_options(kind, models):
    import torch

    choices = made_choices(7)
    task, tokens = family(max_length=290), separated(kind)
    model = task.load(str(models[kind])).eval()
    features = task.features(tokens, choices, training=True)
    order = np.array([5, 2, 0, 6, 1])
    batch = features.batch(features.rows_of(order), tokens.pad_token_id)
    loss, count = task.loss(model, {name: torch.from_numpy(value) for name, value in batch.items()})
    expected = 0.0
    for item in order:
        scores = torch.from_numpy(plain_scores(model, tokens, choices[item]))
        expected -= scores.log_softmax(0)[choices[item].answer].item()
    assert count.item() == 5
    assert loss.item() == pytest.approx(expected, abs=1e-3)


def test_learns_which_option_is_right(models):
    """The gradient reaches the encoder and the head: a few steps raise the right options' probability."""
    import torch

    task, tokens, choices = family(), tokenizer("xlmr"), made_choices(8)
    model = task.load(str(models["xlmr"])).eval()
    features = task.features(tokens, choices, training=True)
    arrays = features.batch(features.rows_of(np.arange(8)), tokens.pad_token_id)
    batch = {name: torch.from_numpy(value) for name, value in arrays.items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss, count = task.loss(model, batch)
        (loss / count).backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_ties_go_to_the_first_option_and_nothing_to_nothing():
    task = family()
    choices = [Choice("a", "the", ("b", "b", "b"), None)]
    features = task.features(tokenizer("xlmr"), choices, training=False)
    assert task.decode(features, {"score": [np.float32(1)] * 3}, choices) == [0]
    assert task.decode(task.features(tokenizer("xlmr"), [], training=False), {}, []) == []


# Baselines


def test_baselines_choose_among_the_options():
    task, unit = family(), UnitExamples("xcopa", "sw", "test", made_choices(200))
    train = [Choice(str(i), "the", ("a", "b", "c"), answer) for i, answer in enumerate([2, 2, 0, None])]
    assert task.guess("majority", train, unit, 0) == [min(2, len(choice.options) - 1) for choice in unit.examples]
    assert task.guess("majority", [], unit, 0) == [0] * 200
    random = task.guess("random", train, unit, 0)
    assert all(0 <= index < len(choice.options) for index, choice in zip(random, unit.examples, strict=True))
    assert set(random) == {0, 1, 2, 3, 4}
    assert random == task.guess("random", train, unit, 0) != task.guess("random", train, unit, 1)
