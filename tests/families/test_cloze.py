"""The family cloze: rows, the verbaliser, the soft prompt and its loss, what stays frozen, and what is refused."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from harness import Pair
from harness.api import evaluate, train
from harness.core.errors import DataError, ModelError, UsageError
from harness.data.class_names import class_names
from harness.families._verbaliser import Verbaliser, first_tokens
from harness.families.cloze import Cloze, english_names, without_prompt
from harness.inference.session import Compute, open_model
from harness.models.load import load_tokenizer
from harness.models.places import PLACEHOLDER
from harness.models.prompt import attach_prompt, prompt_name, prompt_of
from harness.models.resolve import Access
from harness.registry.default import get_registry
from harness.training._trainer import make_optimizer
from harness.training.stage import TrainedStage
from harness.types.options import EvalOptions, TrainOptions, build
from harness.types.progress import ProgressListener
from harness.types.units import UnitExamples
from tests.small_models import save_other, tokenizer
from tests.training_stages import Killed, Killing, cpu_context

LABELS = ("cat", "dog", "bird")
TEXTS = (
    "the cat sleeps on the red mat",
    "the dog runs home",
    "a small bird did not sing in the garden yesterday and the dog runs home",
    "die Katze schläft auf der roten Matte",
    "",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> Path:
    """The small XLM-R with a masked-language-model head, without dropout, so that steps can be compared."""
    from transformers import AutoConfig, AutoModelForMaskedLM

    folder = tmp_path_factory.mktemp("cloze")
    shutil.copytree(small_model, folder, dirs_exist_ok=True)
    config = AutoConfig.from_pretrained(small_model, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    torch.manual_seed(3)
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    return folder


def cloze(**options: Any) -> Cloze:
    return Cloze(LABELS, build(Cloze.Options, {"max_length": 64, "neighbours": 4, **options}))


def pairs(texts: tuple[str, ...] = TEXTS) -> list[Pair]:
    return [Pair(str(i), text, "", LABELS[i % 3]) for i, text in enumerate(texts)]


def batch(family: Cloze, folder: Path, examples: list[Pair], *, training: bool = True) -> dict[str, torch.Tensor]:
    tokens = load_tokenizer(folder)
    features = family.features(tokens, examples, training=training)
    arrays = features.batch(np.arange(len(features)), tokens.pad_token_id or 0)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def drawn(family: Cloze, folder: Path, seed: int = 5) -> Any:
    """A model with a fresh prompt, as a stage begins."""
    network = family.load(str(folder), ignore_mismatched_sizes=True)
    family.draw_head(network, seed, ())
    return network.eval()


# Rows


def test_a_row_is_text_prompt_mask_between_the_special_tokens(model: Path) -> None:
    tokens = load_tokenizer(model)
    family = cloze(prompt_length=3)
    features = family.features(tokens, [Pair("0", TEXTS[0], "", "cat")], training=False)
    text = tokens(TEXTS[0], add_special_tokens=False)["input_ids"]
    places = [PLACEHOLDER, PLACEHOLDER + 1, PLACEHOLDER + 2]
    assert features.ids[0].tolist() == [0, *text, *places, tokens.mask_token_id, 2]
    assert features.columns["mask_place"].tolist() == [1 + len(text) + 3]


def test_words_and_two_texts_stand_where_the_template_says(model: Path) -> None:
    tokens = load_tokenizer(model)
    family = cloze(prompt_length=2, template="{b} so {mask} {prompt} {a}")
    features = family.features(tokens, [Pair("0", "the dog", "a bird", None)], training=False)
    a, b, so = (tokens(text, add_special_tokens=False)["input_ids"] for text in ("the dog", "a bird", "so"))
    mask = tokens.mask_token_id
    assert features.ids[0].tolist() == [0, *b, *so, mask, PLACEHOLDER, PLACEHOLDER + 1, *a, 2]
    assert features.columns["mask_place"].tolist() == [1 + len(b) + len(so)]


@given(
    texts=st.lists(st.tuples(st.text("abc dog", max_size=80), st.text("xyz cat", max_size=80)), min_size=1, max_size=4),
    length=st.integers(1, 8),
    room=st.integers(2, 30),
)
def test_however_long_the_texts_prompt_and_mask_are_whole(texts: list[tuple[str, str]], length: int, room: int) -> None:
    tokens = tokenizer("xlmr")
    family = cloze(prompt_length=length, max_length=length + 3 + room)
    features = family.features(tokens, [Pair("", a, b, None) for a, b in texts], training=False)
    for row, place in enumerate(features.columns["mask_place"]):
        ids = features.ids[row]
        assert len(ids) <= length + 3 + room
        assert ids[place] == tokens.mask_token_id
        assert [int(token) for token in ids if token >= PLACEHOLDER] == [PLACEHOLDER + i for i in range(length)]


def test_texts_cannot_be_cut_to_nothing(model: Path) -> None:
    with pytest.raises(UsageError, match="max_length"):
        batch(cloze(prompt_length=20, max_length=24), model, pairs())


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{a} {prompt}", "{mask} must be there once"),
        ("{a} {mask} {mask} {prompt}", "2 times"),
        ("{a} {mask}", "{prompt} must"),
        ("{text} {prompt} {mask}", "{text} is not known"),
    ],
)
def test_templates_that_are_none_are_refused(template: str, said: str) -> None:
    with pytest.raises(UsageError, match="option template") as error:
        cloze(template=template)
    assert said in str(error.value)


# The prompt in the embedding


def test_places_get_the_prompt_and_all_others_their_own_row_exactly(model: Path) -> None:
    family = cloze(prompt_length=3)
    network = drawn(family, model)
    table, vectors = network.get_input_embeddings(), prompt_of(network)
    assert vectors is not None
    ids = batch(family, model, pairs())["input_ids"]
    found = table(ids)
    own = ids >= PLACEHOLDER
    assert torch.equal(found[own].view(len(ids), 3, -1), vectors.expand(len(ids), -1, -1))
    assert torch.equal(found[~own], table.weight[ids[~own]])


def test_the_prompt_belongs_to_the_module_and_a_copy_has_its_own(model: Path) -> None:
    family = cloze(prompt_length=3)
    network = drawn(family, model)
    other = copy.deepcopy(network)
    given = batch(family, model, pairs())
    before = family.outputs(network, given)["scores"]
    with torch.no_grad():
        prompt_of(other).mul_(-1.0)  # type: ignore[union-attr]
    assert torch.equal(family.outputs(network, given)["scores"], before)
    assert not torch.equal(family.outputs(other, given)["scores"], before)
    name = prompt_name(other)
    other.load_state_dict(network.state_dict())
    assert name.endswith("word_embeddings.soft_prompt")
    assert torch.equal(family.outputs(other, given)["scores"], before)


def test_fresh_vectors_follow_from_the_seed_and_are_as_long_as_the_rows_of_the_table(model: Path) -> None:
    family = cloze(prompt_length=50)
    one, same, other = (prompt_of(drawn(family, model, seed)) for seed in (5, 5, 6))
    assert one is not None and same is not None and other is not None
    assert torch.equal(one, same) and not torch.equal(one, other)
    norms = drawn(family, model).get_input_embeddings().weight.norm(dim=1)
    assert float(one.norm(dim=1).mean()) == pytest.approx(float(norms[norms > 0].mean()), rel=1e-3)


# The verbaliser


def test_weights_of_a_name_sum_to_one_and_its_own_token_comes_first(model: Path) -> None:
    family = cloze(prompt_length=0, names="dog=dog|runs")
    network = family.load(str(model))
    table = network.get_input_embeddings().weight
    names = network.harness_verbaliser.names("en", table)
    assert names.tokens.shape == names.weights.shape == (4, 4)
    assert names.owner.tolist() == [0, 1, 1, 2]
    assert torch.allclose(names.weights.sum(1), torch.ones(4))
    first = first_tokens(load_tokenizer(model), family.names["en"])
    assert names.tokens[:, 0].tolist() == [token for of_label in first for token in of_label]
    assert torch.equal(names.weights.argmax(1), torch.zeros(4, dtype=torch.long))
    # By hand, for one of them: a softmax of cosines.
    cosines = torch.nn.functional.cosine_similarity(table[names.tokens[0, :1]], table[names.tokens[0]])
    assert torch.allclose(names.weights[0], cosines.softmax(0), atol=1e-6)
    assert not set(names.tokens.flatten().tolist()) & set(load_tokenizer(model).all_special_ids)


def test_a_class_has_the_score_of_its_best_name(model: Path) -> None:
    family = cloze(prompt_length=0, names="dog=dog|runs")
    names = family.load(str(model)).harness_verbaliser.names(
        "en", family.load(str(model)).get_input_embeddings().weight
    )
    logits = torch.randn(5, 600, generator=torch.Generator().manual_seed(1))
    one = (logits[:, names.tokens] * names.weights).sum(-1)
    scores = names.class_scores(logits)
    assert torch.equal(scores, torch.stack([one[:, 0], one[:, 1:3].max(1).values, one[:, 3]], dim=1))
    assert torch.allclose(names.expected(logits)[:, 1], one[:, 1:3].mean(1))


def test_the_first_token_is_that_of_a_word_within_a_sentence(model: Path) -> None:
    tokens = load_tokenizer(model)
    (own,) = first_tokens(tokens, {"x": ("dog",)})[0]
    assert own == tokens("the dog", add_special_tokens=False)["input_ids"][1]
    bert = tokenizer("bert")
    assert first_tokens(bert, {"x": ("committee",)}) == [bert("committee", add_special_tokens=False)["input_ids"][:1]]


def test_names_are_labels_unless_something_else_is_said() -> None:
    labels = ("science/technology", "mean_of_transport", "sports")
    assert english_names(labels, "sports = sport|game") == {
        "science/technology": ("science", "technology"),
        "mean_of_transport": ("mean of transport",),
        "sports": ("sport", "game"),
    }
    with pytest.raises(UsageError, match="'sport' is no label"):
        english_names(labels, "sport=game")
    with pytest.raises(UsageError, match="no name for 'sports'"):
        english_names(labels, "sports=")


# Loss and scores


def reference_loss(family: Cloze, network: Any, given: Mapping[str, torch.Tensor], smoothing: float) -> torch.Tensor:
    """Cross-entropy at the mask against a dense target, written out row by row."""
    verbaliser: Verbaliser = network.harness_verbaliser
    names = verbaliser.names("en", network.get_input_embeddings().weight)
    inputs = {name: given[name] for name in ("input_ids", "attention_mask")}
    logits = network(**inputs).logits
    total = torch.zeros(())
    for row, place in enumerate(given["mask_place"].tolist()):
        log_p = logits[row, place].log_softmax(0)
        target = torch.zeros_like(log_p)
        label = int(given["labels"][row])
        for token, weight in zip(names.tokens[label].tolist(), names.weights[label].tolist(), strict=True):
            target[token] += (1 - smoothing) * weight
        known = {int(token) for token in names.tokens[:2].flatten()}  # "bird" is in no training example
        others = [token for token in range(len(log_p)) if token not in known]
        target[others] += smoothing / len(others)
        assert float(target.sum()) == pytest.approx(1.0, abs=1e-5)
        total = total - (target * log_p).sum()
    return total


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_cross_entropy_against_names_and_tokens_of_no_training_class(model: Path, smoothing: float) -> None:
    family = cloze(prompt_length=3, smoothing=smoothing, penalty=0.0)
    network = drawn(family, model)
    given = batch(family, model, [pair for pair in pairs() if pair.label != "bird"])
    assert given["seen"].tolist() == [[True, True, False]] * 4
    loss, terms = family.loss(network, given)
    assert int(terms) == 4
    assert float(loss) == pytest.approx(float(reference_loss(family, network, given, smoothing)), rel=1e-5)


def test_the_penalty_is_the_divergence_from_the_model_without_the_prompt(model: Path) -> None:
    family, plain = cloze(prompt_length=3, penalty=0.5), cloze(prompt_length=3, penalty=0.0)
    network = drawn(family, model)
    given = batch(family, model, pairs())
    bare = cloze(prompt_length=0).load(str(model)).eval()
    unprompted = batch(cloze(prompt_length=0), model, pairs())
    assert {name: value.tolist() for name, value in without_prompt(given).items()} == {
        name: value.tolist() for name, value in unprompted.items()
    }

    def at_mask(net: Any, rows: Mapping[str, torch.Tensor]) -> torch.Tensor:
        logits = net(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"]).logits
        return logits[torch.arange(len(logits)), rows["mask_place"]].log_softmax(1)

    frozen, prompted = at_mask(bare, unprompted), at_mask(network, given)
    divergence = (frozen.exp() * (frozen - prompted)).sum()
    difference = family.loss(network, given)[0] - plain.loss(network, given)[0]
    assert float(difference) == pytest.approx(0.5 * float(divergence), rel=1e-3)


def test_without_smoothing_and_penalty_it_is_plain_soft_prompt_tuning(model: Path) -> None:
    """e = lambda = 0: the gradient is that of the names' own cross-entropy alone."""
    family = cloze(prompt_length=3, smoothing=0.0, penalty=0.0)
    network = drawn(family, model)
    given = batch(family, model, [pair for pair in pairs() if pair.label != "bird"])
    family.loss(network, given)[0].backward()  # type: ignore[no-untyped-call]
    vectors = prompt_of(network)
    assert vectors is not None and vectors.grad is not None
    mine = vectors.grad.clone()
    vectors.grad = None
    reference_loss(family, network, given, 0.0).backward()  # type: ignore[no-untyped-call]
    assert torch.allclose(mine, vectors.grad, atol=1e-6)
    assert [name for name, value in network.named_parameters() if value.grad is not None] == [prompt_name(network)]


