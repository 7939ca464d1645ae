"""Objectives: the controls masked and shuffled, what they leave alone, and how objectives are named, kept and refused."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness import (
    Answer,
    Choice,
    Match,
    Objective,
    ObjectiveContext,
    Pair,
    Question,
    StageObjective,
    Tagged,
    Text,
    hookimpl,
)
from harness.api import evaluate, train
from harness.core.errors import HarnessError, PluginError, UsageError
from harness.data.sources import load_examples
from harness.families.classification import Classification
from harness.leaderboard._setting import setting
from harness.leaderboard.export import export_row
from harness.models.load import load_tokenizer
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.results.run_view import view
from harness.training.objectives.composition import Composition, Layer
from harness.training.objectives.masked import Masked, MaskedRows
from harness.training.objectives.shuffled import shuffled
from harness.training.stage import TrainedStage
from harness.types.options import EvalOptions, build
from tests.training_stages import once_each

LABELS = ("no", "yes")


def options(corpus: Path, *via: str, **overrides: Any) -> EvalOptions:
    overrides = {"max_steps": 3, "batch": 8, **overrides}
    return EvalOptions(
        data_dir=str(corpus), offline=True, device="cpu", recipe="tiny", train_limit=24, via=via, overrides=overrides
    )


@pytest.fixture(scope="module")
def trained(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Trains an expression, once each."""
    folder = tmp_path_factory.mktemp("stages")
    return once_each(folder, small_model, partial(options, corpus))


# What the controls do


def test_masked_trains_as_many_steps_on_the_very_tokens_of_the_task(trained: Any) -> None:
    plain, masked = trained("mnli").summary, trained("mnli@masked").summary
    assert [masked[name] for name in ("tokens", "items", "steps")] == [
        plain[name] for name in ("tokens", "items", "steps")
    ]
    assert masked["dev"] == [] and masked["selected_step"] == 3
    assert masked["loss"] != plain["loss"]
    [architecture] = json.loads((trained("mnli@masked").folder / "config.json").read_text())["architectures"]
    assert architecture == "XLMRobertaForMaskedLM"


def test_shuffled_trains_as_many_steps_on_the_same_texts(trained: Any) -> None:
    plain, other = trained("mnli").summary, trained("mnli@shuffled").summary
    assert [other[name] for name in ("tokens", "items", "steps", "fresh")] == [
        plain[name] for name in ("tokens", "items", "steps", "fresh")
    ]
    assert other["dev"] == [] and other["selected_step"] == 3
    assert other["loss"] != plain["loss"]


@pytest.mark.parametrize("task", ["squad", "copa", "mnli+squad@masked"])
def test_masked_works_on_the_rows_of_every_family(trained: Any, task: str) -> None:
    expression = task if "@" in task else f"{task}@masked"
    plain, masked = trained(expression.replace("@masked", "")).summary, trained(expression).summary
    assert masked["tokens"] == plain["tokens"] and masked["items"] == plain["items"]


def pairs(count: int = 60) -> list[Pair]:
    return [Pair(str(i), f"text {i}", "", LABELS[i % 3 == 0] if i else None) for i in range(count)]


def test_shuffled_labels_are_a_permutation_that_the_seed_decides() -> None:
    before = pairs()
    after = shuffled(before, np.random.default_rng(1))
    assert [(p.id, p.a) for p in after] == [(p.id, p.a) for p in before]  # type: ignore[attr-defined]
    assert Counter(p.label for p in after) == Counter(p.label for p in before)  # type: ignore[attr-defined]
    assert after[0] == before[0]  # it has no label
    assert after != before and after == shuffled(before, np.random.default_rng(1))
    assert after != shuffled(before, np.random.default_rng(2))


def test_shuffled_choices_stay_within_their_options() -> None:
    before = [Choice(str(i), "p", ("a", "b", "c")[: 2 + i % 2], i % (2 + i % 2)) for i in range(40)]
    after = [one for one in shuffled(before, np.random.default_rng(1)) if isinstance(one, Choice)]
    assert all(one.answer is not None and one.answer < len(one.options) for one in after)
    assert Counter((len(c.options), c.answer) for c in after) == Counter((len(c.options), c.answer) for c in before)
    assert after != before


