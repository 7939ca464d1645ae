"""Self-teaching and distillation: the loss, teachers that are trained first, signals, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from harness import Answer, Choice, Objective, ObjectiveContext, Pair, Question, Tagged, hookimpl
from harness.api import evaluate, train
from harness.core.errors import HarnessError, UsageError
from harness.data.access import DataAccess
from harness.families.base import HeadFamily
from harness.families.classification import Classification
from harness.families.multiple_choice import MultipleChoice
from harness.families.span_qa import SpanQA
from harness.families.tagging import Tagging
from harness.models import tiny
from harness.models.fusion import Fusion, fuse, pairs_joined
from harness.models.load import load_tokenizer
from harness.models.tiny import train_tokenizer
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.results.inventory import find_runs, find_stages
from harness.testing.objectives import cut, killed, off
from harness.testing.subject import Subject
from harness.training.objectives.base import PlainLoss
from harness.training.objectives.fusion import Fused
from harness.training.objectives.teaching import Teaching, divergence
from harness.training.stage import TrainedStage
from harness.types.options import EvalOptions, build
from harness.types.progress import ProgressListener
from harness.types.units import Unit
from tests.training_stages import once_each

WORDS = "the cat sleeps on the red mat and the dog runs home".split()
CONTEXT = "the cat sleeps on the red mat and the dog runs home"


def family_and_examples(name: str) -> tuple[HeadFamily, list[Any]]:
    if name == "classification":
        pairs = [Pair(str(i), " ".join(WORDS[i:]), WORDS[i], ("no", "yes")[i % 2]) for i in range(6)]
        return Classification(("no", "yes"), build(Classification.Options, {})), list(pairs)
    if name == "multiple_choice":
        choices = [Choice(str(i), "the cat", tuple(WORDS[: 2 + i % 3]), i % 2) for i in range(5)]
        return MultipleChoice((), build(MultipleChoice.Options, {})), list(choices)
    if name == "tagging":
        tagged = [Tagged(str(i), tuple(WORDS[i:]), tuple("DNVPDANCDNVN"[i:])) for i in range(5)]
        return Tagging(tuple("ACDNPV"), build(Tagging.Options, {})), list(tagged)
    questions = [
        Question(str(i), "who sleeps ?", CONTEXT[i:], (Answer("red", CONTEXT.index("red") - i),)) for i in range(4)
    ]
    return SpanQA((), build(SpanQA.Options, {"max_length": 40, "max_query_length": 8, "doc_stride": 6})), list(
        questions
    )


FAMILIES = ("classification", "multiple_choice", "tagging", "span_qa")


class Taught:
    """A family's rows in one batch, a model and a teacher for it."""

    def __init__(self, name: str, model: Path, **options: Any) -> None:
        family, self.examples = family_and_examples(name)
        self.objective = Teaching(build(Teaching.Options, options))
        self.family = self.objective.family(family)
        self.tokenizer = load_tokenizer(model)
        self.teacher, self.model = (self.network(model, seed) for seed in (1, 2))
        self.context = ObjectiveContext(
            42, self.family, self.tokenizer, "cpu", self.teacher, self.tokenizer, dev=self.examples
        )
        examples = self.objective.examples(self.examples, self.context)
        made = self.family.features(self.tokenizer, examples, training=True)
        self.features: Any = self.objective.features(made, self.context)
        self.rows = np.arange(len(self.features))

    def network(self, model: Path, seed: int) -> Any:
        network = self.family.load(str(model), dtype="float32")
        torch.manual_seed(seed)
        for parameter in network.base_model.encoder.parameters():
            parameter.data.mul_(10)  # else all options of a prompt are nearly the same to it
        for parameter in self.family.head_parameters(network).values():
            torch.nn.init.normal_(parameter, std=1.0)
        return network.eval()

    def batch(self) -> dict[str, torch.Tensor]:
        arrays = self.features.batch(self.rows, self.tokenizer.pad_token_id or 0)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def loss(self, model: Any = None, **changes: Any) -> tuple[torch.Tensor, torch.Tensor]:
        model = model or self.model
        context = replace(self.context, rows=self.rows, **changes)
        return self.objective.loss(model, self.batch(), lambda given: self.family.loss(model, given), context)


