"""The family generation: rows, loss, decoding alone and in batches, language codes, adapters, what cannot write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_models import save_model, save_other, tokenizer
from writing_models import KINDS, save_writer

from harness import Source
from harness.core.errors import ModelError, UsageError
from harness.data.sources import LoadedSplit
from harness.families._source_rows import closing_token, target_rows
from harness.families.generation import Generation
from harness.inference.session import Compute, open_model
from harness.models.load import load_tokenizer
from harness.models.resolve import Access, check_folder
from harness.scoring.formats.texts import Texts
from harness.training.stage import Stage, StageTask
from harness.training.train_stage import train_stage
from harness.types.options import TrainOptions, build
from harness.types.sources import Split
from harness.types.tasks import IntermediateTask
from harness.types.units import UnitExamples

EXAMPLES = [
    Source("0", "Two dogs are running across a field", "dogs"),
    Source("1", "The committee did not say when, and nobody asked.", "nobody asked"),
    Source("2", "Der Ausschuss", "die nächste Sitzung"),
    Source("3", "a", "a child in a red coat"),
    Source("4", "委员会没有说下次会议何时举行。", "会议"),
]


@pytest.fixture(scope="module")
def writers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: save_writer(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


def family(**options: Any) -> Generation:
    return Generation((), build(Generation.Options, {"max_length": 64, "max_new_tokens": 12, **options}))


def batch_of(own: Generation, folder: Path, examples: list[Source], training: bool = True) -> dict[str, torch.Tensor]:
    tokens = load_tokenizer(folder)
    features = own.features(tokens, examples, training=training)
    arrays = features.batch(np.arange(len(features)), tokens.pad_token_id or 0)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def predicted(own: Generation, folder: Path, examples: list[Source], budget: int, threads: int = 1) -> list[str]:
    session = open_model(folder, Access(offline=True), Compute(budget=budget))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        unit = UnitExamples("t", "en", "test", examples)
        (found,) = own.predict(session.forward(session.network(own.load)), [unit])
    finally:
        torch.set_num_threads(before)
    return list(found.predictions)


# Loss


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_that_of_the_model_given_labels(kind: str, writers: dict[str, Path]) -> None:
    own = family(max_new_tokens=40)
    model = own.load(str(writers[kind])).eval()
    tokens = load_tokenizer(writers[kind])
    total, terms = own.loss(model, batch_of(own, writers[kind], EXAMPLES))
    expected = count = 0.0
    for example in EXAMPLES:
        features = own.features(tokens, [example], training=True)
        source, target = features.ids[0].tolist(), features.aligned["labels"][0][0].tolist()
        assert target[-1] == tokens.eos_token_id
        if model.config.is_encoder_decoder:
            rows, labels = torch.tensor([source]), torch.tensor([target])
        else:  # what is asked is read, not learned
            rows, labels = torch.tensor([source + target]), torch.tensor([[-100] * len(source) + target])
        with torch.no_grad():
            found = model(input_ids=rows, attention_mask=torch.ones_like(rows), labels=labels).loss
        expected, count = expected + float(found) * len(target), count + len(target)
    assert float(total) == pytest.approx(expected, rel=1e-5) and int(terms) == count


def test_pieces_of_a_batch_add_up_where_no_gradient_is_wanted(
    writers: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = family()
    model, batch = own.load(str(writers["mt5"])).eval(), batch_of(own, writers["mt5"], EXAMPLES)
    whole, _ = own.loss(model, batch)
    monkeypatch.setattr("harness.families.generation._LOGITS", 1)
    with torch.no_grad():
        pieces, _ = own.loss(model, batch)
    assert float(pieces) == pytest.approx(float(whole), rel=1e-6)


def test_a_decoder_without_room_is_refused_before_it_computes(writers: dict[str, Path]) -> None:
    own = family(max_length=150, max_new_tokens=40)
    long = [Source("0", "dogs " * 200, "a dog " * 200)]
    with pytest.raises(ModelError, match="160 positions"):
        own.loss(own.load(str(writers["gpt2"])), batch_of(own, writers["gpt2"], long))


# Decoding


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beams", [1, 3])
def test_texts_written_in_a_batch_are_those_of_generate_one_by_one(
    kind: str, beams: int, writers: dict[str, Path]
) -> None:
    own = family(num_beams=beams)
    model, tokens = own.load(str(writers[kind])).eval(), load_tokenizer(writers[kind])
    expected = []
    for example in EXAMPLES:
        row = torch.from_numpy(own.features(tokens, [example], training=False).ids[0].astype(np.int64))[None]
        start = {"decoder_start_token_id": tokens.eos_token_id} if kind == "mbart" else {}
        found = model.generate(
            row, attention_mask=torch.ones_like(row), max_new_tokens=12, num_beams=beams, do_sample=False, **start
        )
        skipped = 1 if model.config.is_encoder_decoder else row.shape[1]
        expected.append(tokens.decode(found[0, skipped:], skip_special_tokens=True).strip())
    together = predicted(own, writers[kind], EXAMPLES, budget=1 << 14)
    assert together == predicted(own, writers[kind], EXAMPLES, budget=1) == expected
    assert len(set(expected)) > 1


def test_threads_that_write_at_the_same_time_write_the_same(writers: dict[str, Path]) -> None:
    examples = [replace(example, id=f"{i}-{example.id}") for i in range(6) for example in EXAMPLES]
    alone = predicted(family(), writers["mt5"], examples, budget=200)
    assert predicted(family(), writers["mt5"], examples, budget=200, threads=3) == alone


def test_what_the_checkpoint_says_of_decoding_is_left_aside(writers: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    from transformers import GenerationConfig

    shutil.copytree(writers["mt5"], tmp_path / "own")
    GenerationConfig(decoder_start_token_id=0, eos_token_id=1, do_sample=True, repetition_penalty=9.0).save_pretrained(
        tmp_path / "own"
    )
    texts = [predicted(family(), folder, EXAMPLES, 1 << 14) for folder in (writers["mt5"], tmp_path / "own")]
    assert texts[0] == texts[1]


def test_batches_hold_the_tokens_that_are_written_as_well() -> None:
    rows = family(num_beams=2).features(tokenizer("mt5"), EXAMPLES, training=False)
    assert rows.lengths.tolist() == [2 * (length + 12) for length in rows.ids.lengths]
    trained = family().features(tokenizer("mt5"), EXAMPLES, training=True)
    assert trained.longest == max(trained.ids.lengths.max(), trained.aligned["labels"][0].lengths.max())


def test_the_facts_of_a_unit_say_how_it_was_written_and_in_which_languages(writers: dict[str, Path]) -> None:
    session = open_model(writers["mt5"], Access(offline=True), Compute())
    own = family()
    units = [UnitExamples("t", code, "test", EXAMPLES) for code in ("zh", "vi")]
    known, weak = own.predict(session.forward(session.network(own.load)), units)
    assert known.facts["decoding"] == {"how": "greedy", "num_beams": 1, "max_new_tokens": 12}
    found = known.facts["written_languages"]
    assert found["identifier"]["name"] == "builtin" and sum(found["written"].values()) == len(EXAMPLES)
    assert found["targets"] == {"short": 2, "en": 2, "de": 1} and "too_weak" not in found
    assert weak.facts["written_languages"]["too_weak"] is True


# Rows


@given(st.lists(st.text("abc dog", max_size=60), min_size=1, max_size=5), st.integers(1, 20))
def test_targets_are_cut_and_end_where_they_are_whole(targets: list[str], longest: int) -> None:
    tokens = tokenizer("mt5")
    found = target_rows(tokens, targets, longest)
    for row, target in enumerate(targets):
        whole = [*tokens(target, add_special_tokens=False)["input_ids"], tokens.eos_token_id]
        assert found[row].tolist() == whole[:longest]


def test_a_text_that_no_token_ends_gets_the_end_token(writers: dict[str, Path]) -> None:
    for kind in KINDS:
        tokens = load_tokenizer(writers[kind])
        ids = family().features(tokens, EXAMPLES, training=False).ids
        assert all(ids[row][-1] == tokens.eos_token_id for row in range(len(ids)))
    assert closing_token(load_tokenizer(writers["mt5"])) is None
    assert family().treatment(load_tokenizer(writers["llama"])) == {"closing": "<|end|>"}


def test_examples_without_a_target_are_written_for_and_not_trained_on() -> None:
    examples = [*EXAMPLES, Source("5", "nothing", None), Source("6", "nothing", "")]
    assert len(family().features(tokenizer("mt5"), examples, training=True)) == len(EXAMPLES)
    assert len(family().features(tokenizer("mt5"), examples, training=False)) == len(examples)


# Codes of languages


def codes(own: Generation, folder: Path, wanted: list[str]) -> tuple[Any, dict[str, torch.Tensor]]:
    from harness.inference.features import with_languages

    tokens = load_tokenizer(folder)
    rows = with_languages(own.features(tokens, EXAMPLES, training=True), wanted)
    arrays = rows.batch(np.arange(len(EXAMPLES)), tokens.pad_token_id)
    return tokens, {name: torch.from_numpy(array) for name, array in arrays.items()}


def test_the_first_token_is_the_code_of_the_language_where_that_is_wanted(tmp_path: Path) -> None:
    folder = save_writer("mbart", tmp_path, codes=("en_XX", "de_DE", "zho_Hans", "swh_Latn"))
    own = family(force_language=True)
    model = own.load(str(folder)).eval()
    tokens, batch = codes(own, folder, ["en", "de", "zh", "sw", "zh"])
    expected = tokens.convert_tokens_to_ids(["en_XX", "de_DE", "zho_Hans", "swh_Latn", "zho_Hans"])
    assert own._first(model, batch).tolist() == expected
    assert own._in_language(model, batch)["labels"][:, 0].tolist() == expected
    forced, free = own.outputs(model, batch)["ids"], family().outputs(model, batch)["ids"]
    assert not torch.equal(forced, free)
    start = torch.tensor([[tokens.eos_token_id, expected[1]]])
    row = {name: batch[name][1:2] for name in ("input_ids", "attention_mask")}
    alone = model.generate(
        **row, decoder_input_ids=start, decoder_start_token_id=tokens.eos_token_id, max_new_tokens=12, do_sample=False
    )
    assert forced[1, : alone.shape[1] - 2].tolist() == alone[0, 2:].tolist()


def test_an_example_may_want_another_language_than_its_unit(tmp_path: Path) -> None:
    folder = save_writer("mbart", tmp_path, codes=("en_XX", "de_DE"))
    own = family(force_language=True)
    model, tokens = own.load(str(folder)), load_tokenizer(folder)
    rows = own.features(tokens, [replace(EXAMPLES[0], language="de")], training=False).with_languages(["en"])
    batch = {name: torch.from_numpy(array) for name, array in rows.batch(np.arange(1), 0).items()}
    assert own._first(model, batch).tolist() == [tokens.convert_tokens_to_ids("de_DE")]


def test_a_language_without_a_code_is_refused_by_name(tmp_path: Path) -> None:
    folder = save_writer("mbart", tmp_path, codes=("en_XX",))
    own = family(force_language=True)
    with pytest.raises(ModelError, match=r"no code of Swahili \(sw\)"):
        own.outputs(own.load(str(folder)), codes(own, folder, ["sw"] * 5)[1])


def test_a_decoder_has_no_place_for_a_code(writers: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="force_language"):
        family(force_language=True).load(str(writers["llama"]))


# Training


def trained(folder: Path, out: Path, **options: Any) -> Path:
    own = family()
    task = IntermediateTask("t", 1, "generation", Split(), lambda row: None, "generation", (), dev=Split())
    examples = [replace(example, id=f"{i}-{example.id}") for i in range(4) for example in EXAMPLES]
    split = LoadedSplit(examples, len(examples), None, "test", [], "none", languages=["en"] * len(examples))
    chosen = TrainOptions(**{"max_steps": 3, "batch": 4, "lr": 1e-3, "select": "best", "evaluate_every": 2, **options})
    part = StageTask(task, split, replace(split, examples=examples[:4]), own, Texts())
    stage = Stage((part,), check_folder(folder, "model"), chosen, "fp32")
    return train_stage(stage, folder, out / "stage", compute=Compute()).folder


@pytest.mark.parametrize("kind", ["mt5", "llama"])
@pytest.mark.parametrize("peft", ["", "lora"])
def test_a_stage_trains_selects_and_leaves_an_ordinary_checkpoint(
    kind: str, peft: str, writers: dict[str, Path], tmp_path: Path
) -> None:
    import json

    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    folder = trained(writers[kind], tmp_path, peft=peft)
    auto = AutoModelForSeq2SeqLM if kind == "mt5" else AutoModelForCausalLM
    auto.from_pretrained(folder)
    before, after = (load_file(path / "model.safetensors") for path in (writers[kind], folder))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    head_or_embeddings = {name for name in before if "lm_head" in name or "shared" in name or "embed_tokens" in name}
    assert changed & head_or_embeddings == (set() if peft else head_or_embeddings)
    assert changed - head_or_embeddings
    said = json.loads((folder / "stage.json").read_text())
    assert len(said["dev"]) == 2 and all("loss" in each and 0 <= each["score"] <= 100 for each in said["dev"])


# What cannot write


def test_encoders_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="it is an encoder: it cannot write"):
        family().load(str(save_model("xlmr", tmp_path / "xlmr")))
    with pytest.raises(ModelError, match="tokens see those after them"):
        family().load(str(save_other("xlnet", tmp_path / "xlnet")))


def test_a_checkpoint_without_weights_of_its_stacks_is_refused(writers: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(writers["mt5"], tmp_path, dirs_exist_ok=True)
    tensors = load_file(tmp_path / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if not name.startswith("decoder.block.1")}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="weights of the encoder are missing"):
        family().load(str(tmp_path))


def test_t5_is_not_run_in_fp16(writers: dict[str, Path]) -> None:
    session = open_model(writers["mt5"], Access(offline=True), Compute(dtype="fp16"))
    own = family()
    forward = session.forward(session.network(own.load))
    with pytest.raises(ModelError, match="overflow in fp16"):
        next(own.predict(forward, [UnitExamples("t", "en", "test", EXAMPLES)]))


def test_options_that_nothing_can_be_written_with_are_refused() -> None:
    for wrong in ({"num_beams": 0}, {"max_new_tokens": 0}, {"language_id": "guess"}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            family(**wrong)


def test_baselines_write_english_answers_of_the_training_data() -> None:
    unit = UnitExamples("t", "de", "test", EXAMPLES)
    train = [Source("0", "a", "yes"), Source("1", "b", "no"), Source("2", "c", "yes")]
    assert family().guess("majority", train, unit, 0) == ["yes"] * 5
    assert set(family().guess("random", train, unit, 0)) <= {"yes", "no"}
