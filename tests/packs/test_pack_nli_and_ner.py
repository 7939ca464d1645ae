"""AmericasNLI, MasakhaNER 2 and Universal NER as their authors publish them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Registry, Split, Tagged
from harness.data.sources import load_examples, split_status
from harness.types.tasks import IntermediateTask, TargetTask

Pack = Callable[..., Registry]


def examples(task: TargetTask | IntermediateTask, split: Split, data: Path) -> list:
    return load_examples(task, split, data_dir=data, offline=True).examples


def test_americas_nli_is_whole_and_balanced(pack: Pack, shared_data: Path) -> None:
    task = pack("nli").task("americasnli")
    present = [code for code, table in task.languages.items() if split_status(table["test"], shared_data).rows]
    assert present == ["ay", "gn", "nah", "oto", "quy"]
    for code in present:
        for split in task.languages[code].values():
            found = examples(task, split, shared_data)
            assert len(found) == (split.rows or 585)
    labels = Counter(example.label for example in examples(task, task.languages["ay"]["test"], shared_data))
    assert labels == {"entailment": 250, "neutral": 250, "contradiction": 250}
    first, second = examples(task, task.languages["ay"]["test"], shared_data)[:2]
    assert first.b == "Janiw mayamp jupampix parlxapxti." and first.label == "contradiction"
    assert second.label == "entailment"


def test_nli_world_trains_one_stage(pack: Pack, shared_data: Path, tmp_path: Path) -> None:
    from harness import evaluate

    registry = pack("nli")
    run = evaluate(
        "tiny",
        benchmark="nli-world",
        tasks=["americasnli[ay,oto]", "xnli[de]"],
        data_dir=shared_data,
        offline=True,
        limit=8,
        train_limit=24,
        out=tmp_path,
        registry=registry,
    )
    assert {unit.rpartition("/")[0] for unit in run.record["units"]} == {"americasnli/ay", "americasnli/oto", "xnli/de"}
    assert len(run.record["stages"]) == 1


def test_dates_of_masakhaner_count_as_o(pack: Pack, shared_data: Path) -> None:
    import pyarrow.parquet as pq

    task = pack("ner").task("masakhaner2")
    (path,) = (shared_data / "masakhane" / "masakhaner2" / "yor").glob("test-*.parquet")
    numbers = [number for tags in pq.read_table(path)["ner_tags"].to_pylist() for number in tags]
    found = examples(task, task.languages["yo"]["test"], shared_data)
    tags = Counter(tag for example in found for tag in example.tags)
    assert len(found) == 400 and not set(tags) - set(task.labels)
    assert numbers.count(7) > 0 and tags["O"] == sum(number in (0, 7, 8) for number in numbers)
    assert tags["B-PER"] == numbers.count(1) and tags["I-LOC"] == numbers.count(6)


def test_universal_ner_is_read_as_published(pack: Pack, shared_data: Path) -> None:
    task = pack("ner").intermediate("uner")
    found = examples(task, task.dev, shared_data)
    assert len(found) == task.dev.rows == 2_001
    assert all(isinstance(example, Tagged) for example in found)
    tags = Counter(tag for example in found for tag in example.tags)
    assert {tag: tags[tag] for tag in ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")} == {
        "B-LOC": 399,
        "B-ORG": 224,
        "B-PER": 343,
        "I-LOC": 148,
        "I-ORG": 186,
        "I-PER": 196,
        "O": 23_653,
    }
    assert sum(bool(example.written) for example in found) > 1_900
    first = found[0]
    assert "".join(first.written) == (
        "where can I get morcillas in tampa bay , I will like the argentinian type , but I will to try anothers please?"
    )


@pytest.mark.parametrize("name", ["masakhaner2", "wikiann_world", "americasnli", "afrixnli", "indicxnli"])
def test_every_language_is_known(pack: Pack, name: str) -> None:
    registry = pack("nli", "ner")
    assert all(code in registry.languages() for code in registry.task(name).languages)
    sources = [s for table in registry.task(name).languages.values() for split in table.values() for s in split.sources]
    assert all(bool(source.note) == (name in ("masakhaner2", "indicxnli")) for source in sources)


def test_translations_of_tagged_sentences_need_no_tags(pack: Pack, tmp_path: Path) -> None:
    from harness.data.translations import into_english

    known = {name: task for name, task in pack("ner").tasks().items() if task.family == "tagging"}
    assert len(known) > 5
    for name, task in known.items():
        code = next((code for code in task.languages if code != "en" and "test" in task.languages[code]), None)
        if code is None:
            continue
        file = tmp_path / f"translated/{name}/{code}/test-en.jsonl"
        file.parent.mkdir(parents=True)
        file.write_text('{"tokens": ["Ada", "sleeps"], "source": "0"}\n')
        [found] = examples(task, into_english(task, code, "test"), tmp_path)
        assert isinstance(found, Tagged) and found.words == ("Ada", "sleeps") and found.tags is None