def test_shuffled_tags_depend_on_the_word_alone() -> None:
    words = "the dog sees a cat and the cat sees a dog".split()
    before = [Tagged(str(i), tuple(words[i:]), tuple("DNVDNCDNVDN"[i:])) for i in range(5)]
    before.append(Tagged("open", ("the", "end"), None))
    after = [one for one in shuffled(before, np.random.default_rng(3)) if isinstance(one, Tagged)]
    tags = [(w, t) for one in after if one.tags is not None for w, t in zip(one.words, one.tags, strict=True)]
    assert len({word for word, _ in tags}) == len(set(tags))
    assert after[-1] == before[-1] and [one.words for one in after] == [one.words for one in before]


def test_shuffled_answers_are_spans_of_the_context_with_as_many_words() -> None:
    context = "  One fine day,\nthe dog of my neighbour sang a song. "
    before = [Question(str(i), "who?", context, (Answer("the dog", context.index("the dog")),)) for i in range(30)]
    before += [
        Question("none", "who?", context, (), impossible=True),
        Question("zh", "谁", "猫睡在垫子上", (Answer("猫", 0),)),
    ]
    after = [one for one in shuffled(before, np.random.default_rng(3)) if isinstance(one, Question)]
    for one in after[:30]:
        (answer,) = one.answers
        assert context[answer.start : answer.start + len(answer.text)] == answer.text
        assert len(answer.text.split()) == 2 and answer.text == answer.text.strip()
    assert len({one.answers[0].start for one in after[:30]}) > 5
    assert after[30] == before[30]
    (answer,) = after[31].answers
    assert len(answer.text) == 1 and "猫睡在垫子上"[answer.start] == answer.text


def test_shuffled_matches_get_other_candidates_and_texts_without_labels_are_refused() -> None:
    before = [Match(str(i), f"q{i}", f"c{i}") for i in range(20)]
    after = shuffled(before, np.random.default_rng(0))
    assert sorted(m.candidate for m in after) == sorted(m.candidate for m in before)  # type: ignore[attr-defined]
    assert sum(one == other for one, other in zip(after, before, strict=True)) < 5
    with pytest.raises(UsageError, match="no labels to permute in Text examples"):
        shuffled([Text("1", "running text")], np.random.default_rng(0))


class Seen:
    """Stands in for the loss of a family and remembers the batch."""

    def __call__(self, batch: Any) -> Any:
        self.batch = {name: value.clone() for name, value in batch.items()}
        return torch.zeros(()), torch.zeros(())


@pytest.mark.parametrize("side", ["right", "left"])
def test_masks_belong_to_rows_however_they_are_batched(small_model: Path, side: str) -> None:
    """Other rows beside it, a wider batch, another order and another side of padding change no mask of a row."""
    tokenizer = load_tokenizer(small_model)
    family = Classification(LABELS, build(Classification.Options, {}))
    features = MaskedRows(family, 0.3).features(tokenizer, pairs(), training=True)
    objective = Masked(Masked.Options(0.3))

    def masks(rows: list[int], step: int = 4) -> dict[int, tuple[list[int], list[int]]]:
        context = ObjectiveContext(42, family, tokenizer, "cpu", step=step, total=9, rows=np.array(rows))
        batch = {n: torch.from_numpy(a) for n, a in features.batch(np.array(rows), tokenizer.pad_token_id or 0).items()}
        if side == "left":
            order = batch["attention_mask"].argsort(dim=1, stable=True)
            batch = {name: value.gather(1, order) for name, value in batch.items()}
        seen = Seen()
        objective.loss(None, batch, seen, context)  # type: ignore[arg-type]
        there = seen.batch["attention_mask"] == 1
        assert set(seen.batch) == {"input_ids", "attention_mask", "labels"}
        special = torch.isin(batch["input_ids"], torch.tensor(tokenizer.all_special_ids))
        assert (seen.batch["labels"][special | ~there] == -100).all()
        return {
            row: (seen.batch["input_ids"][i][there[i]].tolist(), seen.batch["labels"][i][there[i]].tolist())
            for i, row in enumerate(rows)
        }

    everything = masks(list(range(59)))
    assert masks([7, 3]) == {row: everything[row] for row in (7, 3)}
    assert masks([3]) == {3: everything[3]}
    assert masks([3], step=5) != masks([3])
    labels = [label for _, found in everything.values() for label in found]
    share = sum(label != -100 for label in labels) / sum(len(features.ids[row]) - 2 for row in range(59))
    assert 0.2 < share < 0.4


