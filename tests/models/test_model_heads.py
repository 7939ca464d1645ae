"""Loading models with heads: what is kept, what is fresh, what is refused; labels mapped by name."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import KINDS, cutting, save_model, tokenizer
from transformers import PreTrainedConfig

from harness.core.errors import ModelError
from harness.families.classification import Classification
from harness.families.multiple_choice import MultipleChoice
from harness.families.tagging import Tagging
from harness.models._labels import label_order
from harness.models.heads import model_inputs, plain_model
from harness.types.examples import Pair, Tagged

NLI = ("contradiction", "entailment", "neutral")


def nli(**options):
    return Classification(NLI, Classification.Options(**options))


def config(*names):
    return PreTrainedConfig(num_labels=len(names), id2label=dict(enumerate(names)))


@pytest.fixture
def xlmr(tmp_path):
    return save_model("xlmr", tmp_path / "xlmr")


def save_head(folder, target, names, seed=1):
    """A checkpoint with a sequence classification head whose outputs have these names."""
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=len(names), id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)}
    )
    model.save_pretrained(target)
    return model


# Labels


@given(st.permutations(range(5)), st.booleans(), st.lists(st.sampled_from(["other", "misc"]), max_size=2, unique=True))
def test_outputs_of_a_head_are_ordered_by_the_names_of_their_labels(permutation, upper, more):
    labels = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    names = [labels[i].lower() if upper else labels[i] for i in permutation] + more
    order = label_order(config(*names), labels)
    assert [names[i].lower() for i in order] == [label.lower() for label in labels]


def test_exact_names_win_over_case():
    assert label_order(config("a", "A"), ["A", "a"]).tolist() == [1, 0]
    with pytest.raises(ModelError, match="2 outputs are spelt like 'nil'"):
        label_order(config("Nil", "NIL"), ["nil"])


@pytest.mark.parametrize("name", ["contradictory", "not_entailment", "contradict"])
def test_labels_that_no_output_is_named_after_are_refused_with_both_lists(name):
    with pytest.raises(ModelError) as raised:
        label_order(config("entailment", "neutral", name), NLI)
    assert "'contradiction'" in str(raised.value)
    assert f"entailment, neutral, {name}" in str(raised.value) and ", ".join(NLI) in str(raised.value)


def test_nameless_outputs_need_a_word_from_the_caller():
    nameless = config("LABEL_0", "LABEL_1", "LABEL_2")
    with pytest.raises(ModelError, match="not named") as raised:
        label_order(nameless, NLI)
    assert "labels_by_position" in raised.value.hint
    assert label_order(nameless, NLI, by_position=True).tolist() == [0, 1, 2]
    with pytest.raises(ModelError, match="not named"):
        label_order(nameless, ("0", "1"), by_position=True)
    with pytest.raises(ModelError, match="no output is called 'contradiction'"):
        label_order(config("LABEL_0", "yes", "no"), NLI, by_position=True)


def test_named_outputs_are_never_taken_by_position():
    assert label_order(config(*reversed(NLI)), NLI, by_position=True).tolist() == [2, 1, 0]


# Loading


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", [Classification, Tagging, MultipleChoice])
def test_fresh_heads_on_every_architecture_round_trip(kind, family, tmp_path, caplog, capfd):
    import torch

    task = family(NLI, family.Options())
    folder = save_model(kind, tmp_path / "encoder")
    with caplog.at_level(logging.INFO):
        capfd.readouterr()
        model = task.load(str(folder))
        assert capfd.readouterr().err == "" and not caplog.records
    assert model.config.num_labels == (1 if family is MultipleChoice else 3)
    if family is not MultipleChoice:
        assert list(model.config.id2label.values()) == list(NLI)
    again = task.load(str(folder))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    model.save_pretrained(tmp_path / "tuned")
    tuned = task.load(str(tmp_path / "tuned"))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), tuned.parameters(), strict=True))


def test_loading_leaves_the_random_state_and_the_logging_alone(xlmr):
    import torch
    from transformers.utils import logging as verbosity

    before, level = torch.get_rng_state(), verbosity.get_verbosity()
    nli().load(str(xlmr))
    assert torch.equal(before, torch.get_rng_state()) and verbosity.get_verbosity() == level


def test_a_finished_head_is_kept_and_read_by_its_names(xlmr, tmp_path):
    """A checkpoint with other label order, other case and one more output, as found on the Hub."""
    import torch

    names = ["NEUTRAL", "Entailment", "other", "contradiction"]
    original = save_head(xlmr, tmp_path / "hub", names).eval()
    task, tokens = nli(), tokenizer("xlmr")
    model = task.load(str(tmp_path / "hub"))
    pairs = [Pair("1", "Two dogs", "a child", None), Pair("2", "समिति", "बैठक कब", None)]
    features = task.features(tokens, pairs, training=False)
    logits = np.stack(cutting(1000)(model, tokens).stream(features, task.outputs)["logits"])
    with torch.inference_mode():
        plain = [original(**tokens(pair.a, pair.b, return_tensors="pt")).logits[0].numpy() for pair in pairs]
    np.testing.assert_allclose(logits, np.stack(plain)[:, [3, 1, 0]], atol=1e-5)
    np.testing.assert_array_equal(
        task.decode(features, {"logits": list(logits)}, pairs), [NLI[i] for i in logits.argmax(1)]
    )


def test_a_finished_tagger_is_read_by_its_names(xlmr, tmp_path):
    import torch

    theirs = Tagging(("I-LOC", "misc", "B-LOC", "O"), Tagging.Options())
    theirs.load(str(xlmr)).save_pretrained(tmp_path / "hub")
    sentences = [Tagged("1", tuple("Two dogs are running across a field".split()), None)]
    tokens = tokenizer("xlmr")
    task = Tagging(("O", "B-LOC", "I-LOC"), Tagging.Options())
    model = task.load(str(tmp_path / "hub"))
    features = task.features(tokens, sentences, training=False)
    found = task.decode(features, cutting(1000)(model, tokens).stream(features, task.outputs), sentences)
    first = features.aligned["first"][0][0]
    with torch.inference_mode():
        logits = model.eval()(input_ids=torch.from_numpy(features.ids[0].astype(np.int64))[None]).logits[0, first]
    assert found == [[("O", "B-LOC", "I-LOC")[i] for i in logits[:, [3, 2, 0]].argmax(1)]]


def test_a_head_of_other_labels_is_refused_unless_a_fresh_one_is_asked_for(xlmr, tmp_path):
    save_head(xlmr, tmp_path / "hub", ["duplicate", "not_duplicate"])
    with pytest.raises(ModelError, match="no output is called 'contradiction'"):
        nli().load(str(tmp_path / "hub"))
    model = nli().load(str(tmp_path / "hub"), ignore_mismatched_sizes=True)
    assert model.config.num_labels == 3 and list(model.config.id2label.values()) == list(NLI)
    assert model.config.label2id == {name: index for index, name in enumerate(NLI)}


def test_nameless_heads_are_taken_with_the_option(xlmr, tmp_path):
    save_head(xlmr, tmp_path / "hub", ["LABEL_0", "LABEL_1", "LABEL_2"])
    with pytest.raises(ModelError, match="not named"):
        nli().load(str(tmp_path / "hub"))
    assert nli(labels_by_position=True).load(str(tmp_path / "hub")).config.num_labels == 3


def test_another_kind_of_head_does_not_stay(tmp_path):
    """BERT calls all its heads ``classifier``: a tagger must start from the encoder alone."""
    bert = save_model("bert", tmp_path / "bert")
    save_head(bert, tmp_path / "nli", list(NLI))
    tagger = Tagging(("O", "X"), Tagging.Options()).load(str(tmp_path / "nli"))
    assert tagger.classifier.weight.shape[0] == 2


def test_a_score_head_with_many_outputs_is_refused(tmp_path):
    llama = save_model("llama", tmp_path / "llama")
    save_head(llama, tmp_path / "nli", list(NLI))
    task = MultipleChoice((), MultipleChoice.Options())
    with pytest.raises(ModelError, match="3 outputs where this task needs one"):
        task.load(str(tmp_path / "nli"))
    assert task.load(str(tmp_path / "nli"), ignore_mismatched_sizes=True).config.num_labels == 1


def test_missing_encoder_weights_are_an_error_not_a_low_score(xlmr):
    from safetensors.torch import load_file, save_file

    weights = load_file(xlmr / "model.safetensors")
    dropped = next(name for name in weights if "layer.1.attention" in name)
    save_file({n: w for n, w in weights.items() if n != dropped}, xlmr / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="1 weights of the encoder"):
        nli().load(str(xlmr))


def test_a_folder_without_a_config_or_a_head_for_its_architecture_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no usable config"):
        nli().load(str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(ModelError, match="no TokenClassification head for models of type 'vit'"):
        Tagging(("O",), Tagging.Options()).load(str(tmp_path))


def test_decoders_know_their_padding_and_keep_no_cache(tmp_path):
    model = nli().load(str(save_model("llama", tmp_path)))
    assert model.config.pad_token_id == model.config.eos_token_id == 1
    assert model.config.use_cache is False


# Inputs


def test_a_model_inside_of_wrappers_is_found(xlmr):
    import torch

    class Parallel(torch.nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    model = nli().load(str(xlmr))
    assert plain_model(Parallel(Parallel(model))) is model and plain_model(model) is model


def test_inputs_use_the_models_padding_and_only_token_types_it_knows(xlmr, tmp_path):
    import torch

    batch = {
        "input_ids": torch.tensor([[5, 6, 0], [5, 6, 7]]),
        "attention_mask": torch.tensor([[1, 1, 0], [1, 1, 1]]),
        "token_type_ids": torch.tensor([[0, 1, 0], [0, 1, 1]]),
        "labels": torch.tensor([0, 1]),
    }
    taken = model_inputs(nli().load(str(xlmr)), batch)
    assert taken.keys() == {"input_ids", "attention_mask"}
    assert taken["input_ids"].tolist() == [[5, 6, 1], [5, 6, 7]]
    bert = nli().load(str(save_model("bert", tmp_path / "bert")))
    assert model_inputs(bert, batch).keys() == {"input_ids", "attention_mask", "token_type_ids"}


@pytest.mark.parametrize("garbage", [float("nan"), 7.0])
def test_weights_that_their_class_never_draws_are_not_what_the_memory_held(tmp_path, garbage):
    """transformers leaves the bias of FNet's masked language model as it is allocated."""
    import torch
    from transformers import FNetConfig, FNetModel

    from harness.models.heads import load_head

    FNetModel(FNetConfig(vocab_size=900, hidden_size=32, num_hidden_layers=1, intermediate_size=37)).save_pretrained(
        tmp_path
    )
    for _ in range(3):
        held = [torch.full((size,), garbage) for size in range(16, 4000, 16)]
        del held
        model = load_head("MaskedLM", str(tmp_path), ())
        assert (model.state_dict()["cls.predictions.bias"] == 0).all()
        assert all(weight.isfinite().all() for weight in model.parameters())
