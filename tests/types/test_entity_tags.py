"""Entities are scored right or not at all: tags that are not IOB2 are refused wherever they first show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import DataError, PluginError
from harness.data.sources import load_examples
from harness.registry.default import get_registry
from harness.registry.validation import check
from harness.scoring.files import item_statistics, score_unit
from harness.scoring.formats.tags import Tags
from harness.scoring.metrics import as_evaluate, get_metric
from harness.types.sources import FileData, Split

OTHERS = {
    "classes": ("O", "PERSON", "LOCATION"),
    "one letter": ("O", "B", "I"),
    "lower case": ("O", "b-per", "i-per"),
    "lower-case outside": ("o", "B-PER", "I-PER"),
    "underscores": ("O", "B_PER", "I_PER"),
    "suffixes": ("O", "PER-B", "PER-I"),
    "IOE": ("O", "I-PER", "E-PER"),
    "IOBES": ("O", "B-PER", "I-PER", "E-PER", "S-PER"),
    "BILOU": ("O", "B-PER", "I-PER", "L-PER", "U-PER"),
    "BMES": ("O", "B-PER", "M-PER", "E-PER", "S-PER"),
    "no type": ("O", "B-", "I-"),
    "numbers": ("0", "1", "2"),
    "empty": ("O", ""),
}
HOOKS = {"harness_target_tasks": "panx", "harness_intermediate_tasks": "ccg"}


def task(hook, labels):
    known = get_registry()
    found = known.task("panx") if hook == "harness_target_tasks" else known.intermediate("ccg")
    return replace(found, name="mine", metric="ner_f1", labels=labels)


def first_wrong(labels):
    return next(label for label in labels if label != "O" and (label[:2] not in ("B-", "I-") or not label[2:]))


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("scheme", OTHERS)
def test_a_task_whose_labels_are_not_iob2_is_refused_as_it_is_loaded(scheme, hook):
    wrong = first_wrong(OTHERS[scheme])
    with pytest.raises(PluginError, match="'mine': labels: ") as caught:
        check(hook, task(hook, OTHERS[scheme]))
    assert f"{wrong!r} is not an entity tag: ner_f1 expects IOB2" in str(caught.value)
    assert "`example`" in caught.value.hint and "another metric" in caught.value.hint


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("labels", [(), ("O", "B-PER", "I-PER"), ("B-a-b", "I-a-b"), ("O", "I-人")])
def test_a_task_whose_labels_are_iob2_or_not_declared_is_loaded(labels, hook):
    assert check(hook, task(hook, labels))


@pytest.mark.parametrize("metric", ["accuracy", "udpos_f1", "harness.scoring.metrics.accuracy:Accuracy"])
def test_other_metrics_take_any_tags(metric):
    assert check("harness_target_tasks", replace(task("harness_target_tasks", OTHERS["classes"]), metric=metric))


def tagged_file(folder, tags):
    path = folder / "mine" / "train.tsv"
    path.parent.mkdir()
    path.write_text("".join(f"word\t{tag}\n" for tag in tags) + "\n", encoding="utf-8")
    return Split(FileData(("mine/train.tsv",), get_registry().intermediate("ccg").train.sources[0].read, "by the test"))


def test_training_data_in_another_scheme_are_refused_where_the_task_declares_no_labels(tmp_path):
    split = tagged_file(tmp_path, ["O", "B-PER", "LOCATION"])
    undeclared = task("harness_intermediate_tasks", ())
    with pytest.raises(DataError, match=r"train\.tsv: example '0': 'LOCATION' is not an entity tag") as caught:
        load_examples(undeclared, split, data_dir=tmp_path)
    assert "`example`" in caught.value.hint
    supertags = replace(undeclared, metric="accuracy")
    assert load_examples(supertags, split, data_dir=tmp_path).examples[0].tags == ("O", "B-PER", "LOCATION")


@pytest.mark.parametrize("score", [score_unit, item_statistics])
@pytest.mark.parametrize("side", ["labels", "predictions"])
def test_files_in_another_scheme_are_refused_naming_file_and_line(tmp_path, side, score):
    texts = dict.fromkeys(("labels", "predictions"), "O\nB-PER\n\nI-PER\nO\n")
    texts[side] = "O\nB-PER\n\nI-PER\nPERSON\n"
    paths = {name: tmp_path / f"{name}.tsv" for name in texts}
    for name, text in texts.items():
        paths[name].write_text(text, encoding="utf-8")
    named = {"task_name": "mine"} if score is score_unit else {}
    with pytest.raises(DataError, match=rf"{side}\.tsv:5: 'PERSON' is not an entity tag"):
        score(
            **named, metric=get_metric("ner_f1"), format=Tags(), language="en", label_set=(),
            predictions=paths["predictions"], labels=paths["labels"],
        )  # fmt: skip


def test_tags_in_another_scheme_are_refused_in_plain_python_too():
    tags = [["PERSON", "PERSON", "O"]]
    with pytest.raises(DataError, match="'PERSON' is not an entity tag"):
        get_metric("ner_f1").compute(tags, tags, "en")
    with pytest.raises(DataError, match="'PERSON' is not an entity tag"):
        as_evaluate("ner_f1").compute(predictions=tags, references=tags)


KIND = st.text(st.characters(exclude_categories=("Cs", "Z", "C")), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(KIND, min_size=1, max_size=3, unique=True), st.data())
def test_entities_of_any_types_in_iob2_score_as_sets_of_spans(kinds, data):
    """A sentence is a list of (type or None, length); its entities are what stands in the list, read off no tag."""
    pieces = st.lists(st.tuples(st.none() | st.sampled_from(kinds), st.integers(1, 3)), max_size=6)
    sides = []
    for drawn in data.draw(st.tuples(pieces, pieces)):
        tags, spans = [], set()
        for kind, length in drawn:
            if kind is not None:
                spans.add((kind, len(tags), length))
            tags += ["O"] * length if kind is None else [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
        sides.append((tags, spans))
    longest = max(len(tags) for tags, _ in sides)
    gold, guess = ([[*tags, *["O"] * (longest - len(tags))]] for tags, _ in sides)
    true, found = (spans for _, spans in sides)
    value = 200 * len(true & found) / (len(true) + len(found)) if true or found else 0.0
    assert get_metric("ner_f1").compute(gold, guess, "en")["f1"] == pytest.approx(value)