# The loss


def test_the_gradient_by_the_logits_is_student_minus_teacher() -> None:
    generator = torch.Generator().manual_seed(0)
    teacher, model = torch.randn(2, 5, 4, generator=generator, dtype=torch.float64)
    model.requires_grad_()
    divergence(teacher, model).backward()
    assert model.grad is not None
    torch.testing.assert_close(model.grad, model.detach().softmax(-1) - teacher.softmax(-1), atol=1e-12, rtol=0)
    step = 1e-6
    for row, column in ((0, 0), (3, 2)):
        moved = [model.detach().clone() for _ in range(2)]
        moved[0][row, column] += step
        moved[1][row, column] -= step
        slope = (divergence(teacher, moved[0]) - divergence(teacher, moved[1])) / (2 * step)
        assert float(slope) == pytest.approx(float(model.grad[row, column]), abs=1e-8)


def test_choices_that_are_none_take_no_part() -> None:
    teacher = torch.tensor([[1.0, 2.0, -torch.inf]])
    model = torch.tensor([[0.5, 0.0, -torch.inf]], requires_grad=True)
    found = divergence(teacher, model, 2.0)
    p, q = (torch.tensor(each).div(2).softmax(0) for each in ([1.0, 2.0], [0.5, 0.0]))
    assert found.item() == pytest.approx(float((p * (p / q).log()).sum()), abs=1e-6)
    found.backward()
    assert model.grad is not None and model.grad.isfinite().all() and float(model.grad[0, 2]) == 0


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_that_is_its_own_teacher_learns_nothing(name: str, small_model: Path) -> None:
    taught = Taught(name, small_model, alpha=1.0, temperature=2.0)
    loss, terms = taught.loss(taught.teacher.requires_grad_(True))
    assert abs(loss.item()) < 1e-5 and int(terms) == int(taught.family.loss(taught.model, taught.batch())[1])
    other, _ = taught.loss()
    assert other.item() > 1e-4
    assert largest_gradient(loss, taught.teacher) < 1e-3 * largest_gradient(other, taught.model)


def largest_gradient(loss: torch.Tensor, model: Any) -> float:
    loss.backward()
    return max(float(each.grad.abs().max()) for each in model.parameters() if each.grad is not None)


