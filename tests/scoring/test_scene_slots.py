"""Slots of captions count against all that is true of a scene; chance and ceiling are those that drawing lots finds."""

from __future__ import annotations

import json
import random
from dataclasses import asdict
from itertools import product
from typing import Any

import pytest

from harness.data.scenes.captions import WORDINGS, caption, fitting_values, given_slots
from harness.data.scenes.claims import KINDS, RELATIONS, Claim, Shape, read_facts, true_claims
from harness.data.scenes.generate import scenes
from harness.scoring.metrics import get_metric
from harness.scoring.metrics.caption_match import words

CIRCLE = Shape("circle", "red", "big", 6, 20, 6)
RING = Shape("ring", "blue", "small", 24, 20, 4)
BAR = Shape("bar", "green", "small", 24, 6, 4)
METRIC = get_metric("scene_slots")


def gold(*shapes: Shape, said: Claim, wording: str = "", language: str = "en") -> dict[str, Any]:
    facts = {"shapes": [asdict(shape) for shape in shapes], "said": asdict(said), "given": given_slots(said, wording)}
    return {
        "caption": caption(said, language, wording)[0],
        "others": [],
        "language": language,
        "facts": json.dumps(facts),
    }


def scored(known: dict[str, Any], text: str | None) -> dict[str, float]:
    return METRIC.compute([known], [text], known["language"])


PAIR = gold(CIRCLE, RING, said=Claim((CIRCLE.looks, RING.looks), "left"))


@pytest.mark.parametrize(
    ("text", "kind", "colour", "size", "relation", "exact"),
    [
        ("A big red circle is to the left of a small blue ring.", 100, 100, 100, 100, 100),
        ("To the left of a small blue ring is a big red circle.", 100, 100, 100, 100, 100),
        ("A small blue ring is to the right of a big red circle.", 100, 100, 100, 100, 100),
        ("A big red circle is to the right of a small blue ring.", 100, 100, 100, 0, 0),
        ("A big red ring is to the left of a small blue ring.", 50, 100, 100, 100, 0),
        ("A big red circle is to the left of a big green ring.", 100, 0, 50, 100, 0),
        ("There is a big red circle.", 50, 0, 50, 0, 0),
        ("", 0, 0, 0, 0, 0),
        (None, 0, 0, 0, 0, 0),
    ],
)
def test_a_caption_is_compared_with_the_nearest_true_one(
    text: str | None, kind: float, colour: float, size: float, relation: float, exact: float
) -> None:
    found = scored(PAIR, text)
    wanted = {"kind": kind, "colour": colour, "size": size, "relation": relation, "exact_match": exact}
    assert {name: found[name] for name in wanted} == wanted


def test_what_is_given_does_not_count_and_decides_which_captions_are_true() -> None:
    three = gold(CIRCLE, RING, BAR, said=Claim((CIRCLE.looks, RING.looks), "left"))
    other = "A big red circle is to the left of a small green bar."
    assert scored(three, other)["exact_match"] == 100
    # The words of the other shapes, behind the colour of this one: nothing true begins so.
    assert scored(three, "A small red bar is above a small blue ring.")["kind"] == 50
    # Whoever wrote the whole caption chose the first shape.
    assert scored(three, "A small green bar is above a small blue ring.")["exact_match"] == 100
    assert METRIC.statistics([three], [other], "en")[0, 5:10].tolist() == [2, 1, 2, 1, 0]


def test_the_colour_that_is_given_is_never_right_by_itself() -> None:
    """Where the relation is lost, the shapes are in the order of the caption that was written."""
    for wording, text in (("", "A b red b is b a b b b."), ("second", "B of a b blue b is a b b b.")):
        known = gold(CIRCLE, RING, said=Claim((CIRCLE.looks, RING.looks), "left"), wording=wording)
        found = scored(known, text)
        assert [found[name] for name in METRIC.primary] == [0, 0, 0, 0]


def test_counts_are_of_shapes_that_look_alike() -> None:
    two = (RING, Shape("ring", "blue", "small", 10, 20, 4))
    known = gold(*two, said=Claim((RING.looks,), count=2), language="ru")
    assert scored(known, "Здесь 2 маленьких синих кольца.")["exact_match"] == 100
    assert scored(known, "Здесь 3 маленьких синих круга.")["count"] == 0


