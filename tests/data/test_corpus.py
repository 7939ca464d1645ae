"""Text that stays on disk: every example of a file, whatever its size and its lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Text
from harness.core.errors import DataError
from harness.data import corpus
from harness.data.corpus import BLOCK, LONGEST, Corpus, Slice, TextFile, held_out_text, pieces, text
from harness.data.sources import load_examples, split_status
from harness.registry.default import get_registry
from harness.training.via import in_languages

LINES = st.lists(st.text(st.sampled_from("ab é猫\t\r"), max_size=12), max_size=20)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@settings(deadline=None)
@given(lines=LINES, end=st.booleans(), block=st.integers(8, 60), mark=st.booleans())
def test_examples_are_the_lines_that_hold_text(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: bool, block: int, mark: bool
) -> None:
    path = write(tmp_path_factory.mktemp("t") / "sw.txt", ("\ufeff" if mark else "") + "\n".join(lines) + "\n" * end)
    expected = [line.encode().strip().decode() for line in lines if line.encode().strip()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "BLOCK", max(block, 4 * 13))  # a line fits into a block
        if not expected:
            with pytest.raises(DataError, match="no text in it"):
                TextFile(path)
            return
        file = TextFile(path)
        assert [example.text for example in file] == expected
        assert [example.id for example in file] == [f"sw:{i}" for i in range(len(expected))]
        assert file[-1].text == expected[-1] and file[1:3] == list(file)[1:3]


@settings(deadline=None)
@given(st.text(st.sampled_from("abé猫 "), max_size=300), st.integers(8, 40), st.integers(4, 30))
def test_nothing_of_a_long_line_is_lost(
    tmp_path_factory: pytest.TempPathFactory, line: str, block: int, longest: int
) -> None:
    if not line.strip():
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "BLOCK", block)
        patch.setattr(corpus, "LONGEST", longest)
        path = write(tmp_path_factory.mktemp("t") / "en.txt", line)
        found = [example.text for example in TextFile(path)]
        assert all(len(piece.encode()) <= longest for piece in found)
        assert "".join(found).replace(" ", "") == line.replace(" ", "")


def test_documents_are_cut_between_words() -> None:
    document = " ".join(["word"] * 1_000).encode()
    found = pieces(document)
    assert max(map(len, found)) <= LONGEST and b" ".join(found) == document
    assert all(piece.startswith(b"word") and piece.endswith(b"word") for piece in found)


def test_a_large_file_is_read_in_blocks(tmp_path: Path) -> None:
    path = write(tmp_path / "de.txt", "".join(f"Satz Nummer {i} mit etwas Text\n" for i in range(20_000)))
    file = TextFile(path)
    assert len(file) == 20_000 and file[12_345].text == "Satz Nummer 12345 mit etwas Text"
    assert len(file._starts) <= path.stat().st_size / BLOCK * 1.1 + 2  # what is held in memory


def test_a_broken_or_changed_text_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "sw.txt", b"moja\n" * 10_000 + b"mbili\n\xff\xfe\n")
    with pytest.raises(DataError, match=r"sw\.txt:10002: not UTF-8"):
        TextFile(path)
    path = write(tmp_path / "ur.txt", "eins\nzwei\ndrei\n")
    file = TextFile(path)
    write(path, "eins\n")
    with pytest.raises(DataError, match="has changed"):
        file[2]


@given(st.integers(1, 3_000), st.integers(2, 50), st.integers(1, 20))
def test_held_out_and_training_text_share_nothing(count: int, one_in: int, most: int) -> None:
    class Numbers(TextFile):
        def __init__(self) -> None:
            self.name, self.fingerprint = "xx", ""

        def __len__(self) -> int:
            return count

        def __getitem__(self, index: int) -> Text:  # type: ignore[override]
            return Text(str(range(count)[index]), "")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "HELD_OUT", one_in)
        patch.setattr(corpus, "MOST_HELD_OUT", most)
        train, dev = ([int(example.id) for example in Slice(Numbers(), side)] for side in (False, True))
    assert sorted(train + dev) == list(range(count)) and train == sorted(train)
    assert len(dev) == min(count // one_in, most)


def test_a_corpus_of_several_languages_keeps_its_parts_apart_and_limits_them(tmp_path: Path) -> None:
    for code, count in (("en", 500), ("sw", 30), ("ur", 7)):
        write(tmp_path / f"text/{code}.txt", "".join(f"{code} {i}\n" for i in range(count)))
    paths = sorted((tmp_path / "text").glob("*.txt"))
    corpus, dev = text(*paths), held_out_text(*paths)
    assert corpus.names == ("en", "sw", "ur") and [len(part) for part in corpus.parts] == [495, 30, 7]
    assert [example.id for example in dev] == [f"en:{i}" for i in (99, 199, 299, 399, 499)]
    assert corpus[495] == Text("sw:0", "sw 0") and corpus[-1].text == "ur 6" and len(list(corpus)) == 532
    few = corpus.limited(40)
    assert [len(part) for part in few.parts] == [17, 16, 7] and few.fingerprint != corpus.fingerprint
    assert Corpus.joined([text(paths[1]), text(paths[2])])[30].id == "ur:0"
    assert len(corpus.limited(10_000)) == 532


def test_the_task_takes_the_files_that_are_there(tmp_path: Path) -> None:
    for code, count in (("sw", 200), ("ug", 100)):
        write(tmp_path / f"text/{code}.txt", "".join(f"{code} {i}\n" for i in range(count)))
    mlm = get_registry().intermediate("mlm")
    loaded = load_examples(mlm, mlm.train, data_dir=tmp_path, offline=True)
    assert isinstance(loaded.examples, Corpus) and loaded.examples.names == ("sw", "ug") and loaded.rows == 297
    assert split_status(mlm.dev, tmp_path).rows == 3
    one = in_languages(mlm, ["ug"])  # any language will do
    train = load_examples(one, one.train, data_dir=tmp_path, offline=True)
    assert len(train.examples) == 99 and train.fingerprint != loaded.fingerprint
    dev = load_examples(one, one.dev, data_dir=tmp_path, offline=True)
    assert [example.id for example in dev.examples] == ["ug:99"]  # type: ignore[attr-defined]
    assert dev.notes == ("selected on dev data in ug",)
    limited = load_examples(mlm, mlm.train, data_dir=tmp_path, offline=True, limit=10)
    assert len(limited.examples) == 10 and limited.rows == 297
    with pytest.raises(DataError, match="not found") as caught:
        both = in_languages(mlm, ["sw", "ur"])
        load_examples(both, both.train, data_dir=tmp_path, offline=True)
    assert "write plain text to DATA_DIR/text" in caught.value.hint
