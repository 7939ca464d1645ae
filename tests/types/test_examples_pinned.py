"""Fingerprints, subsets, shuffled labels and breakdowns of the sample corpus, pinned over every class of examples.

The values are those of commit babcac4, in which each of these asked for the class of an example.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness import Split, Tagged
from harness.api import breakdown, evaluate
from harness.data.sources import load_examples, split_status
from harness.data.subset import fingerprint, limited, written_fingerprint
from harness.registry.default import get_registry
from harness.training.objectives.shuffled import shuffled
from harness.types.options import EvalOptions

PINNED = {
    "xnli/de/test": ("b164fc05ba73", "2563a709de60", "60b1a4007de1"),
    "pawsx/es/test": ("a63b29e16556", "f631cfb45a90", "2d3dd4f3a954"),
    "panx/ar/test": ("7b1d377a86d6", "b06b6fd04282", "68b79e3c71f7"),
    "udpos/de/test": ("eb846bf25a24", "7b9d132564fb", "285f52cb6e9f"),
    "xquad/de/test": ("337866a457fa", "e1739552fea8", "54797a30ca3e"),
    "tydiqa/en/train": ("239dd06b41d3", "177903d44c7f", "a1a82912abb3"),
    "xcopa/sw/test": ("fe0f67af7ec6", "81f43a68b365", "faac83f65454"),
    "tatoeba/hi/test": ("fec202a58142", "cb1f79295188", ""),
    "bucc2018/de/dev": ("46cf2508ca45", "9926191130f9", ""),
    "bucc2018/ru/test": ("54914e335dd8", "a907bb7d499b", ""),
    "lareqa/de/test": ("8043cb531730", "2cb7e44f3382", ""),
    "lareqa/en/train": ("3c75dc7c0bae", "4f0d928b75d2", "622daf53c464"),
    "mewslix/de/test": ("903cb06877d5", "490182c2af9d", ""),
    "mlm/en/train": ("662014067d58", "fbf2e664b5a9", ""),
}
"""Beginnings of fingerprints: of a split, of five of its examples, and of the split with shuffled labels."""

TABLES = {
    "lareqa length": "18–26:14 27–31:15 32–36:13 37–60:12",
    "mewslix length": "48–58:14 59–63:14 64–68:13 69–87:13",
    "mlqa overlap": "0.65–0.79:14 0.79–0.84:13 0.85–0.88:14 0.88–1:13",
    "panx length": "5–6:17 7:14 8:13 9–12:10",
    "pawsx length": "86–129:14 136–198:13 199–217:16 221–270:11",
    "pawsx overlap": "0.71–0.85:14 0.85–0.91:13 0.91–0.94:14 0.95–1:13",
    "tatoeba length": "13–27:14 29–37:14 39–44:14 45–53:12",
    "tydiqa overlap": "0.30–0.71:14 0.75–0.78:14 0.79–0.84:13 0.86–0.97:13",
    "udpos length": "3–8:23 9:6 10:13 11–14:12",
    "xcopa length": "28–29:13 30–31:5 39–45:9 47–56:9",
    "xnli length": "33–73:15 74–88:13 91–111:13 112–149:13",
    "xnli overlap": "0.36–0.65:14 0.66–0.76:13 0.77–0.91:14 0.91–1:13",
    "xquad overlap": "0.67–0.75:14 0.76–0.81:13 0.82–0.88:14 0.88–0.97:13",
}
"""Buckets with their numbers of examples, of each task that has the attribute."""


@pytest.mark.parametrize("place", PINNED)
def test_examples_keep_their_fingerprints_subsets_and_shuffled_labels(place: str, corpus: Path) -> None:
    name, code, which = place.split("/")
    registry = get_registry()
    task = registry.tasks().get(name) or registry.intermediate(name)
    split = task.train if which == "train" else task.languages[code][which]
    assert isinstance(split, Split)
    examples = list(load_examples(task, split, data_dir=corpus, offline=True).examples)
    whole, few, other = PINNED[place]
    assert fingerprint(examples)[:12] == whole
    assert fingerprint(limited(examples, 5))[:12] == few
    if other:
        assert fingerprint(shuffled(examples, np.random.default_rng((42, 500))))[:12] == other


def test_queries_and_their_pool_keep_their_subset(corpus: Path) -> None:
    task = get_registry().task("mewslix")
    code = next(iter(task.languages))
    assert task.pool is not None
    queries, pool = (
        load_examples(task, split, data_dir=corpus, offline=True).examples
        for split in (task.languages[code]["test"], task.pool)
    )
    both = limited([*queries, *pool], 5)
    assert (len(both), fingerprint(both)) == (19, "a4db09003b6e547d7de073a05a34f6f7")


def test_written_words_keep_their_fingerprint() -> None:
    told = Tagged("1", ("Angela", "Merkel", "."), ("B-PER", "I-PER", "O"), ("Angela", " Merkel", "."))
    sentences = [told, Tagged("2", ("猫", "睡"), None)]
    assert fingerprint(sentences) == "9677146d5c9c9588a9dd776b475a4c3c"
    assert written_fingerprint(sentences) == "ba5084c1b1bbbe03e0c78b50a83ec16d"


def test_breakdowns_keep_their_buckets(corpus: Path, tmp_path: Path) -> None:
    names = dict.fromkeys([*(name.split()[0] for name in TABLES), "bucc2018"])
    selected = [f"{name}[{','.join(_present(name, corpus)[:3])}]" for name in names]
    options = EvalOptions(data_dir=str(corpus), offline=True)
    evaluate("baseline:random", selected, out=tmp_path / "run", options=options)
    found = {
        f"{part.task} {part.attribute}": " ".join(f"{bucket.name}:{bucket.n}" for bucket in part.buckets)
        for part in breakdown(tmp_path / "run", attributes=["length", "overlap"], data_dir=corpus)
    }
    assert found == TABLES


def _present(name: str, corpus: Path) -> list[str]:
    languages = get_registry().task(name).languages
    return [code for code, table in languages.items() if split_status(table["test"], corpus).state == "sample"]