# How objectives are put together


class Recording(StageObjective):
    def __init__(self, name: str, log: list[str]) -> None:
        super().__init__(None)
        self.name, self.log = name, log

    def examples(self, examples: Any, context: Any) -> Any:
        self.log.append(f"examples {self.name}")
        return examples

    def loss(self, model: Any, batch: Any, plain: Any, context: Any) -> Any:
        self.log.append(f"before {self.name}")
        found = plain(batch)
        self.log.append(f"after {self.name}")
        return found

    def finish(self, model: Any) -> Any:
        self.log.append(f"finish {self.name}")
        return model


def test_data_pass_the_first_objective_first_and_its_loss_is_the_innermost() -> None:
    log: list[str] = []
    layers = [Layer(Objective(name, 1, "x:X"), Recording(name, log)) for name in "ab"]
    both = Composition(tuple(layers))
    assert both.suffix == "@a@b" and both.finishes
    both.examples([], None)  # type: ignore[arg-type]
    assert both.loss(None, {}, lambda model, batch: "plain", None) == "plain"  # type: ignore[arg-type,return-value,comparison-overlap]
    both.finish(None)  # type: ignore[arg-type]
    assert log == ["examples a", "examples b", "before b", "before a", "after a", "after b", "finish b", "finish a"]


# Third parties' objectives, in stages


@dataclass(frozen=True)
class Weight:
    weight: float = 1.0


class Scaled(StageObjective):
    """Multiplies the loss; marks the model it prepares, and takes the mark off again."""

    Options = Weight

    def prepare(self, model: Any, context: Any) -> Any:
        model.register_parameter("mark", torch.nn.Parameter(torch.zeros(3)))
        return model

    def loss(self, model: Any, batch: Any, plain: Any, context: Any) -> Any:
        loss, terms = plain(batch)
        return loss * self.options.weight, terms

    def finish(self, model: Any) -> Any:
        del model.mark
        return model

    def facts(self) -> dict[str, Any]:
        return {"weight": self.options.weight}


class Taught(StageObjective):
    """Distils the logits of a teacher."""

    def loss(self, model: Any, batch: Any, plain: Any, context: Any) -> Any:
        from torch.nn.functional import kl_div, log_softmax

        with torch.no_grad():
            wanted = context.family.outputs(context.teacher, batch)["logits"]
        found = context.family.outputs(model, batch)["logits"]
        loss = kl_div(log_softmax(found, -1), log_softmax(wanted, -1), log_target=True, reduction="sum")
        return loss, torch.tensor(len(found))


class Raising(StageObjective):
    def loss(self, model: Any, batch: Any, plain: Any, context: Any) -> Any:
        raise ZeroDivisionError("by me")


class Halved(StageObjective):
    def examples(self, examples: Any, context: ObjectiveContext) -> Any:
        return examples[::2]


class Paired(StageObjective):
    def examples(self, examples: Any, context: ObjectiveContext) -> Any:
        self.seen = [(one.id, one.a, other.a) for one, other in zip(examples, context.partners, strict=True)]
        return examples

    def facts(self) -> dict[str, Any]:
        return {"seen": self.seen}


class Plugin:
    @hookimpl
    def harness_objectives(self) -> list[Objective]:
        here = f"{__name__}:"
        return [
            Objective("scaled", 1, here + "Scaled"),
            Objective("taught", 1, here + "Taught", families=("classification",), needs=("teacher",)),
            Objective("translating", 1, here + "Scaled", needs=("translations",)),
            Objective("halved", 1, here + "Halved"),
            Objective("paired", 1, here + "Paired", needs=("translations",)),
            Objective("deep", 1, here + "Scaled", needs=("gradients",)),
            Objective("raising", 1, here + "Raising"),
            Objective("no-class", 1, here + "pairs"),
        ]


@pytest.fixture(scope="module")
def registry() -> Registry:
    found = Registry()
    found.add(Plugin(), "mine")
    return found


