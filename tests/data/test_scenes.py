"""Made scenes: captions say what the pixels show, in ten languages, and can be read back; splits share nothing."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness import Captioned, UsageError, readers
from harness.core.errors import DataError
from harness.data.sample.lexicon import LANGUAGES
from harness.data.scenes.captions import WORDINGS, caption, given_slots
from harness.data.scenes.claims import (
    COLOURS,
    COUNTS,
    HELD_OUT,
    KINDS,
    RELATIONS,
    SIZES,
    Claim,
    Shape,
    read_facts,
    true_claims,
)
from harness.data.scenes.draw import NOISE, RGB, draw, mask, png
from harness.data.scenes.generate import SPLITS, scenes
from harness.data.scenes.slots import read_slots
from harness.data.scenes.write import write_scenes

QUICK = settings(max_examples=150, deadline=None)
LOOKS = st.tuples(st.sampled_from(KINDS), st.sampled_from(COLOURS), st.sampled_from(SIZES))
CLAIMS = st.one_of(
    LOOKS.map(lambda looks: Claim((looks,))),
    st.builds(lambda looks, count: Claim((looks,), count=count), LOOKS, st.sampled_from(COUNTS)),
    st.builds(lambda one, two, relation: Claim((one, two), relation), LOOKS, LOOKS, st.sampled_from(RELATIONS)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenes(tmp_path_factory.mktemp("data"), 60, seed=3)


def read(folder: Path, split: str, language: str) -> list[Captioned]:
    return [readers.captioned(row) for row in readers.captions(language)(folder / split / "captions.jsonl")]


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@QUICK
@given(CLAIMS, st.sampled_from(LANGUAGES), st.sampled_from(WORDINGS))
def test_what_a_caption_says_is_read_back_from_it(claim: Claim, language: str, wording: str) -> None:
    text, spans = caption(claim, language, wording)
    assert read_slots(text, language) == claim.slots()
    hidden = text
    for start, end in reversed(spans):
        hidden = hidden[:start] + "_" + hidden[end:]
    kept = {value for slot, value in claim.slots().items() if slot in given_slots(claim, wording)}
    assert {*read_slots(hidden, language).values()} == kept
    assert len(spans) + len(kept) == len(claim.slots())


def test_of_two_shapes_the_colour_of_the_first_is_given() -> None:
    claim = Claim((("bar", "blue", "small"), ("ring", "red", "big")), "left")
    for wording, said in (("", "blue"), ("second", "red")):
        text, spans = caption(claim, "en", wording)
        assert said not in {text[start:end] for start, end in spans}
        assert claim.slots()[given_slots(claim, wording)[0]] == said
    assert not given_slots(Claim((("bar", "blue", "small"),)))


@QUICK
@given(CLAIMS, st.sampled_from(LANGUAGES), st.sampled_from(WORDINGS), st.data())
def test_a_word_that_is_lost_takes_no_other_kind_of_slot_with_it(
    claim: Claim, language: str, wording: str, data: st.DataObject
) -> None:
    text, spans = caption(claim, language, wording)
    start, end = data.draw(st.sampled_from(spans))
    names = {
        name
        for name, _ in read_slots(text, language).items()
        ^ read_slots(text[:start] + "xq" + text[end:], language).items()
    }
    # Without its relation nothing tells which of the two shapes is said first.
    assert len({name for name, _ in names}) == 1 or "relation" in {name for name, _ in names}


def test_captions_agree_in_gender_number_and_case() -> None:
    bar, ring = ("bar", "blue", "small"), ("ring", "red", "big")
    left, three = Claim((bar, ring), "left"), Claim((bar,), count=3)
    assert caption(left, "de")[0] == "Ein kleiner blauer Balken ist links von einem großen roten Ring."
    assert caption(left, "ru", "second")[0] == "Слева от большого красного кольца находится маленькая синяя полоса."
    assert caption(left, "fr", "second")[0] == "À gauche d'un grand anneau rouge se trouve une petite barre bleue."
    assert caption(left, "hi")[0] == "एक छोटी नीली पट्टी एक बड़े लाल छल्ले के बाईं ओर है।"
    assert caption(left, "zh")[0] == "一个小的蓝色长条在一个大的红色圆环的左边。"
    assert caption(three, "en")[0] == "There are 3 small blue bars."
    assert caption(three, "es")[0] == "Hay 3 barras azules pequeñas."
    assert caption(three, "ru")[0] == "Здесь 3 маленьких синих полосы."
    assert caption(three, "sw")[0] == "Kuna mistari midogo ya bluu 3."
    assert caption(three, "ar")[0] == "عدد الأشرطة الزرقاء الصغيرة 3."
    assert caption(three, "ko")[0] == "작은 파란 막대 3개가 있다."


def test_captions_in_an_unknown_language_cannot_be_read() -> None:
    with pytest.raises(DataError, match="not in 'fi'"):
        read_slots("punainen ympyrä", "fi")


def test_what_is_said_first_is_told_by_where_the_relation_stands() -> None:
    direct = read_slots("a big red circle is above a small blue ring", "en")
    assert direct == Claim((("circle", "red", "big"), ("ring", "blue", "small")), "above").slots()
    assert read_slots("above a small blue ring is a big red circle", "en") == direct
    # With one kind and one size only, the caption that it is like decides; with none, the first is said first.
    said = "xq a big red circle above"
    colours = {("kind", 0): "circle", ("colour", 0): "red", ("size", 0): "big", ("relation", 0): "above"}
    assert read_slots(said, "en") == read_slots(said, "en", "A big red circle is above a big red ring.") == colours
    assert read_slots(said, "en", "Above a big red circle is a big red ring.") == {
        (name, 0 if name == "relation" else 1): value for (name, _), value in colours.items()
    }
    assert read_slots("", "en") == read_slots("bigger reds, encircled", "en") == {}


@pytest.mark.parametrize("split", SPLITS)
def test_captions_say_what_is_true_of_their_scene(folder: Path, split: str) -> None:
    for language in LANGUAGES:
        for example in read(folder, split, language):
            facts = read_facts(example.facts)
            assert read_slots(example.caption, language) == facts.said.slots()
            assert facts.said in set(true_claims(facts.shapes, facts.said.form))
            assert len(facts.given) == len(facts.said.slots()) - len(example.spans)


def test_languages_say_the_same_of_a_picture(folder: Path) -> None:
    said = [[(each.id, read_facts(each.facts).said) for each in read(folder, "dev", code)] for code in LANGUAGES]
    assert len(said[0]) == 20 and all(each == said[0] for each in said)


def test_shapes_are_in_the_pixels_where_the_facts_say(folder: Path) -> None:
    for example in read(folder, "train", "en"):
        pixels = np.asarray(Image.open(BytesIO(example.image.read())).convert("RGB")).astype(float)
        facts = read_facts(example.facts)
        shapes, said = facts.shapes, facts.said
        near = {name: np.abs(pixels - rgb).max(axis=2) < 5 * NOISE for name, rgb in RGB.items()}
        drawn = np.zeros(pixels.shape[:2], bool)
        middles = {}
        for shape in shapes:
            rows, columns = (slice(at - shape.radius, at + shape.radius + 1) for at in (shape.y, shape.x))
            own = np.zeros_like(drawn)
            own[rows, columns] = mask(shape.kind, shape.radius)
            assert near[shape.colour][own].mean() > 0.99
            assert not (drawn & own).any()
            drawn |= own
            middles[shape.looks] = np.argwhere(own).mean(axis=0)
        assert not any(each[~drawn].any() for each in near.values())  # nothing else is coloured
        if said.relation:
            (y, x), (other_y, other_x) = (middles[looks] for looks in said.looks)
            holds = {"left": x < other_x, "right": x > other_x, "above": y < other_y, "below": y > other_y}
            assert holds[said.relation]
        if said.count:
            assert said.count == len(shapes)


def test_kinds_of_shapes_look_different_in_either_size() -> None:
    for radius in (4, 6, 8, 12):
        masks = [mask(kind, radius) for kind in KINDS]
        shares = [
            (one ^ other).sum() / min(one.sum(), other.sum())
            for place, one in enumerate(masks)
            for other in masks[:place]
        ]
        assert min(shares) > 0.15


def test_relations_and_counts_of_a_scene_are_all_found() -> None:
    red, blue = Shape("circle", "red", "small", 5, 5, 4), Shape("ring", "blue", "small", 20, 20, 4)
    above = Shape("ring", "blue", "small", 6, 20, 4)
    found = set(true_claims((red, blue), "relation"))
    assert found == {
        *(Claim((red.looks, blue.looks), each) for each in ("left", "above")),
        *(Claim((blue.looks, red.looks), each) for each in ("right", "below")),
    }
    assert {claim.relation for claim in true_claims((red, above), "relation")} == {"above", "below"}
    assert set(true_claims((blue, above, red), "count")) == {Claim((blue.looks,), count=2)}
    assert set(true_claims((blue, above, red), "one")) == {Claim((red.looks,)), Claim((blue.looks,))}


def test_splits_share_no_picture_and_only_composition_shows_the_pairs_that_are_held_out(folder: Path) -> None:
    pictures: Counter[str] = Counter()
    facts: Counter[str] = Counter()
    for split in SPLITS:
        for example in read(folder, split, "en"):
            found = read_facts(example.facts)
            shapes, said = found.shapes, found.said
            pictures[example.image.digest] += 1
            facts[str(shapes)] += 1
            held_out = [looks for looks in said.looks if looks[:2] in HELD_OUT]
            shown = [shape for shape in shapes if shape.looks[:2] in HELD_OUT]
            assert bool(held_out) == bool(shown) == (split == "composition")
    assert max(pictures.values()) == max(facts.values()) == 1
    assert len(pictures) == 60 + 3 * 20


def test_no_scene_of_many_is_in_two_splits() -> None:
    counts = {"train": 3000, "dev": 300, "test": 300}
    train, *others = ({scene.shapes for scene in scenes(split, count, 32, 0)} for split, count in counts.items())
    assert len(train) == 3000 and all(len(other) == 300 and not train & other for other in others)


def test_every_value_comes_up_about_equally_often() -> None:
    said = [scene.said for scene in scenes("train", 3000, 32, 1)]
    for values, found in (
        (KINDS, [kind for claim in said for kind, _, _ in claim.looks]),
        (COLOURS, [colour for claim in said for _, colour, _ in claim.looks]),
        (SIZES, [size for claim in said for _, _, size in claim.looks]),
        (RELATIONS, [claim.relation for claim in said if claim.relation]),
    ):
        counts = Counter(found)
        assert set(counts) == set(values)
        assert max(counts.values()) < 1.35 * min(counts.values())


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(folder: Path, tmp_path: Path) -> None:
    assert digests(write_scenes(tmp_path / "again", 60, seed=3)) == digests(folder)
    other = digests(write_scenes(tmp_path / "other", 60, seed=4))
    assert other.keys() == digests(folder).keys()
    assert not set(other.values()) & set(digests(folder).values())


def test_scenes_take_the_place_of_scenes_and_of_nothing_else(folder: Path, tmp_path: Path) -> None:
    write_scenes(tmp_path, 3)
    place = write_scenes(tmp_path, 2, pixels=40)
    assert json.loads((place / "scenes.json").read_text(encoding="utf-8"))["scenes"]["train"] == 2
    assert Image.open(place / "train" / "images" / "00001.png").size == (40, 40)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scenes"]
    (place / "scenes.json").unlink()
    with pytest.raises(UsageError, match="holds no made scenes"):
        write_scenes(tmp_path, 2)
    with pytest.raises(UsageError, match="0 scenes"):
        write_scenes(tmp_path / "a", 0)
    with pytest.raises(UsageError, match="100 pixels: 32 to 64"):
        write_scenes(tmp_path / "a", 2, pixels=100)
    assert not (tmp_path / "a").exists()


def test_facts_of_something_else_are_refused() -> None:
    for facts in ("", "{}", '{"shapes": [], "said": {"looks": []}}', '{"shapes": [{"kind": "dog"}], "said": {}}'):
        with pytest.raises(DataError, match="not those of a made scene"):
            read_facts(facts)


def test_a_drawing_is_the_same_for_the_same_numbers() -> None:
    shapes = (Shape("cross", "white", "big", 10, 10, 6),)
    one, other = (png(draw(shapes, 32, 128, np.random.default_rng(5))) for _ in range(2))
    assert one == other