def test_a_prompt_of_no_vectors_is_the_model_as_it_is(model: Path) -> None:
    from transformers import AutoModelForMaskedLM

    family = cloze(prompt_length=0)
    network = family.load(str(model)).eval()
    given = batch(family, model, pairs(), training=False)
    plain = AutoModelForMaskedLM.from_pretrained(model).eval()
    logits = plain(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits
    names = network.harness_verbaliser.names("en", plain.get_input_embeddings().weight)
    expected = names.class_scores(logits[torch.arange(len(logits)), given["mask_place"]].log_softmax(1))
    assert torch.allclose(family.outputs(network, given)["scores"], expected, atol=1e-5)
    with pytest.raises(UsageError, match="nothing to train"):
        family.draw_head(network, 1, ())


@pytest.mark.parametrize("scores", ["logits", "probabilities"])
def test_calibration_compares_with_an_empty_text(model: Path, scores: str) -> None:
    plain, family = cloze(scores=scores, prompt_length=2), cloze(scores=scores, prompt_length=2, calibrate=True)
    network = drawn(family, model)
    given = batch(family, model, pairs(), training=False)
    before, after = plain.outputs(network, given)["scores"], family.outputs(network, given)["scores"]
    empty = before[-1]  # the last text is the empty one
    expected = before / empty if scores == "probabilities" else before - empty
    assert torch.allclose(after, expected, atol=1e-5)


def test_predictions_do_not_depend_on_the_batch(model: Path) -> None:
    family = cloze(prompt_length=4)
    examples = pairs(tuple(text[:cut] for text in TEXTS for cut in (12, 40, 80)))

    def predicted(budget: int) -> list[str]:
        session = open_model(model, Access(offline=True), Compute(budget=budget))
        network = session.network(family.load)
        attach_prompt(network, torch.full((4, 32), 0.02), "rows")
        unit = UnitExamples("mine", "en", "test", examples)
        return list(next(family.predict(session.forward(network), [unit])).predictions)

    assert predicted(1) == predicted(100_000)


# Models


@pytest.mark.parametrize("kind", ["bert", "roberta", "albert", "modernbert", "distilbert", "mpnet"])
def test_other_masked_language_models_train_as_they_come(tmp_path: Path, kind: str) -> None:
    folder = _save(kind, tmp_path)
    family = Cloze(LABELS, build(Cloze.Options, {"names": "cat=committee,dog=meeting,bird=nobody"}))
    network = drawn(family, folder)
    given = batch(family, folder, pairs())
    family.loss(network, given)[0].backward()  # type: ignore[no-untyped-call]
    vectors = prompt_of(network)
    assert vectors is not None and vectors.grad is not None and bool(vectors.grad.abs().sum() > 0)
    network.save_pretrained(folder / "trained")
    load_tokenizer(folder).save_pretrained(folder / "trained")
    again = family.load(str(folder / "trained")).eval()
    assert torch.allclose(family.outputs(again, given)["scores"], family.outputs(network, given)["scores"], atol=1e-5)


def _save(kind: str, folder: Path) -> Path:
    if kind not in ("bert", "roberta"):
        return save_other(kind, folder, head="MaskedLM")
    from transformers import AutoConfig, AutoModelForMaskedLM

    tokens = tokenizer("bert")
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    config = AutoConfig.for_model(kind, vocab_size=len(tokens), max_position_embeddings=200, pad_token_id=0, **size)
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def test_models_without_a_head_are_refused_unless_it_is_tied(small_model: Path) -> None:
    with pytest.raises(ModelError, match="no masked-language-model head") as error:
        cloze().load(str(small_model))
    assert error.value.hint is not None and "head=tied" in error.value.hint
    family = cloze(prompt_length=2, head="tied")
    network = drawn(family, small_model)
    given = batch(family, small_model, pairs())
    states = network(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).last_hidden_state
    own = states[torch.arange(len(states)), given["mask_place"]]
    table = network.get_input_embeddings().weight
    expected = network.harness_verbaliser.names("en", table).class_scores((own @ table.T).log_softmax(1))
    assert torch.allclose(family.outputs(network, given)["scores"], expected, atol=1e-5)


def test_a_tokenizer_without_a_mask_is_refused(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "other")
    path = tmp_path / "other" / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "mask_token": None}))
    with pytest.raises(ModelError, match="no mask token"):
        cloze().load(str(tmp_path / "other"))