@pytest.mark.parametrize("language", ["en", "sw"])
def test_chance_is_what_random_words_get_that_fit_the_rest(language: str) -> None:
    rng = random.Random(0)
    made = list(scenes("test", 40, 32, 1))
    known = [
        gold(*scene.shapes, said=scene.said, wording=dict(scene.wordings)[language], language=language)
        for scene in made
    ]

    def guess(each: dict[str, Any]) -> str:
        read = read_facts(each["facts"])
        fitting = fitting_values(read.said, language, each["caption"])
        slots = {
            slot: value if slot in read.given else rng.choice(fitting[slot])
            for slot, value in read.said.slots().items()
        }
        looks = tuple((slots["kind", i], slots["colour", i], slots["size", i]) for i in range(len(read.said.looks)))
        claim = Claim(looks, slots.get(("relation", 0), ""), int(slots.get(("count", 0), 0)))
        return caption(claim, language, rng.choice(WORDINGS))[0]

    draws = [METRIC.compute(known, [guess(each) for each in known], language) for _ in range(200)]
    chance = METRIC.chance(known, language)
    for name in METRIC.primary:
        assert chance[name].random == pytest.approx(sum(draw[name] for draw in draws) / len(draws), abs=2.2)


def test_chance_of_one_shape_is_one_of_the_values() -> None:
    chance = METRIC.chance([gold(CIRCLE, said=Claim((CIRCLE.looks,)))], "en")
    assert {name: each.random for name, each in chance.items()} == pytest.approx(
        {"kind": 100 / 6, "colour": 100 / 8, "size": 50, "exact_match": 100 / 96}
    )


def test_what_stays_of_a_caption_rules_values_out() -> None:
    claim = Claim((CIRCLE.looks, RING.looks), "left")

    def open_in(language: str, wording: str = "") -> dict[Any, tuple[str, ...]]:
        return fitting_values(claim, language, caption(claim, language, wording)[0])

    english = open_in("en")
    assert (
        english["relation", 0] == ("left", "right") and english["kind", 0] == KINDS and len(english["colour", 1]) == 8
    )
    assert set(open_in("de")["kind", 0]) < set(KINDS)  # the article tells the gender
    assert fitting_values(claim, "en", "other words")["relation", 0] == RELATIONS
    chance = METRIC.chance([PAIR], "en")["relation"].random
    assert chance == pytest.approx(50, abs=1)


def test_the_ceiling_is_what_the_likeliest_words_get_where_several_captions_are_true() -> None:
    """Red circle left of the ring and of the bar: behind the red circle either may be meant."""
    known = gold(CIRCLE, RING, Shape("bar", "green", "small", 24, 6, 4), said=Claim((CIRCLE.looks, RING.looks), "left"))
    true = [
        claim for claim in true_claims(read_facts(known["facts"]).shapes, "relation") if claim.looks[0] == CIRCLE.looks
    ]
    assert {(claim.looks[1][0], claim.relation) for claim in true} == {
        ("ring", "left"),
        ("bar", "left"),
        ("bar", "below"),
    }
    # The likeliest words by themselves: bar, green, small (2 of 3), left (2 of 3): "left of the green bar", which is true.
    assert scored(known, None)["ceiling"] == pytest.approx(100)
    level = gold(
        CIRCLE, RING, Shape("bar", "green", "small", 24, 26, 4), said=Claim((CIRCLE.looks, RING.looks), "left")
    )
    # Ring or bar, blue or green, each with one half: half of the captions mix the two, and then one word is wrong.
    found = scored(level, None)
    mixed = [
        scored(level, f"A big red circle is to the left of a small {c} {k}.")
        for c, k in product(("blue", "green"), ("ring", "bar"))
    ]
    assert found["ceiling"] == pytest.approx(
        sum(draw[name] for draw in mixed for name in METRIC.primary) / len(mixed) / len(METRIC.primary)
    )
    assert found["ceiling"] < 100


def test_captions_as_they_were_written_are_all_true() -> None:
    known = [
        gold(*scene.shapes, said=scene.said, wording=wording, language=language)
        for scene in scenes("composition", 30, 48, 5)
        for language, wording in scene.wordings
    ]
    found = METRIC.compute(known, [each["caption"] for each in known], "en")
    assert [found[name] for name in (*METRIC.primary, "exact_match", "count")] == [100] * 6


def test_words_of_captions_are_compared_without_case_and_punctuation() -> None:
    metric = get_metric("caption_match")
    known = {"caption": "A dog, in snow.", "others": ["The dog"], "language": "en"}
    assert metric.compute([known, known], ["a dog in snow", "the cat"], "en") == {"exact_match": 50.0, "f1": 75.0}
    assert metric.compute([known], [None], "en") == {"exact_match": 0.0, "f1": 0.0}
    assert words("一只 狗。", "zh") == ("一", "只", "狗")
    assert words("यह कुत्ता है।", "hi") == ("यह", "कुत्ता", "है")