def test_an_objective_is_in_key_name_and_record_and_leaves_plain_stages_alone(
    corpus: Path, small_model: Path, tmp_path: Path, registry: Registry, trained: Any
) -> None:
    def of(expression: str, **overrides: Any) -> TrainedStage:
        out = tmp_path / f"{expression}-{len(list(tmp_path.iterdir()))}"
        return train(str(small_model), expression, out=out, options=options(corpus, **overrides), registry=registry)

    scaled, double = of("mnli@scaled"), of("mnli@scaled", weight=2.0)
    plain = trained("mnli")
    assert len({plain.summary["key"], scaled.summary["key"], double.summary["key"]}) == 3
    assert of("mnli", weight=2.0).summary["key"] == plain.summary["key"]
    assert scaled.summary["name"] == "mnli@scaled" and scaled.summary["lineage"] == ["mnli@scaled"]
    [task] = double.summary["tasks"]
    [said] = task["objective"]
    assert said == {"name": "scaled", "version": 1, "provider": "added:mine", "options": {"weight": 2.0}}
    assert "objective" not in plain.summary["tasks"][0] and "inputs" not in plain.summary
    assert double.summary["objectives"] == {"mnli": {"scaled": {"weight": 2.0}}}
    # A weight of 1 is the plain loss to the bit, and the finished checkpoint has lost the mark.
    from safetensors.torch import load_file

    first, second = (load_file(each.folder / "model.safetensors") for each in (plain, scaled))
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_teacher_is_an_input_of_the_stage(
    corpus: Path, small_model: Path, tmp_path: Path, registry: Registry, trained: Any
) -> None:
    def of(teacher: Path, name: str) -> TrainedStage:
        chosen = options(corpus, teacher=str(teacher), lr=1e-3)
        return train(str(small_model), "mnli@taught", out=tmp_path / name, options=chosen, registry=registry)

    teacher, other = trained("mnli"), trained("mnli@shuffled")
    one, two = of(teacher.folder, "one"), of(other.folder, "two")
    assert one.summary["key"] != two.summary["key"] and one.summary["loss"] != two.summary["loss"]
    [given] = one.summary["inputs"]
    assert given == {
        "role": "teacher",
        "name": str(teacher.folder),
        "fingerprint": teacher.summary["fingerprint"],
    }
    assert one.summary["resources"]["teacher"] == teacher.summary["fingerprint"]
    assert one.summary["resources"]["labels"] == ["en"]
    with pytest.raises(HarnessError, match="no trained head for this task"):
        of(small_model, "three")


def test_an_objective_that_needs_translations_gets_the_english_of_each_example(
    corpus: Path, small_model: Path, tmp_path: Path, registry: Registry
) -> None:
    mnli = get_registry().intermediate("mnli")
    english = load_examples(mnli, mnli.train, data_dir=corpus, offline=True).examples
    rows = [
        {"premise": f"de {one.a}", "hypothesis": one.b, "label": one.label, "source": one.id}
        for one in english
        if isinstance(one, Pair)
    ]
    folder = tmp_path / "data/translated/mnli/de"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    asked = replace(options(corpus), data_dir=f"{tmp_path / 'data'}{os.pathsep}{corpus}")

    def of(expression: str) -> tuple[list[tuple[str, str, str]], Any]:
        summary = train(
            str(small_model), expression, out=tmp_path / expression, options=asked, registry=registry
        ).summary
        [facts] = summary["objectives"].values()
        return facts["paired"]["seen"], summary

    seen, summary = of("mnli[en,de]@paired")
    assert len(seen) == 24 and summary["tasks"][0]["pairs"] == {
        "translated": sum(name.startswith("de:") for name, _, _ in seen),
        "human": 0,
        "self": sum(not name.startswith("de:") for name, _, _ in seen),
    }
    assert summary["tasks"][0]["pairs"]["translated"] > 3 < summary["tasks"][0]["pairs"]["self"]
    assert all(own == (f"de {other}" if name.startswith("de:") else other) for name, own, other in seen)
    halved, _ = of("mnli[en,de]@halved@paired")
    assert halved == seen[::2]