# Stages


def options(corpus: Path, **overrides: Any) -> EvalOptions:
    chosen = {"max_steps": 24, "batch": 8, "lr": 5e-3, "prompt_length": 3, "weight_decay": 0.1, **overrides}
    return EvalOptions(
        data_dir=str(corpus), offline=True, device="cpu", recipe="tiny", train_limit=24, limit=12, overrides=chosen
    )


@pytest.fixture(scope="module")
def stages(corpus: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Trains a prompt on the topics that are seen, into a folder of a name, once each."""
    folder = tmp_path_factory.mktemp("stages")
    known: dict[str, TrainedStage] = {}

    def of(name: str, reporter: ProgressListener | None = None, **overrides: Any) -> TrainedStage:
        if name not in known:
            more = {} if reporter is None else {"reporter": reporter}
            known[name] = train(
                str(model), "topics_seen", out=folder / name, options=options(corpus, **overrides), **more
            )
        return known[name]

    return of


def digests(folder: Path) -> dict[str, str]:
    tensors = load_file(folder / "model.safetensors")
    return {name: hashlib.sha256(value.numpy().tobytes()).hexdigest() for name, value in tensors.items()}


def test_every_weight_but_the_prompt_keeps_its_bits_even_with_weight_decay(stages: Any, model: Path) -> None:
    trained = stages("plain")
    before, after = digests(model), digests(trained.folder)
    [prompt] = after.keys() - before.keys()
    assert prompt == "roberta.embeddings.word_embeddings.soft_prompt"
    assert {name: after[name] for name in before} == before
    vectors = load_file(trained.folder / "model.safetensors")[prompt]
    assert not torch.equal(vectors, prompt_of(drawn(cloze(prompt_length=3), model, 42)))  # type: ignore[arg-type]
    assert trained.summary["fresh"] == [prompt]
    assert trained.summary["soft_prompt"] == {"length": 3, "place": "rows", "trained_parameters": 96}


def test_only_the_prompt_is_in_a_group_of_the_optimizer(model: Path) -> None:
    network = drawn(cloze(prompt_length=3), model)
    groups = make_optimizer(network, TrainOptions(weight_decay=0.1)).param_groups
    assert [parameter for group in groups for parameter in group["params"]] == [prompt_of(network)]


def test_a_killed_training_ends_in_the_same_bits(stages: Any) -> None:
    with suppress(Killed):
        stages("killed", Killing(), save_every=7)
    again = stages("killed", save_every=7)
    assert digests(again.folder) == digests(stages("plain").folder)


def test_how_a_step_is_cut_does_not_change_it(stages: Any) -> None:
    losses = [stages(f"cut-{size}", batch_tokens=size).summary["loss"] for size in (512, 32)]
    for (_, one), (_, other) in zip(*losses, strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_a_folder_that_says_it_has_a_prompt_and_has_none_is_an_error(stages: Any, tmp_path: Path) -> None:
    folder = tmp_path / "torn"
    shutil.copytree(stages("plain").folder, folder)
    tensors = load_file(folder / "model.safetensors")
    save_file(
        {name: value for name, value in tensors.items() if not name.endswith("soft_prompt")},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(ModelError, match="soft prompt of 3 vectors, and its weights have none"):
        cloze(prompt_length=3).load(str(folder))


def test_a_prompt_of_another_length_is_refused(stages: Any) -> None:
    with pytest.raises(ModelError, match="has 3 vectors, and prompt_length is 10") as error:
        cloze().load(str(stages("plain").folder))
    assert error.value.hint == "--set prompt_length=3"


@pytest.mark.parametrize(
    ("task", "overrides", "said"),
    [
        ("topics_seen", {"peft": "lora"}, "no adapters"),
        ("topics_seen", {"prompt_length": 0}, "nothing to train"),
        ("topics_seen+mnli", {}, "no other task can share"),
        ("topics_seen@masked", {}, "trains no encoder"),
        ("topics_seen", {"max_length": 5}, "leaves no room"),
    ],
)
def test_what_a_prompt_cannot_be_trained_with(
    corpus: Path, model: Path, tmp_path: Path, task: str, overrides: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        train(str(model), task, out=tmp_path / "stage", options=options(corpus, **overrides))


def test_unseen_classes_are_scored_over_all_labels_and_the_record_says_what_was_used(
    stages: Any, corpus: Path, tmp_path: Path
) -> None:
    trained = str(stages("plain").folder)
    run = evaluate(
        trained, ["topics[en,sw]"], out=tmp_path / "run", options=replace(options(corpus), train="never", limit=None)
    )
    assert not run.failed
    unit = run.record["units"]["topics/sw/test"]
    assert unit["facts"]["class_names_language"] == "sw"
    assert unit["facts"]["class_names"]["fruit"] == ["tunda", "tofaa", "chungwa", "ndizi"]
    assert run.record["units"]["topics/en/test"]["facts"]["class_names"]["fruit"][0] == "fruit"
    numbers = unit["score"]["metrics"]
    assert set(numbers) == {"harmonic_mean"} | {
        name + part for name in ("accuracy", "f1") for part in ("", "_seen", "_unseen")
    }
    assert numbers["accuracy_unseen"]["chance"]["random"] == pytest.approx(100 / 6)


def test_a_run_trains_the_prompt_and_says_on_what(corpus: Path, model: Path, tmp_path: Path) -> None:
    run = evaluate(str(model), ["topics[en]"], out=tmp_path / "run", options=options(corpus, max_steps=2))
    assert not run.failed
    [stage] = run.record["stages"]
    assert stage["tasks"][0]["task"] == "topics_seen"
    assert stage["soft_prompt"]["trained_parameters"] == 96


def test_names_of_classes_are_part_of_the_key(corpus: Path, tmp_path: Path) -> None:
    registry = get_registry()
    task = registry.intermediate("topics_seen")
    other = tmp_path / "other"
    shutil.copytree(corpus, other)
    path = other / "labels" / "topics_seen" / "en.json"
    path.write_text(path.read_text().replace('"cat"', '"tiger"'))
    first, second = (
        cpu_context(registry, "tiny", data).family(task, task.labels, ["topics_seen"]) for data in (corpus, other)
    )
    tokens = tokenizer("xlmr")
    assert first.treatment(tokens)["class_names"]["en"]["animal"][2] == "cat"
    assert second.treatment(tokens)["class_names"]["en"]["animal"][2] == "tiger"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not a readable JSON file"),
        ("[]", "an object expected"),
        ('{"animal": "a", "vehicle": "b"}', "no name for the label 'organisation'"),
        ('{"animals": "a"}', "unknown label 'animals'"),
        ('{"animal": [], "vehicle": "b", "organisation": "c"}', "a name or a list of names expected"),
    ],
)
def test_files_of_names_that_are_none_are_named(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "labels" / "mine" / "sw.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(DataError, match=said) as error:
        class_names(tmp_path, "mine", ("animal", "organisation", "vehicle"))
    assert str(path) in str(error.value)


def test_files_of_names_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "labels" / "mine" / "sw.json"
    path.parent.mkdir(parents=True)
    path.write_bytes('\ufeff{"animal": "mnyama"}\r\n'.encode())
    assert class_names(tmp_path, "mine", ("animal",)) == {"sw": {"animal": ("mnyama",)}}
