"""Pictures and the captions of them: read when they are asked for, compared by their bytes."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from harness import Captioned, DataError, Picture
from harness.data.held_out import kept_examples
from harness.data.subset import fingerprint
from harness.types.sources import Kept

KEPT: tuple[Kept, Kept] = ("training", "held out")


def captioned(number: int, **other: object) -> Captioned:
    image = Picture.of_bytes(b"picture %d" % number, f"{number}.png")
    return replace(Captioned(str(number), image, f"a cat and {number} dogs", "en"), **other)


def test_a_picture_is_read_from_its_file_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"some bytes")
    picture = Picture.of_file(path)
    assert (picture.name, picture.content, picture.read()) == ("a.png", b"", b"some bytes")
    assert picture.digest == blake2b(b"some bytes", digest_size=16).hexdigest()
    assert picture == Picture.of_bytes(b"some bytes", "a.png") != Picture.of_bytes(b"other bytes", "a.png")


def test_a_picture_that_was_changed_or_lost_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(DataError, match=r"a\.png: this picture cannot be read"):
        Picture.of_file(path)
    path.write_bytes(b"some bytes")
    picture = Picture.of_file(path)
    path.write_bytes(b"other bytes")
    with pytest.raises(DataError, match=r"a\.png: the picture was changed"):
        picture.read()
    with pytest.raises(DataError, match=r"b\.png: this picture is not there"):
        Picture("b.png").read()


def test_the_fingerprint_of_captions_changes_with_the_picture_and_not_with_its_place(tmp_path: Path) -> None:
    examples = [captioned(number) for number in range(3)]
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"picture %d" % number)
    stored = [replace(each, image=Picture.of_file(tmp_path / each.image.name)) for each in examples]
    assert fingerprint(stored) == fingerprint(examples)
    other = [*examples[:2], replace(examples[2], image=Picture.of_bytes(b"another", "2.png"))]
    assert fingerprint(other) != fingerprint(examples)


def test_shuffled_captions_keep_what_is_known_of_them_and_get_other_pictures() -> None:
    examples = [captioned(number, spans=((0, 1),), facts=str(number)) for number in range(20)]
    shuffled = Captioned.with_shuffled_labels(examples, np.random.default_rng(0))
    assert [replace(each, image=old.image) for each, old in zip(shuffled, examples, strict=True)] == examples
    assert sorted(each.image.name for each in shuffled) == sorted(each.image.name for each in examples)
    assert sum(each.image == old.image for each, old in zip(shuffled, examples, strict=True)) < 5


def test_captions_of_one_picture_are_held_out_together() -> None:
    texts = [captioned(number // 5, id=str(number), caption=f"caption {number}") for number in range(500)]
    train, dev = ({each.shared_text() for each in kept_examples(texts, kept, "captions")} for kept in KEPT)
    assert dev and not train & dev


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"spans": ((0, 1), (2, 5))}, ""),
        ({"image": "1.png"}, "its image must be a Picture"),
        ({"caption": None}, "caption, language and facts must be strings"),
        ({"others": (1,)}, "its other captions must be strings"),
        ({"spans": ((2, 5), (0, 1))}, "its spans must be in the caption, one after the other"),
        ({"spans": ((0, 99),)}, "its spans must be in the caption, one after the other"),
    ],
)
def test_what_is_wrong_with_a_caption_is_found(changes: dict[str, object], problem: str) -> None:
    assert captioned(1, **changes).find_problem(frozenset()) == problem


def test_a_mistake_shows_the_picture_the_caption_and_what_was_predicted() -> None:
    shown = captioned(1).describe("", "a dog")
    assert shown == (("image", "1.png"), ("caption", "a cat and 1 dogs"), ("predicted", "a dog"))
