"""The objective ``fusion`` from translations on disk to scores, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from harness import Answer, ObjectiveContext, Pair, Question, Tagged, UnitExamples, get_registry
from harness.api import evaluate, train
from harness.cli.main import main
from harness.core.errors import HarnessError, UsageError
from harness.data.sources import load_examples
from harness.families.base import HeadFamily
from harness.families.classification import Classification
from harness.families.span_qa import SpanQA
from harness.families.tagging import Tagging
from harness.inference.pairs import matched
from harness.inference.session import Compute
from harness.leaderboard._setting import setting
from harness.models.fusion import Fusion, fuse, pairs_joined, stored_fusion
from harness.models.load import load_tokenizer
from harness.models.resolve import check_folder
from harness.testing.feature_rows import rows_problem
from harness.training._order import in_step
from harness.training.chain import Stages
from harness.training.context import RunContext
from harness.training.objectives.base import PlainLoss
from harness.training.objectives.composition import Composition, Layer
from harness.training.objectives.fusion import Fused
from harness.training.objectives.teaching import Teaching
from harness.training.stage import TrainedStage
from harness.types.options import EvalOptions
from tests.run_folders import EXPORTED_AS_IT_IS
from tests.training_stages import Killed, Killing

TRANSLATED = ("de", "fr")


def turned(text: str, code: str) -> str:
    """A translation that keeps the length: the words backwards, marked by the language."""
    return " ".join(f"{code}{word}" for word in reversed(text.split()))


@pytest.fixture(scope="module")
def translations(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Translations of the sample's MNLI, and the English of German test texts of XNLI."""
    folder = tmp_path_factory.mktemp("translations")
    registry = get_registry()
    mnli, xnli = registry.intermediate("mnli"), registry.task("xnli")
    english = load_examples(mnli, mnli.train, data_dir=corpus, offline=True).examples

    def write(place: str, examples: Any, code: str, *, labelled: bool) -> None:
        rows = [
            {
                "premise": turned(one.a, code) if code else one.a,
                "hypothesis": one.b,
                **({"label": one.label} if labelled else {}),
                "source": one.id,
            }
            for one in examples
        ]
        path = folder / f"translated/{place}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    for code in TRANSLATED:
        write(f"mnli/{code}/train", english, code, labelled=True)
    german = load_examples(xnli, xnli.languages["de"]["test"], data_dir=corpus, offline=True).examples
    write("xnli/de/test-en", german, "en", labelled=False)
    return folder


def options(corpus: Path, translations: Path, **more: Any) -> EvalOptions:
    overrides = {"max_steps": 3, "batch": 8, "local_layers": 0, "fusion_layers": 1} | more.pop("overrides", {})
    return EvalOptions(
        data_dir=f"{translations}{os.pathsep}{corpus}",
        offline=True,
        device="cpu",
        recipe="tiny",
        overrides=overrides,
        **more,
    )


