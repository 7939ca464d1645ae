"""Captions: rows behind pictures, tokens that are hidden, captions that are filled in, and pictures read as they are needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_pictures import drawn, registry
from hypothesis import given
from hypothesis import strategies as st
from published_models import PUBLISHED, save_published
from small_models import save_model, tokenizer

from harness import Captioned, Pair, Picture
from harness.core.errors import DataError, ModelError, UsageError
from harness.families import _caption_rows
from harness.families._caption_rows import CaptionRows, filled, gaps, words
from harness.families.captioning import Captioning
from harness.families.example_tokens import example_tokens
from harness.families.mlm import MaskedLanguageModel
from harness.inference.forward import Forward
from harness.models.image_tower import tower_of
from harness.models.languages import freeze_languages
from harness.models.load import check_head, load_tokenizer
from harness.models.places import PLACEHOLDER
from harness.registry.default import get_registry
from harness.registry.registry import load_part
from harness.testing.feature_rows import rows_problem
from harness.testing.model import small_model as with_head
from harness.types.options import build
from harness.types.units import UnitExamples


def family(**options: Any) -> Captioning:
    return Captioning((), build(Captioning.Options, {"max_length": 64, **options}))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_head(tmp_path_factory.mktemp("text") / "model")


def rows(training: bool = True, count: int = 6, kind: str = "xlmr", **options: Any) -> CaptionRows:
    return family(**options).features(tokenizer(kind), drawn(count), training=training)


# Rows


@pytest.mark.parametrize("kind", ["xlmr", "bert"])
def test_a_row_is_the_places_of_a_picture_and_the_row_of_its_caption(kind: str) -> None:
    tokens, made = tokenizer(kind), rows(kind=kind)
    plain = MaskedLanguageModel((), MaskedLanguageModel.Options()).features(tokens, [], training=False)
    assert len(plain) == 0
    for number, example in enumerate(drawn(6)):
        assert made.ids[number].tolist() == [
            *range(PLACEHOLDER, PLACEHOLDER + 16),
            *tokens(example.caption)["input_ids"],
        ]
    batch = made.batch(np.array([3, 0]), 1)
    assert batch["pixels"].shape == (2, 32, 32, 3) and batch["pixels"].dtype == np.uint8
    assert ("token_type_ids" in batch) == (kind == "bert")
    assert (batch["labels"][:, :16] == -100).all() and (batch["input_ids"][:, 0] == PLACEHOLDER).all()


def test_half_of_the_tokens_of_captions_are_hidden_and_never_special_ones() -> None:
    made = rows(count=200)
    every = np.arange(200)
    batch = made.at_step(1, 5).batch(every, 1)
    labels, lengths = batch["labels"], made.lengths - 18
    assert (labels != -100).sum() / lengths.sum() == pytest.approx(0.5, abs=0.02)
    ends = made.lengths - 1
    assert (labels[:, 16] == -100).all() and (labels[every, ends] == -100).all()
    chosen = labels != -100
    assert (batch["input_ids"][chosen] == tokenizer("xlmr").mask_token_id).mean() == pytest.approx(0.8, abs=0.02)


@given(
    st.integers(0, 2**40),
    st.integers(0, 10**6),
    st.permutations(range(6)),
    st.sampled_from(["tokens", "words", "spans"]),
)
def test_what_is_hidden_depends_on_seed_step_and_row_alone_and_not_on_the_picture(
    seed: int, step: int, order: list[int], mask: str
) -> None:
    made, bare = rows(mask=mask).at_step(seed, step), rows(prefix=0, mask=mask).at_step(seed, step)
    together, plain = made.batch(np.array(order), 1), bare.batch(np.array(order), 1)
    assert np.array_equal(together["input_ids"][:, 16:], plain["input_ids"])
    assert np.array_equal(together["labels"][:, 16:], plain["labels"]) and "pixels" not in plain
    for place, row in enumerate(order):
        alone = made.batch(np.array([row]), 1)
        width = alone["labels"].shape[1]
        assert np.array_equal(alone["labels"][0], together["labels"][place][:width])
        assert np.array_equal(alone["input_ids"][0], together["input_ids"][place][:width])
    assert not np.array_equal(made.at_step(seed, step + 1).batch(np.array(order), 1)["labels"], together["labels"])


@pytest.mark.parametrize("options", [{}, {"prefix": 0}, {"tower_at_inference": "null"}])
@pytest.mark.parametrize("training", [False, True])
def test_rows_keep_their_promises(training: bool, options: dict[str, Any]) -> None:
    assert rows_problem(lambda: rows(training, **options)) == ""


def test_all_tokens_of_a_word_are_hidden_together() -> None:
    captions = [replace(each, caption="the cat, 猫睡 पीला Größere", spans=()) for each in drawn(300)]
    made = family(mask="words").features(tokenizer("xlmr"), captions, training=True)
    batch = made.at_step(1, 2).batch(np.arange(300), 1)
    chosen = batch["labels"][:, 16:] != -100
    [found] = gaps(tokenizer("xlmr"), [replace(captions[0], spans=words(captions[0].caption))], 1, 500)
    texts = [captions[0].caption[gap.begin : gap.end] for gap in found]
    assert texts == ["the", "cat", "猫", "睡", "पीला", "Größere"] and len(found[-1].tokens) > 1
    for gap in found:
        own = chosen[:, list(gap.tokens)]
        assert (own == own[:, :1]).all() and own[:, 0].mean() == pytest.approx(0.5, abs=0.1)
        masks = batch["input_ids"][:, 16:][:, list(gap.tokens)] == tokenizer("xlmr").mask_token_id
        assert (masks == masks[:, :1]).all()
    alone = [place for place in range(1, made.lengths[0] - 17) if all(place not in gap.tokens for gap in found)]
    # the comma, and what stands for spaces alone
    assert alone and 0.4 < chosen[:, alone].mean() < 0.6
    assert not chosen[:, 0].any() and not chosen[:, -1].any()


def test_spans_are_hidden_in_training_as_they_are_where_captions_are_predicted() -> None:
    made, asked = rows(mask="spans", mask_share=1.0), rows(training=False).batch(np.arange(6), 1)
    batch = made.at_step(3, 4).batch(np.arange(6), 1)
    assert np.array_equal(batch["input_ids"], asked["input_ids"])
    assert np.array_equal(batch["labels"] != -100, asked["asked"] > 0)
    half = rows(mask="spans", count=300).batch(np.arange(300), 1)["labels"] != -100
    assert not (half & ~(rows(training=False, count=300).batch(np.arange(300), 1)["asked"] > 0)).any()
    assert 0.4 < half.sum() / (rows(training=False, count=300).batch(np.arange(300), 1)["asked"] > 0).sum() < 0.6
    bare = [replace(each, spans=()) for each in drawn(6)]
    by_words, by_spans = (
        family(mask=mask).features(tokenizer("xlmr"), bare, training=True).batch(np.arange(6), 1)["labels"]
        for mask in ("words", "spans")
    )
    assert np.array_equal(by_words, by_spans)


def test_rows_without_a_picture_are_a_tenth_and_are_not_tied_to_what_is_hidden() -> None:
    made = rows(count=2_000, tower_at_inference="null", image_size=8, patch=2)
    ids = np.arange(2_000)
    blank = np.concatenate([made.at_step(3, step).batch(part, 1)["blank"] for step in (1, 2) for part in (ids,)])
    assert blank.mean() == pytest.approx(0.1, abs=0.02) and blank[:2_000].tolist() != blank[2_000:].tolist()
    assert np.array_equal(made.batch(ids[:9], 1)["labels"], rows(count=9).batch(ids[:9], 1)["labels"])


def test_captions_are_cut_and_places_never_are() -> None:
    long = [replace(each, caption="the dog sleeps " * 60, spans=()) for each in drawn(3)]
    made = family(max_length=40).features(tokenizer("xlmr"), long, training=True)
    assert set(made.lengths) == {40} and (made.ids.values.reshape(3, 40)[:, 15] == PLACEHOLDER + 15).all()
    with pytest.raises(UsageError, match="leaves no room for text"):
        family(max_length=17).features(tokenizer("xlmr"), long, training=True)


# Pictures are decoded when they are needed


def test_only_the_pictures_of_a_batch_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    real = _caption_rows.pixels

    def counted(picture: Picture, size: int) -> Any:
        decoded.append(picture.name)
        return real(picture, size)

    monkeypatch.setattr(_caption_rows, "pixels", counted)
    made = rows(count=50)
    assert decoded == []
    made.batch(np.array([7, 3]), 1)
    assert decoded == ["0-7.png", "0-3.png"]


def test_pictures_that_are_not_there_are_named_before_anything_is_trained() -> None:
    there, *_, last = drawn(3)
    lost = [there, replace(last, image=Picture("a/b.png"), id="x"), replace(last, image=Picture("c.png"), id="y")]
    with pytest.raises(DataError, match=r"a/b\.png: this picture is not there, nor are 1 others") as caught:
        family().features(tokenizer("xlmr"), lost, training=True)
    assert "@masked" in caught.value.hint
    assert len(family().text_rows(tokenizer("xlmr"), lost, training=True)) == 3
    assert len(family(prefix=0).features(tokenizer("xlmr"), lost, training=True)) == 3


# Prediction


def test_the_marked_stretches_are_asked_for_and_no_other_tokens() -> None:
    tokens, examples, made = tokenizer("xlmr"), drawn(6), rows(training=False)
    batch = made.batch(np.arange(6), 1)
    assert "labels" not in batch
    for row, example in enumerate(examples):
        ids = made.ids[row]
        asked = batch["asked"][row][: len(ids)] > 0
        assert asked.any() and (ids[asked] == tokens.mask_token_id).all()
        left = tokens.decode(ids[16:][~asked[16:]], skip_special_tokens=True).split()
        assert left == [word for word in example.caption.split() if word in "the picture has a in it".split()]


@given(st.data())
def test_gaps_filled_with_what_was_there_give_the_caption_again(data: st.DataObject) -> None:
    words = ["a", "red", "Größere", "猫睡在", "पीला", "dog,", "(it)", "e\u0301tude"]
    chosen = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=6))
    caption = data.draw(st.sampled_from([" ", "", "  "])).join(chosen)
    edges = sorted(data.draw(st.lists(st.integers(0, len(caption)), max_size=6)))
    spans = tuple(zip(edges[::2], edges[1::2], strict=False))
    example = replace(drawn(1)[0], caption=caption, spans=spans)
    [found] = gaps(tokenizer("xlmr"), [example], 1, 500)
    assert filled(caption, found, [caption[gap.begin : gap.end] for gap in found]) == caption
    assert filled(caption, found, [""] * len(found)).split() == _outside(caption, found).split()
    places = [place for gap in found for place in gap.tokens]
    assert places == sorted(set(places))
    inside = {at for gap in found for at in range(gap.begin, gap.end)}
    for begin, end in spans:  # what is marked is hidden, up to letters that have no token of their own
        assert {at for at in range(begin, end) if caption[at].isalnum()} <= inside


def _outside(caption: str, found: list[Any]) -> str:
    inside = {at for gap in found for at in range(gap.begin, gap.end)}
    return "".join(letter for at, letter in enumerate(caption) if at not in inside)


def test_a_caption_without_marked_stretches_is_asked_for_as_a_whole() -> None:
    [found] = gaps(tokenizer("xlmr"), [replace(drawn(1)[0], spans=())], 17, 500)
    assert [(gap.begin, gap.tokens.start) for gap in found] == [(0, 17)]


def test_predictions_are_captions_alone_or_together(model: Path) -> None:
    network = family().load(str(model), ignore_mismatched_sizes=True).eval()
    examples = drawn(8)

    def predicted(budget: int) -> list[str]:
        forward = Forward(network, load_tokenizer(model), "cpu", budget=budget)
        [found] = family().predict(forward, [UnitExamples("made", "en", "dev", examples)])
        return list(found.predictions)

    together = predicted(4096)
    assert together == predicted(1) and all(caption.startswith("the picture has a ") for caption in together)
    assert all(caption.endswith(" in it") for caption in together)


# The model


def test_the_tower_is_drawn_by_the_seed_and_the_rest_of_the_model_is_the_checkpoint(model: Path) -> None:
    network = family().load(str(model), ignore_mismatched_sizes=True)
    drawn_now = family().draw_head(network, 7, ())
    state = torch.get_rng_state()
    torch.manual_seed(7)
    assert torch.equal(torch.get_rng_state(), state)  # dropout is that of a model without a tower
    again = family().load(str(model), ignore_mismatched_sizes=True)
    family().draw_head(again, 7, ())
    assert all(torch.equal(one, other) for one, other in zip(network.parameters(), again.parameters(), strict=True))
    plain = MaskedLanguageModel((), MaskedLanguageModel.Options()).load(str(model))
    others = {name for name, _ in network.named_parameters()} - {name for name, _ in plain.named_parameters()}
    assert set(drawn_now) == others


@pytest.mark.parametrize("tower", ["patches", "convolutions"])
def test_a_picture_changes_what_is_guessed_and_the_tower_learns_from_it(model: Path, tower: str) -> None:
    network: Any = family(tower=tower).load(str(model), ignore_mismatched_sizes=True).eval()
    made = family().features(load_tokenizer(model), drawn(6), training=True).batch(np.arange(6), 1)
    batch = {name: torch.from_numpy(value) for name, value in made.items()}
    loss, count = family().loss(network, batch)
    loss.backward()
    made_by: Any = tower_of(network)
    assert all(float(each.grad.abs().sum()) > 0 for each in made_by.parameters()) and int(count) == int(
        (batch["labels"] != -100).sum()
    )
    turned = {**batch, "pixels": batch["pixels"].flip(0)}
    assert float(family().loss(network, turned)[0]) != pytest.approx(float(loss))


def test_checkpoints_without_a_head_are_refused_unless_it_is_tied(tmp_path: Path) -> None:
    folder = str(save_model("xlmr", tmp_path / "bare"))
    with pytest.raises(ModelError, match="no masked-language-model head") as caught:
        family().load(folder, ignore_mismatched_sizes=True)
    assert "head=tied" in caught.value.hint
    tied = family(head="tied")
    network = tied.load(folder, ignore_mismatched_sizes=True)
    made = tied.features(load_tokenizer(Path(folder)), drawn(3), training=True).batch(np.arange(3), 1)
    loss, count = tied.loss(network, {name: torch.from_numpy(value) for name, value in made.items()})
    assert torch.isfinite(loss) and int(count) > 0


def test_a_checkpoint_without_its_tower_predicts_no_captions(model: Path) -> None:
    network = family().load(str(model))
    with pytest.raises(ModelError, match=r"no trained head for this task .*image_tower"):
        check_head(network, model, family().head_parameters(network))


def test_a_model_with_modules_of_languages_trains_its_tower_and_not_its_embeddings(tmp_path: Path) -> None:
    xmod = next(each for each in PUBLISHED if each.kind == "xmod")
    network: Any = family().load(str(save_published(xmod, tmp_path / "xmod")), ignore_mismatched_sizes=True)
    freeze_languages(network)
    embedding = network.get_input_embeddings()
    assert not embedding.weight.requires_grad
    assert all(parameter.requires_grad for parameter in embedding.image_tower.parameters())


def test_models_in_few_bits_are_refused(model: Path) -> None:
    with pytest.raises(UsageError, match="--quant: captions are not learned by a model in 8 or 4 bits"):
        family().load(str(model), ignore_mismatched_sizes=True, quantization_config=object())


@pytest.mark.parametrize("kind", ["mt5", "llama"])
def test_models_that_are_no_encoders_are_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        family().load(str(save_model(kind, tmp_path / kind)), ignore_mismatched_sizes=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prefix": -1}, "option prefix: 0 or more expected"),
        ({"prefix": 9}, "has 16 squares of 8, not 9"),
        ({"patch": 5}, "pictures of 32 pixels a side are not cut into squares of 5"),
        ({"mask_share": 0}, "option mask_share"),
        ({"tower_at_inference": "gone"}, "unknown value 'gone'"),
        ({"tower_at_inference": "null", "prefix": 0}, "keeps vectors, and prefix is 0"),
        ({"head": "fresh"}, "option head"),
        ({"mask": "letters"}, "option mask"),
        ({"tower": "convolutions", "image_size": 30, "patch": 10, "prefix": 9}, "squares of 2, 4, 8, ... pixels"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        family(**options)


def test_other_examples_are_refused() -> None:
    with pytest.raises(UsageError, match="not from Pair examples"):
        family().features(tokenizer("xlmr"), [Pair("1", "a", "b", "c")], training=True)


def test_the_tokens_of_an_example_are_shown_with_and_without_its_picture() -> None:
    task = next(each for each in registry().intermediate_tasks().values() if each.name == "drawn")
    example, tokens = drawn(1)[0], tokenizer("xlmr")
    [shown] = example_tokens(registry(), task, example, tokens)
    assert shown[:17] == ["<picture>"] * 16 + ["<s>"] and "<mask>" in shown
    [text] = example_tokens(registry(), task, replace(example, image=Picture("lost.png")), tokens)
    assert text == tokens.convert_ids_to_tokens(tokens(example.caption)["input_ids"])


def test_baselines_guess_training_captions() -> None:
    train, unit = drawn(30), UnitExamples("made", "en", "dev", drawn(5, 1))
    [most] = set(family().guess("majority", train, unit, 0))
    captions = [each.caption for each in train]
    assert captions.count(most) == max(map(captions.count, captions))
    assert set(family().guess("random", train, unit, 0)) <= set(captions)
    assert family().guess("random", [], unit, 0) == [""] * 5


# The file of predictions


def test_captions_go_through_their_files(tmp_path: Path) -> None:
    form = load_part(get_registry().family("captioning"), "format")()
    examples = [replace(each, others=("another",), facts='{"n": 1}') for each in drawn(4)]
    said = ["one", "zwei\nlines", "三", ""]
    form.write_predictions(tmp_path / "p.json", examples, said)
    assert form.write_labels(tmp_path / "l.json", examples)
    aligned = form.align(tmp_path / "p.json", tmp_path / "l.json", ())
    assert aligned.predicted == said and aligned.ids == [each.id for each in examples]
    assert aligned.gold[0] == {
        "caption": examples[0].caption,
        "language": "en",
        "others": ["another"],
        "facts": '{"n": 1}',
    }
    (tmp_path / "l.json").write_text('{"0-0": {"caption": "x"}}')
    with pytest.raises(DataError, match="'0-0' is no description of a picture"):
        form.align(tmp_path / "p.json", tmp_path / "l.json", ())
    with pytest.raises(DataError, match="two captions have one id"):
        form.write_labels(tmp_path / "l.json", [examples[0], examples[0]])
    assert not form.write_labels(tmp_path / "none.json", [])
    assert isinstance(examples[0], Captioned)