@pytest.mark.parametrize("name", FAMILIES)
def test_alpha_mixes_the_labels_and_the_teacher_in_one_pass(name: str, small_model: Path) -> None:
    both = Taught(name, small_model, alpha=0.25)
    calls: list[int] = []
    both.model.register_forward_hook(lambda *given: calls.append(1))
    loss, terms = both.loss()
    assert len(calls) == 1
    alone, count = Taught(name, small_model, alpha=1.0).loss()
    plain, _ = both.family.loss(both.model, both.batch())
    assert loss.item() == pytest.approx(0.75 * plain.item() + 0.25 * alone.item(), rel=1e-5)
    assert int(terms) == int(count)


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_count_alike_in_any_batch(name: str, small_model: Path) -> None:
    """More padding, or options of other items beside a row, change nothing of it."""
    taught = Taught(name, small_model, alpha=1.0)
    together, _ = taught.loss()
    parts = 0.0
    for item in range(taught.features.item_count):
        taught.rows = taught.features.rows_of(np.array([item]))
        parts += taught.loss()[0].item()
    assert together.item() == pytest.approx(parts, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", ["classification", "span_qa"])
def test_stored_signals_are_those_of_the_live_teacher(name: str, small_model: Path) -> None:
    live, stored = (Taught(name, small_model, alpha=1.0, signals=kind) for kind in ("live", "stored"))
    wanted = live.loss()[0]
    taught = stored.loss(teacher=None)[0]  # nothing is asked of it any more
    assert taught.item() == pytest.approx(wanted.item(), rel=1e-3, abs=1e-3)
    assert len(stored.objective.facts()["signals_sha256"]) == 64
    assert {column.dtype for name, column in stored.features.columns.items() if "teacher" in name} == {
        np.dtype("float16")
    }


@pytest.mark.parametrize("name", ["tagging", "multiple_choice"])
def test_signals_of_several_predictions_a_row_are_not_stored(name: str, small_model: Path) -> None:
    with pytest.raises(UsageError, match="'stored' is for one prediction a row"):
        Taught(name, small_model, signals="stored")


def test_facts_are_of_the_teacher_on_dev(small_model: Path) -> None:
    taught = Taught("tagging", small_model)
    batch = {key: value for key, value in taught.batch().items() if key != "words"}
    [found] = taught.family.distributions(taught.teacher, batch)
    assert found.gold is not None
    entropy = torch.distributions.Categorical(logits=found.logits).entropy().mean().item()
    right = (found.logits.argmax(-1) == found.gold).float().mean().item()
    facts = taught.objective.facts()
    assert facts["alpha"] == 0.5 and facts["temperature"] == 1
    assert facts["teacher_entropy"] == pytest.approx(entropy, abs=1e-5)
    assert facts["teacher_agreement"] == pytest.approx(right, abs=1e-5)
    assert "teacher_agreement" not in Taught("tagging", small_model).objective.__class__(Teaching.Options()).facts()


# Pairs of a text and its English, read side by side


class TaughtPairs(Taught):
    """Pairs of which each English row is another example, for a model and a teacher that read both."""

    def __init__(self, name: str, model: Path, **options: Any) -> None:
        super().__init__(name, model, **{**options, "signals": "live"})
        self.objective = Teaching(build(Teaching.Options, options))
        self.family = self.objective.family(self.family)
        partners = self.examples[::-1]
        self.fused = Fused(Fused.Options(local_layers=0, pairs="all"))
        self.context = replace(self.context, family=self.family, partners=partners, pairs=True)
        for network in (self.teacher, self.model):
            fuse(network, Fusion(0, 1))
        self.objective.examples(self.examples, self.context)
        made = self.family.features(self.tokenizer, self.examples, training=True)
        self.features = self.objective.features(self.fused.features(made, self.context), self.context)
        self.rows = np.arange(len(self.features))

    def loss(self, model: Any = None, **changes: Any) -> tuple[torch.Tensor, torch.Tensor]:
        model = model or self.model
        context = replace(self.context, rows=self.rows, **changes)

        def fused(given: Any) -> Any:
            return self.fused.loss(model, given, PlainLoss(self.family.loss, model), context)

        with pairs_joined(model):
            return self.objective.loss(model, self.batch(), fused, context)


@pytest.mark.parametrize("signals", ["live", "stored"])
@pytest.mark.parametrize("name", ["classification", "tagging", "span_qa"])
def test_the_teacher_stands_for_labels_of_the_target_language_alone(name: str, signals: str, small_model: Path) -> None:
    if (name, signals) == ("tagging", "stored"):
        return
    alpha = 1.0 if name == "tagging" else 0.25
    pairs = TaughtPairs(name, small_model, alpha=alpha, signals=signals)
    loss, terms = pairs.loss()
    batch, family = pairs.batch(), pairs.family
    with pairs_joined(pairs.teacher), pairs_joined(pairs.model):
        own, wanted = family.distributions(pairs.model, batch), family.distributions(pairs.teacher, batch)
    alone = family.distributions(pairs.model, {key: value[::2] for key, value in batch.items()})
    ce_t = ce_e = kl = 0.0
    for mine, other in zip(own, wanted, strict=True):
        assert mine.gold is not None
        first = mine.rows % 2 == 0
        ce = torch.nn.functional.cross_entropy(mine.logits, mine.gold, reduction="none")
        ce_t += mine.weight * ce[first].sum().item()
        ce_e += mine.weight * ce[~first].sum().item()
        kl += mine.weight * divergence(other.logits[first], mine.logits[first]).item()
    assert (ce_t == 0) == (name == "tagging") and ce_e > 0 and kl > 1e-3
    assert loss.item() == pytest.approx(
        (1 - alpha) * ce_t + alpha * kl + ce_e, rel=2e-3 if signals == "stored" else 1e-4
    )
    plain = pairs.fused.loss(pairs.model, batch, PlainLoss(family.loss, pairs.model), pairs.context)
    assert terms.item() == plain[1].item()
    # Both sides are read: a row alone gives other logits.
    assert not torch.allclose(alone[0].logits, own[0].logits[own[0].rows % 2 == 0][:, : alone[0].logits.shape[1]])


def test_labels_of_words_that_a_translation_lacks_are_not_counted(small_model: Path) -> None:
    with pytest.raises(UsageError, match=r"have no labels, and alpha 0\.5 counts their loss"):
        TaughtPairs("tagging", small_model, alpha=0.5)


# Examples without labels


def without_labels(name: str, examples: list[Any]) -> list[Any]:
    lacking: dict[str, dict[str, Any]] = {
        "classification": {"label": None},
        "multiple_choice": {"answer": None},
        "tagging": {"tags": None},
        "span_qa": {"answers": ()},
    }
    return [replace(example, **lacking[name]) for example in examples]


@pytest.mark.parametrize("name", FAMILIES)
def test_labels_are_not_needed_where_only_the_teacher_counts(
    name: str, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled = Taught(name, small_model, alpha=1.0)
    made = family_and_examples(name)
    monkeypatch.setattr(f"{__name__}.family_and_examples", lambda name: (made[0], without_labels(name, made[1])))
    taught = Taught(name, small_model)
    assert taught.objective.facts()["alpha"] == 1 and "teacher_agreement" not in taught.objective.facts()
    assert [each.item() for each in taught.loss()] == pytest.approx([each.item() for each in labelled.loss()], rel=1e-5)
    with pytest.raises(UsageError, match=r"\d of \d training examples have no labels, and alpha 0.5 counts their loss"):
        Taught(name, small_model, alpha=0.5)


# Teachers in stages


def options(corpus: Path, **overrides: Any) -> EvalOptions:
    overrides = {"max_steps": 4, "batch": 8, "lr": 1e-3, **overrides}
    return EvalOptions(
        data_dir=str(corpus), offline=True, device="cpu", recipe="tiny", train_limit=32, overrides=overrides
    )


@pytest.fixture(scope="module")
def trained(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., TrainedStage]:
    """Trains an expression, once each; the stages that it needs are shared."""
    folder = tmp_path_factory.mktemp("stages")
    return once_each(folder, small_model, partial(options, corpus))


def same_weights(one: Path, other: Path) -> bool:
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_alpha_0_gives_the_bits_of_the_plain_stage(trained: Callable[..., TrainedStage]) -> None:
    plain, taught = trained("mnli"), trained("mnli@teaching", teacher="self", alpha=0.0)
    assert same_weights(plain.folder, taught.folder)
    assert plain.summary["key"] != taught.summary["key"]
    assert not same_weights(plain.folder, trained("mnli@teaching", teacher="self").folder)


def test_the_same_stage_teaches_itself(trained: Callable[..., TrainedStage]) -> None:
    plain, taught = trained("mnli"), trained("mnli@teaching", teacher="self")
    [given] = taught.summary["inputs"]
    assert given == {
        "role": "teacher",
        "name": "self",
        "stage": plain.summary["key"],
        "fingerprint": plain.summary["fingerprint"],
        "dev_score": plain.summary["dev_score"],
        "steps": 4,
        "seconds": given["seconds"],
    }
    [teacher] = taught.folder.parent.glob(f"stages/mnli-{plain.summary['key'][:12]}")
    assert same_weights(teacher, plain.folder)
    assert taught.summary["resources"] == {**plain.summary["resources"], "teacher": plain.summary["key"]}
    facts = taught.summary["objectives"]["mnli"]["teaching"]
    assert facts["alpha"] == 0.5 and 0 < facts["teacher_entropy"] <= np.log(3) + 1e-6
    assert 100 * facts["teacher_agreement"] == pytest.approx(plain.summary["dev_score"], abs=1e-3)
    assert taught.summary["loss"] != plain.summary["loss"]


def test_a_checkpoint_teaches_what_the_same_stage_would(trained: Callable[..., TrainedStage]) -> None:
    plain, taught = trained("mnli"), trained("mnli@teaching", teacher="self")
    other = trained("mnli@teaching", teacher=str(plain.folder))
    assert same_weights(other.folder, taught.folder)
    assert other.summary["inputs"] == [
        {"role": "teacher", "name": str(plain.folder), "fingerprint": plain.summary["fingerprint"]}
    ]


def test_a_teacher_with_another_order_of_labels_is_mapped_by_name(
    trained: Callable[..., TrainedStage], tmp_path: Path
) -> None:
    plain = trained("mnli")
    turned = tmp_path / "turned"
    shutil.copytree(plain.folder, turned)
    config = json.loads((turned / "config.json").read_text())
    labels = [config["id2label"][str(place)] for place in range(3)]
    order = [2, 0, 1]
    config["id2label"] = {str(place): labels[old] for place, old in enumerate(order)}
    config["label2id"] = {labels[old]: place for place, old in enumerate(order)}
    (turned / "config.json").write_text(json.dumps(config))
    weights = load_file(turned / "model.safetensors")
    for name in ("classifier.out_proj.weight", "classifier.out_proj.bias"):
        weights[name] = weights[name][order].contiguous()
    save_file(weights, turned / "model.safetensors", {"format": "pt"})
    one, other = (trained("mnli@teaching", teacher=str(folder)) for folder in (plain.folder, turned))
    assert other.summary["loss"][0][1] == pytest.approx(one.summary["loss"][0][1], rel=1e-6)
    assert other.summary["objectives"] == one.summary["objectives"]
    config["id2label"] = {str(place): name for place, name in enumerate(("a", "b", "c"))}
    config["label2id"] = {name: place for place, name in enumerate(("a", "b", "c"))}
    (turned / "config.json").write_text(json.dumps(config))
    with pytest.raises(HarnessError, match="contradiction"):
        trained("mnli@teaching", teacher=str(turned), max_steps=3)


@pytest.fixture(scope="module")
def larger_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wider model with another tokenizer."""
    from transformers import XLMRobertaConfig, XLMRobertaModel

    folder = tmp_path_factory.mktemp("larger-model")
    tokenizer = train_tokenizer([CONTEXT, "a bird did not sing in the garden yesterday"] * 20, vocabulary=120)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(3)
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = XLMRobertaConfig(vocab_size=len(tokenizer), max_position_embeddings=514, type_vocab_size=1, **sizes)
    XLMRobertaModel(config).save_pretrained(folder)
    return folder


def test_a_larger_model_with_other_tokens_teaches_a_smaller_one(
    trained: Callable[..., TrainedStage], corpus: Path, larger_model: Path, tmp_path: Path
) -> None:
    def teacher(task: str) -> TrainedStage:
        return train(str(larger_model), task, out=tmp_path / task, options=options(corpus))

    mnli = teacher("mnli")
    live, stored = (
        trained("mnli@teaching", teacher=str(mnli.folder), signals=kind, alpha=1.0) for kind in ("live", "stored")
    )
    facts = live.summary["objectives"]["mnli"]["teaching"]
    assert 100 * facts["teacher_agreement"] == pytest.approx(mnli.summary["dev_score"], abs=1e-3)
    assert stored.summary["loss"][0][1] == pytest.approx(live.summary["loss"][0][1], abs=1e-3)
    assert live.summary["loss"] != trained("mnli@teaching", teacher="self", alpha=1.0).summary["loss"]
    with pytest.raises(UsageError, match="its tokenizer is not that of the model that learns from it"):
        trained("squad@teaching", teacher=str(teacher("squad").folder))


def test_stored_signals_train_the_same_model(trained: Callable[..., TrainedStage]) -> None:
    live, stored = (trained("mnli@teaching", teacher="self", signals=kind) for kind in ("live", "stored"))
    assert stored.summary["loss"][0][1] == pytest.approx(live.summary["loss"][0][1], abs=1e-3)
    assert stored.summary["key"] != live.summary["key"]


def test_a_teacher_is_asked_about_what_the_objectives_behind_it_make_of_the_data(
    trained: Callable[..., TrainedStage],
) -> None:
    """``teaching@fusion`` made the stored signals of rows that were no pairs yet."""
    for name in ("fusion", "shuffled"):
        before, behind = f"mnli[en,de]@{name}@teaching", f"mnli[en,de]@teaching@{name}"
        one, other = (trained(each, teacher="self", signals="stored", max_steps=2) for each in (before, behind))
        assert same_weights(one.folder, other.folder)
        [[told], [told_behind]] = ([*each.summary["objectives"].values()] for each in (one, other))
        assert told["teaching"]["signals_sha256"] == told_behind["teaching"]["signals_sha256"]


@pytest.mark.parametrize("options", [{}, {"method": "free"}, {"weight": 0.5}])
def test_what_a_model_says_under_adversarial_noise_is_taught(
    trained: Callable[..., TrainedStage], options: dict[str, Any]
) -> None:
    """The output of the first pass, of the ascent, was taken, whose graph is gone by the time of the last."""
    taught = trained("mnli@adversarial@teaching", teacher="self", max_steps=2, **options)
    assert taught.summary["steps"] == 2
    assert not same_weights(taught.folder, trained("mnli@adversarial", max_steps=2, **options).folder)


class Stop(KeyboardInterrupt):
    pass


class StopsAt(ProgressListener):
    """Ends the training of one stage at a step, and notes what was trained."""

    def __init__(self, name: str, step: int) -> None:
        self.name, self.step = name, step
        self.begun: list[str] = []
        self.coming: list[str] = []

    def stages(self, coming: Any) -> None:
        self.coming = [stage.name for stage in coming]

    def training(self, task: str) -> Callable[[int, int, float], None]:
        self.begun.append(task)

        def told(step: int, total: int, loss: float) -> None:
            if task == self.name and step >= self.step:
                raise Stop

        return told


def test_a_kill_in_the_training_of_the_teacher_goes_on_there(
    corpus: Path, small_model: Path, tmp_path: Path, trained: Callable[..., TrainedStage]
) -> None:
    long = {"max_steps": 24, "save_every": 7}
    chosen = options(corpus, teacher="self", **long)

    def begin(listener: ProgressListener) -> TrainedStage:
        return train(str(small_model), "mnli@teaching", out=tmp_path / "out", options=chosen, reporter=listener)

    first = StopsAt("mnli", 20)
    with pytest.raises(Stop):
        begin(first)
    assert first.coming == ["mnli", "mnli@teaching"] and first.begun == ["mnli"]
    [unfinished] = (tmp_path / "stages").glob("mnli-*.partial")
    assert json.loads((unfinished / "state" / "progress.json").read_text())["step"] == 14
    second = StopsAt("mnli@teaching", 20)
    with pytest.raises(Stop):
        begin(second)
    third = StopsAt("", 0)
    taught = begin(third)
    assert (second.coming, third.coming) == (["mnli", "mnli@teaching"], ["mnli@teaching"])
    assert third.begun == ["mnli@teaching"]
    assert same_weights(taught.folder, trained("mnli@teaching", teacher="self", **long).folder)


def test_a_run_records_its_teacher_and_cache_prune_keeps_it(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    chosen = options(corpus, objective="teaching", teacher="self")
    listener = StopsAt("", 0)
    run = evaluate(str(small_model), ["xnli[en]"], out=tmp_path / "run", options=chosen, reporter=listener)
    names = ["mnli", "mnli@teaching"] if listener.coming[0].startswith("mnli") else ["xnli", "xnli@teaching"]
    assert listener.coming == listener.begun == names
    [stage] = run.record["stages"]
    assert stage["name"] == names[1] and run.record["resources"]["teacher"] == stage["inputs"][0]["stage"]
    kept = {kept.folder.name.rpartition("-")[0]: kept for kept in find_stages(tmp_path, find_runs(tmp_path))}
    assert set(kept) == set(names) and all(each.runs for each in kept.values())
    again = StopsAt("", 0)
    evaluate(str(small_model), ["xnli[en]"], out=tmp_path / "run", options=chosen, reporter=again)
    assert again.begun == []


class Plugin:
    """The objective as a plugin of its own, for one family."""

    def __init__(self, family: str) -> None:
        self.family = family

    @hookimpl
    def harness_objectives(self) -> list[Objective]:
        where = "harness.training.objectives.teaching:Teaching"
        return [Objective("taught", 1, where, families=(self.family,), needs=("teacher",))]


@pytest.mark.parametrize(
    ("family", "check"), [("classification", killed), ("multiple_choice", cut), ("classification", off)]
)
def test_it_keeps_the_promises_of_objectives(family: str, check: Any, corpus: Path, tmp_path: Path) -> None:
    registry = Registry()
    registry.add(Plugin(family), "mine")
    [(what, status, detail)] = check(Subject.of("mine", registry, corpus, tmp_path))
    assert (what, status) == ("objective taught", "passed"), detail


@pytest.mark.parametrize(
    ("expression", "overrides", "message"),
    [
        ("mnli@teaching", {}, "needs a teacher"),
        ("mnli@teaching", {"teacher": "self", "alpha": 1.5}, "option alpha: a number from 0 to 1"),
        ("mnli@teaching", {"teacher": "self", "temperature": 0}, "option temperature: a positive number"),
        ("mnli@teaching", {"teacher": "self", "signals": "both"}, "option signals: 'live' or 'stored'"),
        ("mlm@teaching", {"teacher": "self"}, "not for the family 'mlm'"),
        ("mnli@masked@teaching", {"teacher": "self"}, "predicts no distribution that could be taught"),
        ("mnli@teaching+squad", {"teacher": "self"}, "teaches one task a stage"),
    ],
)
def test_what_cannot_be_taught_is_refused(
    trained: Callable[..., TrainedStage], expression: str, overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(HarnessError, match=message):
        trained(expression, **overrides)


# What it is for


TAGGER = """
import json
from harness import FileData, IntermediateTask, Split, Tagged, TargetTask, hookimpl, splits

TAGS = ("ADJ", "ADP", "AUX", "DET", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "VERB")

def lines(path):
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())

def file(name, **more):
    return Split(FileData((f"tagger/{name}.jsonl",), lines, "the test writes it", **more))

def read(row):
    return Tagged(row["id"], tuple(row["words"]), tuple(row["tags"]) if row["tags"] else None)

FIELDS = dict(
    version=1, family="tagging", metric="accuracy", labels=TAGS, example=read, summary="tags of words", licence="CC0 1.0",
    citation="nobody",
)

@hookimpl
def harness_intermediate_tasks():
    translated = file("train-de", origin="machine_translation", system="nobody")
    yield IntermediateTask(
        "tagger", train=file("train-en"), dev=file("dev-en"), languages=splits("de", train=lambda code: translated), **FIELDS
    )

@hookimpl
def harness_target_tasks():
    tests = splits("en de", test=lambda code: file(f"test-{code}"))
    yield TargetTask("tagged", train="tagger", languages=tests, **FIELDS)
"""


@pytest.fixture
def tagger(corpus: Path, tmp_path: Path) -> tuple[Path, Registry]:
    """English sentences with tags, German ones without, and a task that is scored in both languages."""
    (tmp_path / "tagger_plugin.py").write_text(TAGGER)
    registry = get_registry([tmp_path / "tagger_plugin.py"])
    data, udpos = DataAccess.of(registry, str(corpus), offline=True), registry.task("udpos")
    (tmp_path / "data" / "tagger").mkdir(parents=True)

    def write(name: str, split: Any, tagged: bool = True) -> None:
        rows = [
            {"id": f"{name}-{each.id}", "words": each.words, "tags": each.tags if tagged else None}
            for each in data.load(udpos, split).examples
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / "data" / "tagger" / f"{name}.jsonl").write_text(text)

    write("train-en", udpos.train)
    write("train-de", udpos.languages["de"]["dev"], tagged=False)
    for name, code in (("dev", "en"), ("test", "en"), ("test", "de")):
        write(f"{name}-{code}", udpos.languages[code][name])
    return tmp_path, registry


def test_german_is_tagged_as_well_after_teaching_on_untagged_translations(
    tagger: tuple[Path, Registry], small_model: Path
) -> None:
    here, registry = tagger
    chosen = options(here / "data", max_steps=70, batch=16, lr=4e-3)
    chosen = replace(chosen, train_limit=None)
    plain = train(str(small_model), "tagger", out=here / "plain", options=chosen, registry=registry)
    taught = train(
        str(small_model),
        "tagger[en,de]@teaching",
        out=here / "taught",
        options=replace(chosen, overrides={**chosen.overrides, "teacher": str(plain.folder)}),
        registry=registry,
    )
    assert taught.summary["items"][0] > plain.summary["items"][0]
    assert taught.summary["objectives"]["tagger[en,de]"]["teaching"]["alpha"] == 1
    resources = taught.summary["resources"]
    assert (resources["labels"], resources["text"]) == (["en"], ["de"])
    assert [each["to"] for each in resources["translations_train"]] == ["de"]
    scores = {}
    for stage in (plain, taught):
        run = evaluate(
            str(stage.folder),
            ["tagged"],
            out=here / f"run-{stage.folder.name}",
            options=replace(chosen, train="never", overrides={}),
            registry=registry,
        )
        units = run.record["units"].items()
        scores[stage.folder.name] = {
            Unit.of(key).language: unit["score"]["metrics"]["accuracy"]["value"] for key, unit in units
        }
    assert scores["plain"]["de"] > 25  # about a quarter are nouns
    assert scores["taught"]["de"] >= scores["plain"]["de"] - 1


def test_a_small_student_comes_nearer_to_a_larger_teacher_than_one_that_it_does_not_teach(
    tagger: tuple[Path, Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Distillation between sizes on sentences without labels, told by German sentences that neither of them has seen.

    The models are the tiny ones of width 256 and 64, of a hundredth of their text.
    """
    here, registry = tagger
    text = tiny._text
    monkeypatch.setattr(tiny, "_text", lambda variant: {code: lines[::100] for code, lines in text(variant).items()})
    for width in (64, 256):
        tiny.build_tiny(here / str(width), f"tiny-{width}", steps=1)

    def of(name: str, width: int, task: str, **more: Any) -> Path:
        chosen = options(here / "data", batch=16, select="last", **more)
        chosen = replace(chosen, train_limit=None)
        return train(str(here / str(width)), task, out=here / name, options=chosen, registry=registry).folder

    teacher = of("teacher", 256, "tagger", max_steps=25, lr=1e-3)
    plain = of("untaught", 64, "tagger", max_steps=40, lr=5e-3)
    taught = of("taught", 64, "tagger[en,de]@teaching", max_steps=40, lr=5e-3, teacher=str(teacher))
    task = registry.task("tagged")
    german = DataAccess.of(registry, str(here / "data"), offline=True).load(task, task.languages["de"]["test"]).examples
    family, tokenizer = Tagging(task.labels, build(Tagging.Options, {})), load_tokenizer(teacher)
    rows: Any = family.features(tokenizer, german, training=True)
    batch = {name: torch.from_numpy(value) for name, value in rows.batch(np.arange(len(rows)), 1).items()}
    logits = []
    for folder in (teacher, plain, taught):
        with torch.no_grad():
            [found] = family.distributions(family.load(str(folder), dtype="float32").eval(), batch)
        logits.append(found.logits)
    away = [float(divergence(logits[0], each)) / len(each) for each in logits[1:]]
    assert 0 < away[1] < 0.5 * away[0], away