@pytest.fixture(scope="module")
def fused(corpus: Path, small_model: Path, translations: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Trains an expression, once each."""
    folder = tmp_path_factory.mktemp("stages")
    known: dict[str, TrainedStage] = {}

    def of(expression: str, **overrides: Any) -> TrainedStage:
        name = f"{expression}{sorted(overrides.items())}"
        if name not in known:
            chosen = options(corpus, translations, train_limit=48, overrides=overrides)
            known[name] = train(str(small_model), expression, out=folder / str(len(known)), options=chosen)
        return known[name]

    return of


def test_a_checkpoint_says_what_it_was_trained_with(fused: Any) -> None:
    trained = fused("mnli[en,de,fr]@fusion")
    assert stored_fusion(trained.folder) == Fusion(0, 1)
    summary = trained.summary
    [part] = summary["tasks"]
    assert part["pairs"]["translated"] + part["pairs"]["self"] == 48 and part["pairs"]["human"] == 0
    assert part["pairs"]["self"] > 0
    assert {each["to"] for each in summary["resources"]["translations_train"]} == {"de", "fr"}
    [facts] = summary["objectives"].values()
    assert "does not see the fused layers" in facts["fusion"]["dev"]
    [layer] = part["objective"]
    assert (layer["name"], layer["options"]["local_layers"], layer["options"]["fusion_layers"]) == ("fusion", 0, 1)


def test_a_fused_model_teaches_the_same_one(fused: Any) -> None:
    first = fused("mnli[en,de,fr]@fusion")
    taught = fused("mnli[en,de,fr]@fusion@teaching", teacher="self")
    assert taught.summary["inputs"][0]["stage"] == first.summary["key"]
    assert stored_fusion(taught.folder) == Fusion(0, 1)
    facts = taught.summary["objectives"]["mnli[en,de,fr]"]["teaching"]
    assert facts["alpha"] == 0.5 and 100 * facts["teacher_agreement"] == pytest.approx(
        first.summary["dev_score"], abs=1e-3
    )
    assert taught.summary["resources"] == {**first.summary["resources"], "teacher": first.summary["key"]}
    nothing = fused("mnli[en,de,fr]@fusion@teaching", teacher="self", alpha=0.0)
    one, other = (load_file(each.folder / "model.safetensors") for each in (first, nothing))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert taught.summary["loss"] != nothing.summary["loss"]


def test_options_are_in_the_key_of_a_stage(small_model: Path, corpus: Path, translations: Path) -> None:
    def key(**overrides: Any) -> str:
        chosen = options(corpus, translations, train_limit=48, overrides=overrides)
        registry = get_registry()
        context = RunContext.of(registry, registry.recipe("tiny"), chosen, Compute())
        stages = Stages(context, translations / "stages", lambda name: lambda *told: None)
        return stages.last(["mnli[de]@fusion"], check_folder(small_model, "small")).key

    changes = ({"fusion_layers": 2}, {"local_layers": 1}, {"pairs": "all"}, {"english_position": "published"})
    assert len({key(), *(key(**overrides) for overrides in changes)}) == 5


@pytest.mark.parametrize("overrides", [{"peft": "lora"}, {"gradient_checkpointing": True}])
def test_adapters_and_recomputed_layers_are_fused_as_well(fused: Any, overrides: dict[str, Any]) -> None:
    trained = fused("mnli[en,de,fr]@fusion", **overrides)
    assert stored_fusion(trained.folder) == Fusion(0, 1)
    plain = fused("mnli[en,de,fr]@fusion").summary["loss"][-1][1]
    apart = fused("mnli[en,de,fr]@fusion", fusion_layers=0, **overrides).summary["loss"][-1][1]
    found = trained.summary["loss"][-1][1]
    assert found != apart and ("peft" in overrides or found == pytest.approx(plain, rel=1e-5))


def test_no_fused_layer_trains_as_pairs_of_separate_rows(fused: Any) -> None:
    """Only the fused layers let one side see the other."""
    losses = [fused("mnli[de]@fusion", fusion_layers=layers, local_layers=0).summary["loss"][0][1] for layers in (0, 2)]
    assert losses[0] != losses[1]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_a_killed_training_goes_on_to_the_same_bits(
    corpus: Path, small_model: Path, translations: Path, tmp_path: Path
) -> None:
    chosen = options(corpus, translations, train_limit=48, overrides={"max_steps": 22, "batch": 4, "save_every": 7})
    start = partial(train, str(small_model), "mnli[en,de,fr]@fusion", options=chosen)
    straight = weights(start(out=tmp_path / "straight").folder)
    with suppress(Killed):
        start(out=tmp_path / "killed", reporter=Killing())
    found = weights(start(out=tmp_path / "killed").folder)
    assert all(torch.equal(found[name], straight[name]) for name in straight)


def test_the_loss_does_not_depend_on_how_a_step_is_cut(
    corpus: Path, small_model: Path, translations: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(small_model, folder)
    config = json.loads((folder / "config.json").read_text()) | {
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    (folder / "config.json").write_text(json.dumps(config))
    found = []
    for tokens in (4096, 8):  # the latter: every pair is a micro-batch of its own
        steady = {"adam_epsilon": 1e-3, "lr": 1e-4, "batch_tokens": tokens, "max_steps": 8}
        chosen = options(corpus, translations, train_limit=48, overrides=steady)
        trained = train(str(folder), "mnli[en,de,fr]@fusion", out=tmp_path / str(tokens), options=chosen)
        found.append((trained.summary["loss"][-1][1], weights(trained.folder)))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert all(torch.allclose(found[1][1][name], value, atol=1e-5) for name, value in found[0][1].items())


# Choice of the checkpoint


@pytest.fixture(scope="module")
def translated_dev(corpus: Path, translations: Path) -> Path:
    """The translations, and German and French ones of the English dev data of MNLI, and of XNLI."""
    mnli, xnli = get_registry().intermediate("mnli"), get_registry().task("xnli")
    own = {"mnli": (mnli, mnli.dev), "xnli": (xnli, xnli.languages["en"]["dev"])}
    for name, code in [*(("mnli", code) for code in TRANSLATED), ("xnli", "de")]:
        english = load_examples(*own[name], data_dir=corpus, offline=True).examples
        rows: list[dict[str, Any]] = [
            {"premise": turned(one.a, code), "hypothesis": one.b, "label": one.label, "source": one.id}  # type: ignore[union-attr]
            for one in english
        ]
        path = translations / f"translated/{name}/{code}/dev.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return translations


def test_a_checkpoint_is_chosen_on_translations_beside_their_english(
    corpus: Path, small_model: Path, translated_dev: Path, tmp_path: Path
) -> None:
    """Dev scores are those of pairs, which the fused layers change; the row of the leaderboard says how it was chosen."""

    def dev(layers: int, codes: str = "de,fr") -> Any:
        wanted = {"select_on_translated": codes} if codes else {}
        # A head that has learned nothing prefers one class, so the loss tells more than the score.
        more = {"fusion_layers": layers, "lr": 1e-3, "max_steps": 6} | wanted
        chosen = options(corpus, translated_dev, train_limit=48, overrides=more)
        out = tmp_path / f"{layers}{codes}"
        return train(str(small_model), "mnli[en,de]@fusion", out=out, options=chosen).summary

    fused, apart, english = dev(2), dev(0), dev(2, "")
    [data] = [part["data"]["dev"] for part in fused["tasks"]]
    assert data["examples"] == 2 * english["tasks"][0]["data"]["dev"]["examples"]
    assert {(each["language"], each["origin"]) for each in data["provenance"]} == {
        ("de", "machine_translation"),
        ("fr", "machine_translation"),
    }
    assert "dev" not in json.dumps(fused.get("objectives", {})) and "dev" in json.dumps(english["objectives"])
    assert fused["options"]["select_on_translated"] == "de,fr" and "select_on_translated" not in english["options"]
    assert len({each["key"] for each in (fused, apart, english)}) == 3
    # The same checkpoint on the same dev data: only what stands beside a text differs.
    swapped = [json.loads(line) for line in (translated_dev / "translated/mnli/de/dev.jsonl").open(encoding="utf-8")]
    others = {
        label: [row["source"] for row in swapped if row["label"] == label]
        for label in {row["label"] for row in swapped}
    }
    path = translated_dev / "translated/mnli/de/dev.jsonl"
    before = path.read_text(encoding="utf-8")
    # Pairs of other labels would be refused.
    moved = [{**row, "source": others[row["label"]][others[row["label"]].index(row["source"]) - 1]} for row in swapped]
    path.write_text("".join(json.dumps(row) + "\n" for row in moved), encoding="utf-8")
    try:
        assert dev(2, "de")["key"] not in {fused["key"]}
        wrong = dev(2, "de")["dev_loss"]
        path.write_text(before, encoding="utf-8")
        shutil.rmtree(tmp_path / "2de")
        assert dev(2, "de")["dev_loss"] != wrong
    finally:
        path.write_text(before, encoding="utf-8")


def test_a_run_chosen_on_translations_is_ranked_apart(
    corpus: Path, small_model: Path, translated_dev: Path, tmp_path: Path
) -> None:
    chosen = options(corpus, translated_dev, train_limit=12, overrides={"xnli.select_on_translated": "de"})
    result = evaluate(str(small_model), out=tmp_path / "run", tasks=["xnli"], languages=["en", "de"], options=chosen)
    words = ["leaderboard", "export", str(tmp_path / "run"), "-o", str(tmp_path / "row.json")]
    assert main([*words, *EXPORTED_AS_IT_IS]) == 0
    row = json.loads((tmp_path / "row.json").read_text(encoding="utf-8"))
    assert row["selection"] == "translated_english_dev" and row["setting"] == "zero_shot_en"
    assert not any("zero-shot" in reason for reason in result.record["partial"])


@pytest.mark.parametrize(
    ("value", "more", "message"),
    [
        ("sw", {}, "translated/mnli/sw/dev.jsonl"),
        ("en", {}, "other languages than English"),
        ("de,de", {}, "each once"),
        ("german", {}, "no language 'german'"),
        ("de", {"select": "last"}, "not with select=last"),
    ],
)
def test_translated_dev_data_that_cannot_choose_are_refused(
    corpus: Path, small_model: Path, translated_dev: Path, tmp_path: Path, value: str, more: Any, message: str
) -> None:
    chosen = options(corpus, translated_dev, train_limit=12, overrides={"select_on_translated": value} | more)
    with pytest.raises(HarnessError) as error:
        train(str(small_model), "mnli[de]@fusion", out=tmp_path / "run", options=chosen)
    assert message in f"{error.value} {error.value.hint}"


def test_native_dev_data_are_no_translation(
    corpus: Path, small_model: Path, translated_dev: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(translated_dev, data)
    (data / "translated/mnli/de/about.toml").write_text('origin = "native"\n', encoding="utf-8")
    chosen = options(corpus, data, train_limit=12, overrides={"select_on_translated": "de"})
    with pytest.raises(UsageError, match="in de are no translation"):
        train(str(small_model), "mnli", out=tmp_path / "run", options=chosen)
    for task, match in (("udpos", "not those of a translation"), ("xnli", "not with --select-on")):
        select_on = ("de",) if task == "xnli" else ()
        with pytest.raises(UsageError, match=match):
            evaluate(str(small_model), out=tmp_path / task, tasks=[task], options=replace(chosen, select_on=select_on))


# Runs


def scored(folder: Path, out: Path, chosen: EvalOptions, *languages: str) -> Any:
    return evaluate(str(folder), out=out, tasks=["xnli"], languages=languages, options=chosen)


def predictions(out: Path, code: str = "de") -> str:
    [path] = (out / "predictions").rglob(f"*{code}*")
    return path.read_text(encoding="utf-8")


def test_a_run_of_the_checkpoint_reads_pairs_again(
    fused: Any, corpus: Path, translations: Path, tmp_path: Path
) -> None:
    folder = fused("mnli[en,de,fr]@fusion").folder
    result = scored(folder, tmp_path / "run", options(corpus, translations, train="never"), "en", "de")
    units = result.record["units"]
    count = units["xnli/de/test"]["examples"]
    assert units["xnli/en/test"]["facts"]["pairs"] == {"translated": 0, "human": 0, "self": count}
    assert units["xnli/de/test"]["facts"]["pairs"] == {"translated": count, "human": 0, "self": 0}
    assert units["xnli/en/test"]["resources"]["translations_test"] == []
    [used] = units["xnli/de/test"]["resources"]["translations_test"]
    assert (used["from"], used["to"], used["origin"]) == ("de", "en", "machine_translation")
    assert setting(result.record, result.record["resources"]) == "translate_train+test"
    assert not any("--pair-missing" in reason for reason in result.record["partial"])


def test_labels_in_the_files_of_translations_are_never_seen(
    fused: Any, corpus: Path, translations: Path, tmp_path: Path
) -> None:
    folder, data = fused("mnli[en,de,fr]@fusion").folder, tmp_path / "data"
    shutil.copytree(translations, data)
    path = data / "translated/xnli/de/test-en.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows and not any("label" in row for row in rows)
    chosen = options(corpus, data, train="never")
    scored(folder, tmp_path / "without", chosen, "de")
    path.write_text("".join(json.dumps({**row, "label": index % 3}) + "\n" for index, row in enumerate(rows)))
    scored(folder, tmp_path / "with", chosen, "de")
    assert predictions(tmp_path / "with") == predictions(tmp_path / "without")


def test_a_text_without_a_translation_is_an_error_or_marked(
    fused: Any, corpus: Path, translations: Path, tmp_path: Path
) -> None:
    folder, data = fused("mnli[en,de,fr]@fusion").folder, tmp_path / "data"
    shutil.copytree(translations, data)
    path = data / "translated/xnli/de/test-en.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-2]), encoding="utf-8")
    failed = scored(folder, tmp_path / "error", options(corpus, data, train="never"), "de").record["failed"]
    assert "2 examples have no English translation" in failed["xnli/de/test"]
    chosen = options(corpus, data, train="never", pair_missing="self")
    record = scored(folder, tmp_path / "self", chosen, "de").record
    facts = record["units"]["xnli/de/test"]["facts"]["pairs"]
    assert facts == {"translated": len(lines) - 2, "human": 0, "self": 2}
    expected = f"texts without a translation are paired with themselves: xnli/de/test (2 of {len(lines)})"
    assert any(reason.startswith(expected) for reason in record["partial"])


def test_perturbed_texts_have_no_translation(fused: Any, corpus: Path, translations: Path, tmp_path: Path) -> None:
    chosen = options(corpus, translations, train="never", perturb=("drop",))
    with pytest.raises(HarnessError, match="--perturb drop: not for a model that reads the English translation"):
        scored(fused("mnli[en,de,fr]@fusion").folder, tmp_path / "run", chosen, "de")


def test_half_precision_is_compared_on_pairs(fused: Any, corpus: Path, translations: Path, tmp_path: Path) -> None:
    chosen = options(corpus, translations, train="never", dtype="bf16")
    record = scored(fused("mnli[en,de,fr]@fusion").folder, tmp_path / "run", chosen, "de").record
    assert record["units"]["xnli/de/test"]["facts"]["against_fp32"]["changed"] <= 2


@pytest.mark.parametrize(
    ("expression", "overrides", "message"),
    [
        ("mnli@fusion", {}, "needs translations among the training data"),
        ("mnli[de]@fusion+squad", {}, "trains one task a stage"),
        ("mnli[de]@fusion", {"fusion_layers": 3}, "3 behind 0 local layers are more than the 2 layers of the model"),
        ("mnli[de]@fusion", {"pairs": "both"}, "option pairs: 'sample' or 'all' expected, not 'both'"),
        ("mnli[de]@fusion", {"english_position": "last"}, "option english_position: 'first' or 'published' expected"),
        ("mnli[de]@fusion", {"local_layers": -1}, "option local_layers"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    fused: Any, expression: str, overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(HarnessError) as error:
        fused(expression, **overrides)
    assert message in str(error.value)


# Rows


def tokenised(folder: Path, family: HeadFamily, examples: Any, partners: Any, **chosen: Any) -> Any:
    """The features of the objective, and the text of each row."""
    tokenizer = load_tokenizer(folder)
    objective = Fused(Fused.Options(**chosen))
    context = ObjectiveContext(3, family, tokenizer, "cpu", partners=partners)
    made = objective.features(family.features(tokenizer, examples, training=True), context)
    return made, [tokenizer.decode(made.ids[row], skip_special_tokens=True) for row in range(len(made))]


WORDS = ("mat", "dog", "home", "bird", "garden", "yesterday")


def pairs_of(codes: str = "abc", count: int = 6) -> tuple[list[Pair], list[Pair]]:
    english = [Pair(str(i), f"cat {word}", "", "no") for i, word in enumerate(WORDS[:count])]
    own = [Pair(f"{code}:{one.id}", f"{code} {one.a}", "", "no") for code in codes for one in english]
    return [*english, *own], english * (1 + len(codes))


def test_all_pairs_are_items_of_two_rows_target_first(small_model: Path) -> None:
    own, partners = pairs_of()
    made, texts = tokenised(
        small_model, Classification(("no", "yes"), Classification.Options()), own, partners, pairs="all"
    )
    assert texts == [text for one, other in zip(own, partners, strict=True) for text in (one.a, other.a)]
    assert made.item_count == len(own)
    assert made.rows_of(np.array([3, 1])).tolist() == [6, 7, 2, 3]
    assert rows_problem(lambda: made) == ""


def test_an_epoch_of_samples_has_every_english_row_once_in_a_language_of_its_own(small_model: Path) -> None:
    own, partners = pairs_of()
    made, texts = tokenised(small_model, Classification(("no", "yes"), Classification.Options()), own, partners)
    assert made.item_count == 6
    languages: Counter[str] = Counter()
    drawn = []
    for epoch in range(40):
        rows = in_step(made, 4, 2 * epoch, 0, 0).rows_of(np.arange(6))
        assert [texts[row] for row in rows[1::2]] == [f"cat {word}" for word in WORDS]
        assert all(texts[first].endswith(texts[second]) for first, second in rows.reshape(-1, 2))
        languages.update(texts[row][0] for row in rows[::2])
        drawn.append(tuple(rows))
        assert np.array_equal(in_step(made, 4, 2 * epoch + 1, 0, 0).rows_of(np.arange(6)), rows)
    assert len(set(drawn)) == 40
    assert languages["c"] > languages["a"] > 30 < languages["b"]  # English begins with a "c" as well


def test_the_published_position_is_for_classification() -> None:
    published = Fused(Fused.Options(english_position="published"))
    with pytest.raises(UsageError, match="is for classification, which reads the first token"):
        published.family(SpanQA((), SpanQA.Options()))


def question(name: str, words: int, at: int) -> Question:
    """A question on a long context, whose answer is word ``at``."""
    texts = [f"cat{i % 10}" for i in range(words)]
    texts[at] = "garden"
    context = " ".join(texts)
    return Question(name, "who?", context, (Answer("garden", context.index("garden")),))


def test_windows_with_the_answer_go_together(small_model: Path) -> None:
    family = SpanQA((), SpanQA.Options(max_length=24, doc_stride=8, max_query_length=4))
    own = [question("a", 40, 2), question("b", 10, 1)]
    partners = [question("a", 60, 50), question("b", 60, 30)]
    made, _ = tokenised(small_model, family, own, partners, pairs="all")
    found = made.columns["start_positions"].reshape(-1, 2)
    assert (found > 0).all() and {0, 1} == set(made.example.tolist())
    whole = family.features(load_tokenizer(small_model), own, training=True)
    answering = np.bincount(whole.example[whole.columns["start_positions"] > 0])
    assert np.array_equal(np.bincount(made.example[::2]), answering)


def test_rows_are_matched_in_order_and_the_last_is_repeated() -> None:
    assert matched(np.array([0, 0, 0, 1, 2, 3]), np.array([0, 0, 2, 2, 3])).tolist() == [0, 1, 1, -1, 2, 4]


def test_the_loss_is_that_of_both_sides_each_a_mean_over_pairs() -> None:
    context = ObjectiveContext(0, Classification(("no",), Classification.Options()), Any, "cpu")  # type: ignore[arg-type]
    plain = PlainLoss(lambda model, batch: (torch.tensor(7.0), torch.tensor(4)), None)
    loss, terms = Fused(Fused.Options()).loss(Any, {}, plain, context)  # type: ignore[arg-type]
    assert (loss.item(), terms.item()) == (7.0, 2.0)


@pytest.mark.parametrize("budget", [16, 4096])
def test_predictions_are_those_of_each_pair_alone(small_model: Path, budget: int) -> None:
    """Rows of several lengths in one stream; only those of the target language are decoded."""
    family = Classification(("no", "yes", "maybe"), Classification.Options())
    network = family.load(str(small_model), dtype="float32").eval()
    for parameter in network.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.5)
    fuse(network, Fusion(0, 1))
    tokenizer = load_tokenizer(small_model)
    examples = [Pair(str(i), "the red cat sleeps " * (1 + i % 4), "", None) for i in range(9)]
    other = [replace(one, a="a small bird " * (1 + i % 3), label="yes") for i, one in enumerate(examples)]
    seen: list[Any] = []
    forward = Compute(budget=budget).forward(network, tokenizer, watch=lambda rows, outputs: seen.append(outputs))
    units = [
        UnitExamples("task", "de", "test", examples[:5], other=other[:5]),
        UnitExamples("task", "en", "test", examples[5:], other=examples[5:]),
    ]
    found = list(family.predict(forward, units))
    assert [len(each.predictions) for each in found] == [5, 4]
    [outputs] = seen
    partners = other[:5] + examples[5:]
    for index, (one, two) in enumerate(zip(examples, partners, strict=True)):
        batch = family.features(tokenizer, [one, two], training=False).batch(np.arange(2), tokenizer.pad_token_id)
        with pairs_joined(network), torch.no_grad():
            logits = network(**{name: torch.from_numpy(value) for name, value in batch.items()}).logits[0].numpy()
        assert np.allclose(outputs["logits"][index], logits, atol=1e-5)
    alone = next(iter(family.predict(forward, [replace(units[0], other=())])))
    assert not np.allclose(seen[1]["logits"], outputs["logits"][:5], atol=1e-3)
    assert len(alone.predictions) == 5


# Taught by a fused network


def drawn(family: HeadFamily, folder: Path, seed: int) -> Any:
    """A network with weights of its own, fused."""
    network = family.load(str(folder), dtype="float32").eval()
    torch.manual_seed(seed)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.5)
    fuse(network, Fusion(0, 1))
    return network


@pytest.mark.parametrize("alpha", [0.3, 1.0])
def test_a_teacher_of_pairs_teaches_the_target_language_alone(small_model: Path, alpha: float) -> None:
    """L = (1 - alpha) CE_t + alpha T^2 KL_t + CE_e (Fang et al. 2021, section 3.3)."""
    family = Classification(("no", "yes"), Classification.Options())
    own, partners = pairs_of("ab", 3)
    made, _ = tokenised(small_model, family, own, partners, pairs="all")
    batch = {name: torch.from_numpy(value) for name, value in made.batch(np.arange(len(made)), 1).items()}
    student, teacher = drawn(family, small_model, 1), drawn(family, small_model, 2)
    tokenizer = load_tokenizer(small_model)
    context = ObjectiveContext(
        3, family, tokenizer, "cpu", teacher=teacher, teacher_tokenizer=tokenizer, partners=partners, pairs=True
    )
    objective = Composition(
        (
            Layer(get_registry().objective("fusion"), Fused(Fused.Options())),
            Layer(get_registry().objective("teaching"), Teaching(Teaching.Options(alpha=alpha, temperature=2.0))),
        )
    )
    with torch.no_grad(), pairs_joined(student):
        loss, terms = objective.loss(student, batch, family.loss, context)
        logs = family.outputs(student, batch)["logits"]
        with pairs_joined(teacher):
            wanted = family.outputs(teacher, batch)["logits"]
    losses = torch.nn.functional.cross_entropy(logs, batch["labels"], reduction="none")
    soft = (wanted[::2] / 2).softmax(-1)
    divergence = (soft * (soft.log() - (logs[::2] / 2).log_softmax(-1))).sum()
    expected = (1 - alpha) * losses[::2].sum() + losses[1::2].sum() + alpha * 4 * divergence
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5) and terms.item() == len(own)


def test_a_fused_network_teaches_the_next_one(fused: Any) -> None:
    taught = fused("mnli[en,de,fr]@fusion@teaching", teacher=str(fused("mnli[en,de,fr]@fusion").folder))
    assert stored_fusion(taught.folder) == Fusion(0, 1)
    stored = fused(
        "mnli[en,de,fr]@fusion@teaching", teacher=str(fused("mnli[en,de,fr]@fusion").folder), signals="stored"
    )
    assert stored.summary["loss"][-1][1] == pytest.approx(taught.summary["loss"][-1][1], rel=1e-3)


# Tags of words


def test_words_are_tagged_from_english_alone(small_model: Path) -> None:
    family = Fused(Fused.Options()).family(Tagging(("N", "V"), Tagging.Options()))
    english = [Tagged("0", ("the", "dog", "runs"), ("N", "N", "V")), Tagged("1", ("home",), ("N",))]
    own = [english[0], Tagged("de:1", ("katze", "der", "matte", "hund"), None)]
    made, texts = tokenised(small_model, family, own, english, pairs="all")
    assert made.item_count == 2 and texts[2].split() != texts[3].split()
    batch = {name: torch.from_numpy(value) for name, value in made.batch(np.arange(4), 1).items()}
    assert (batch["labels"][::2] == -100).all()
    assert batch["labels"][1].tolist()[:3] == [0, 0, 1] and batch["labels"][3, 0] == 0
    network = drawn(family, small_model, 1)
    context = ObjectiveContext(0, family, load_tokenizer(small_model), "cpu", partners=english)
    with torch.no_grad(), pairs_joined(network):
        loss, terms = Fused(Fused.Options()).loss(network, batch, PlainLoss(family.loss, network), context)
    assert terms.item() == 4 and loss.item() > 0