@pytest.mark.parametrize(
    ("expression", "overrides", "message"),
    [
        ("mnli@maskd", {}, "unknown objective 'maskd'"),
        ("mnli@masked@masked", {}, "the objective 'masked' occurs twice"),
        ("mnli@", {}, "expected the name of an objective"),
        ("mlm@masked", {}, "the task has no labels that could be left out"),
        ("mlm@shuffled", {}, "no labels to permute"),
        ("mnli@taught", {}, "needs a teacher"),
        ("squad@taught", {"teacher": "tiny"}, "not for the family 'span_qa'"),
        ("mnli@taught+squad", {"teacher": "tiny"}, "teaches one task a stage"),
        ("mnli@masked", {"teacher": "tiny"}, "no objective of this run needs a teacher"),
        ("mnli@translating", {}, "needs translations among the training data of 'mnli'"),
        ("mnli", {"objective": "shuffled"}, "it is for tasks that are scored"),
        ("mnli@no-class", {}, "is not a StageObjective"),
        ("mnli@masked", {"mlm_probability": 2}, "mlm_probability"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    corpus: Path,
    small_model: Path,
    tmp_path: Path,
    registry: Registry,
    expression: str,
    overrides: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(HarnessError, match=message):
        train(
            str(small_model), expression, out=tmp_path / "out", options=options(corpus, **overrides), registry=registry
        )


def test_what_an_objective_raises_is_said_to_be_its_plugins(
    corpus: Path, small_model: Path, tmp_path: Path, registry: Registry
) -> None:
    with pytest.raises(PluginError, match="added:mine: objective 'raising': implementation: ZeroDivisionError: by me"):
        train(str(small_model), "mnli@raising", out=tmp_path / "out", options=options(corpus), registry=registry)


def test_options_of_a_control_can_be_set_for_it_alone(trained: Any) -> None:
    control = trained("mnli@masked", **{"mnli@masked.max_steps": 2, "mnli@masked.mlm_probability": 0.5}).summary
    assert control["steps"] == 2
    assert control["tasks"][0]["objective"][0]["options"] == {"mlm_probability": 0.5}
    assert trained("mnli@masked", **{"mnli.max_steps": 1}).summary["steps"] == 1


# Runs


@pytest.mark.parametrize(
    ("objective", "suffix"),
    [("noise", ""), ("shuffled", "+objective:shuffled"), ("shuffled@noise", "+objective:shuffled@noise")],
)
def test_methods_rank_with_other_systems_of_their_setting_and_controls_apart(
    corpus: Path, small_model: Path, tmp_path: Path, objective: str, suffix: str
) -> None:
    chosen = options(corpus, objective=objective, max_steps=1)
    run = evaluate(str(small_model), ["xnli[en]"], out=tmp_path / "run", options=chosen)
    said = run.record["stages"][0]["tasks"][0]["objective"]
    assert [each.get("method", False) for each in said] == [name == "noise" for name in objective.split("@")]
    row = export_row(tmp_path / "run", get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    assert row["setting"] == f"zero_shot_en{suffix}" and row["system"].endswith(f" + objective {objective}")


def test_a_run_with_an_objective_never_looks_like_the_plain_one(
    corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    chosen = options(corpus, "mnli@masked", "squad@shuffled", objective="shuffled")
    run = evaluate(str(small_model), ["xnli[en,de]"], out=tmp_path / "run", options=chosen)
    names = ["mnli@masked", "squad@shuffled", "xnli@shuffled"]
    assert [stage["name"] for stage in run.record["stages"]] == names
    assert run.record["stages"][-1]["lineage"] == names
    assert run.record["resources"]["intermediate"] == names[:2]
    said = setting(run.record, run.record["resources"])
    assert said == "zero_shot_en+intermediate:mnli@masked,squad@shuffled+objective:shuffled"
    assert view(run.record, "run").model.endswith(" via mnli@masked > squad@shuffled with objective shuffled")
    row = export_row(tmp_path / "run", get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    assert row["system"].endswith(" + mnli@masked + squad@shuffled + objective shuffled")
    assert row["setting"] == said


def test_a_control_without_the_tasks_head_is_refused_where_it_would_be_scored(
    corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="trains no head that could be scored on 'xnli'") as caught:
        evaluate(str(small_model), ["xnli[en]"], out=tmp_path / "run", options=options(corpus, objective="masked"))
    assert "--via 'anli_plus@masked'" in caught.value.hint  # xnli itself is no intermediate task


def test_an_objective_for_one_task_is_for_that_task(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    chosen = options(corpus, **{"xnli.objective": "shuffled"})
    run = evaluate(str(small_model), ["xnli[en]", "pawsx[en]"], out=tmp_path / "run", options=chosen)
    assert {stage["name"] for stage in run.record["stages"]} == {"xnli@shuffled", "pawsx"}
