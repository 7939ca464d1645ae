"""A third party's plugin with two families on example classes that the harness has never seen, and its data."""

from __future__ import annotations

import json
from pathlib import Path

PLUGIN = '''
import json
from dataclasses import dataclass, replace

from harness import Example, Family, FileData, IntermediateTask, Pair, PoolRole, Prediction, Predictor, Query, Split
from harness import TargetTask, hookimpl, splits
from harness.families.classification import Classification
from harness.scoring.formats.labels import Labels
from harness.scoring.formats.rankings import Rankings


@dataclass(frozen=True)
class Rating(Example):
    """A remark and a comment in words, with stars."""

    id: str
    remark: str
    pieces: tuple
    spaced: tuple
    stars: str | None

    query_fields = ("remark", "pieces")
    paired_fields = ("remark",)
    label_field = "stars"
    word_field = "pieces"
    written_field = "spaced"

    def texts(self):
        return {"remark": self.remark, "pieces": "\\n".join(self.pieces)}

    def with_texts(self, **texts):
        pieces = tuple(texts.get("pieces", "\\n".join(self.pieces)).split("\\n"))
        return replace(self, remark=texts.get("remark", self.remark), pieces=pieces, spaced=())


@dataclass(frozen=True)
class Picture(Example):
    """A member of the pool."""

    id: str
    alt: str

    def pool_role(self):
        return PoolRole("pictures", counts=False)


@dataclass(frozen=True)
class Caption(Example):
    """A text to find pictures with."""

    id: str
    text: str
    shows: tuple

    query_fields = ("text",)

    def pool_role(self):
        return PoolRole(links=tuple(("pictures", name) for name in self.shows))


def pairs(examples):
    return [Pair(e.id, e.remark, " ".join(e.pieces), e.stars) for e in examples]


class Rate(Classification):
    def features(self, tokenizer, examples, *, training):
        return super().features(tokenizer, pairs(examples), training=training)

    def guess(self, kind, train, unit, seed):
        return super().guess(kind, pairs(train), unit, seed)


class Stars(Labels):
    def write_labels(self, path, examples):
        return super().write_labels(path, pairs(examples))


class LookUp(Predictor):
    """Ranks pictures by the letters that they share with a caption; the last ranks differ in bf16."""

    @dataclass(frozen=True)
    class Options:
        pass

    def load(self, reference, **kwargs):
        from harness.models.sentence_encoder import load_encoder

        return load_encoder(reference, **kwargs)

    def predict(self, forward, units):
        for unit in units:
            yield Prediction(unit, [self.ranking(e, unit.pool, forward.dtype) for e in unit.examples], {})

    def ranking(self, caption, pool, dtype):
        ranks = [p.id for p in sorted(pool, key=lambda p: (-len(set(p.alt) & set(caption.text)), p.id))]
        return [ranks[0], *reversed(ranks[1:])] if dtype == "bf16" else ranks

    def decision(self, predicted):
        return predicted[0]

    def guess(self, kind, train, unit, seed):
        return [[picture.id for picture in unit.pool] for _ in unit.examples]


class Found(Rankings):
    def write_labels(self, path, examples):
        return super().write_labels(path, [Query(e.id, e.text, e.shows) for e in examples])


def lines(path):
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())


def split(name):
    return Split(FileData((f"own/{name}.jsonl",), lines, "it is made by the test"))


def rating(row):
    return Rating(row["id"], row["remark"], tuple(row["pieces"]), (), row["stars"])


def search(row):
    return Caption(row["id"], row["text"], tuple(row["shows"])) if "shows" in row else Picture(row["id"], row["alt"])


COMMON = dict(version=1, summary="a test", licence="CC0 1.0", citation="nobody 2026")


@hookimpl
def harness_families():
    yield Family("rate", (Rating,), f"{__name__}:Rate", f"{__name__}:Stars")
    yield Family("look_up", (Caption, Picture), f"{__name__}:LookUp", f"{__name__}:Found")


@hookimpl
def harness_target_tasks():
    yield TargetTask(
        name="rating", family="rate", metric="accuracy", labels=("bad", "good"), example=rating, train=split("train-en"),
        languages=splits("en sw", dev=lambda code: split(f"dev-{code}"), test=lambda code: split(f"test-{code}")), **COMMON,
    )
    yield TargetTask(
        name="pictures", family="look_up", metric="average_precision", example=search, pool=split("pool"),
        languages=splits("en", test=lambda code: split(f"captions-{code}")), **COMMON,
    )


@hookimpl
def harness_intermediate_tasks():
    yield IntermediateTask(
        name="rated", family="rate", metric="accuracy", labels=("bad", "good"), example=rating,
        train=split("train-en"), dev=split("dev-en"), **COMMON,
    )
'''

NOUNS = "cat house river mountain letter bicycle orange window garden teacher".split()


def write_plugin(folder: Path) -> Path:
    """The plugin as a file."""
    path = folder / "own.py"
    path.write_text(PLUGIN, encoding="utf-8")
    return path


def write_data(folder: Path) -> Path:
    """Ratings (16 a split), ten captions, and a pool of ten pictures that are shown and five that are not."""
    for name in ("train-en", "dev-en", "test-en", "dev-sw", "test-sw"):
        ratings = [
            {
                "id": f"{name}-{i}",
                "remark": f"a {NOUNS[i % 7]}",
                "pieces": [NOUNS[(i + j) % 10] for j in range(2 + i % 3)],
                "stars": ("bad", "good")[i % 2],
            }
            for i in range(16)
        ]
        _write(folder, name, ratings)
    captions = [{"id": f"c{i}", "text": f"this is a {noun}", "shows": [f"p{i}"]} for i, noun in enumerate(NOUNS)]
    _write(folder, "captions-en", captions)
    others = [{"id": f"o{i}", "alt": "xyz" * i} for i in range(5)]
    _write(folder, "pool", [{"id": f"p{i}", "alt": noun} for i, noun in enumerate(NOUNS)] + others)
    return folder


def _write(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    path = folder / "own" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
