from __future__ import annotations

import gzip
import json
import socket
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from data_folders import copied, parquet_of, write_parquet

from harness import FileData, HubData, IntermediateTask, Pair, Sentence, Split, TargetTask, Where
from harness.core.errors import DataError, PluginError, UsageError
from harness.data import locate, sources
from harness.data._parquet import rows
from harness.data.hub_datasets import HubDataset, hub_datasets
from harness.data.locate import CONVERTED, SAMPLE_MARKER, Unavailable, data_folders, resolve
from harness.data.sources import label_set, load_examples, split_status
from harness.data.subset import fingerprint
from harness.registry.default import get_registry

MNLI = "nyu-mll/glue/mnli"
TRAIN = f"{MNLI}/train-00000-of-00001.parquet"
NLI_COLUMNS = ("premise: string", "hypothesis: string", "label: label(entailment, neutral, contradiction)")


def pair_task(source: HubData | FileData, **more: Any) -> TargetTask:
    return TargetTask(
        name="pairs",
        version=1,
        family="classification",
        languages={"en": {"test": Split(source)}},
        example=lambda row: Pair(str(row["_row"]), row["premise"], row["hypothesis"], row["label"]),
        metric="accuracy",
        **more,
    )


def load(task: TargetTask | IntermediateTask, split: Split, folder: Path | str, **more: Any) -> Any:
    return load_examples(task, split, data_dir=folder, offline=True, **more)


@pytest.fixture
def mnli() -> IntermediateTask:
    return get_registry().intermediate("mnli")


def test_classes_arrive_as_names_and_rows_as_positions(shared_data: Path, mnli: IntermediateTask) -> None:
    loaded = load(mnli, mnli.train, shared_data)
    raw = pq.read_table(shared_data / TRAIN).to_pylist()
    names = ("entailment", "neutral", "contradiction")
    assert [(e.id, e.a, e.b, e.label) for e in loaded.examples] == [
        (str(i), row["premise"], row["hypothesis"], names[row["label"]]) for i, row in enumerate(raw)
    ]
    assert (loaded.rows, loaded.expected, loaded.excerpt, loaded.corpus) == (3000, 392_702, True, "")
    assert loaded.source == "nyu-mll/glue/mnli/train"
    assert loaded.files == [shared_data / TRAIN]


def test_class_names_come_from_the_file_not_from_the_task(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features(
        premise=Value("string"), hypothesis=Value("string"), label=ClassLabel(names=["neutral", "entailment"])
    )
    path = tmp_path / "a/b/c/test-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    Dataset.from_dict({"premise": ["p"] * 3, "hypothesis": ["h"] * 3, "label": [0, 1, -1]}, features).to_parquet(path)
    task = pair_task(HubData("a/b", "c", "test", columns=NLI_COLUMNS))
    loaded = load(task, task.languages["en"]["test"], tmp_path)
    assert [example.label for example in loaded.examples] == ["neutral", "entailment", None]


def test_a_schema_whose_class_names_cannot_be_read_is_named(tmp_path: Path) -> None:
    table = pa.table({"premise": ["p"], "hypothesis": ["h"], "label": [0]})
    task = pair_task(HubData("a/b", "c", "test", columns=NLI_COLUMNS))
    path = tmp_path / "a/b/c/test-00000-of-00001.parquet"
    unnamed = b'{"info": {"features": {"label": {"_type": "ClassLabel"}}}}'
    for written in (b"{", b"[1]", b'{"info": 1}', unnamed, b'{"info": {"features": {"label": []}}}'):
        write_parquet(path, table.replace_schema_metadata({"huggingface": written}))
        with pytest.raises(DataError, match=r"test-00000-of-00001\.parquet: the schema's entry 'huggingface'"):
            load(task, task.languages["en"]["test"], tmp_path)


@pytest.mark.parametrize("kind", ["List", "Sequence", None])
def test_class_names_of_lists_in_every_notation_of_datasets(tmp_path: Path, kind: str | None) -> None:
    label = {"_type": "ClassLabel", "names": ["O", "B-PER"]}
    feature = [label] if kind is None else {"_type": kind, "feature": label}
    value = {"_type": "Value", "dtype": "string"}
    others = {"id": value, "deep": {"_type": "Sequence", "feature": [value]}, "deeper": [[value]]}
    schema = json.dumps({"info": {"features": {"tags": feature, **others}}})
    path = tmp_path / "a.parquet"
    write_parquet(
        path, pa.table({"tags": [[1, 0], []], "id": ["x", "y"]}).replace_schema_metadata({"huggingface": schema})
    )
    found = list(rows([path], HubData("a/b", None, "test")))
    assert found == [{"tags": ["B-PER", "O"], "id": "x"}, {"tags": [], "id": "y"}]


def test_a_schema_without_class_names_uses_those_of_the_source(tmp_path: Path) -> None:
    table = {"premise": ["p"] * 4, "hypothesis": ["h"] * 4, "label": [2, 0, 1, -1]}
    path = write_parquet(tmp_path / "a/b/c/test-00000-of-00001.parquet", table)
    task = pair_task(HubData("a/b", "c", "test", columns=NLI_COLUMNS))
    split = task.languages["en"]["test"]
    expected = ["contradiction", "entailment", "neutral", None]
    assert [example.label for example in load(task, split, tmp_path).examples] == expected
    write_parquet(path, {**table, "label": [2, 0, 1, 3]})
    with pytest.raises(DataError, match="column 'label'"):
        load(task, split, tmp_path)


def test_a_where_of_a_source_keeps_the_rows_of_one_language(shared_data: Path) -> None:
    xnli, tydiqa = get_registry().task("xnli"), get_registry().task("tydiqa")
    table = pq.read_table(parquet_of(shared_data, "google/xtreme/XNLI/test"))
    for code in ("de", "en", "sw", "zh"):
        loaded = load(xnli, xnli.languages[code]["test"], shared_data)
        rows = table.filter(pa.compute.equal(table["language"], code)).to_pylist()
        assert [(e.a, e.b, e.label) for e in loaded.examples] == [
            (row["sentence1"], row["sentence2"], row["gold_label"]) for row in rows
        ]
        assert [e.id for e in loaded.examples] == [str(i) for i in range(5010)]
    for code, language in (("sw", "swahili"), ("id", "indonesian"), ("ko", "korean")):
        loaded = load(tydiqa, tydiqa.languages[code]["test"], shared_data)
        assert {e.id.split("-")[0] for e in loaded.examples} == {language}


def test_a_mixed_table_without_the_language_counts_as_missing(shared_data: Path) -> None:
    xnli = get_registry().task("xnli")
    split = xnli.languages["ur"]["test"]
    assert split_status(split, shared_data).state == "missing"
    with pytest.raises(Unavailable, match=r"google/xtreme/XNLI/test\[language=ur\].* has no such rows") as caught:
        load(xnli, split, shared_data)
    assert "hf download facebook/xnli" in caught.value.hint


def test_the_first_source_that_is_there_wins(shared_data: Path, tmp_path: Path) -> None:
    squad = get_registry().intermediate("squad")
    both = copied(shared_data, tmp_path / "both", "google/xtreme/SQuAD", "rajpurkar/squad")
    second = copied(shared_data, tmp_path / "second", "google/xtreme/SQuAD")
    assert load(squad, squad.dev, both).source == "rajpurkar/squad/plain_text/validation"
    loaded = load(squad, squad.dev, second)
    assert loaded.source == "google/xtreme/SQuAD/validation"
    # the README of the excerpts says that both hold the same rows
    assert loaded.fingerprint == load(squad, squad.dev, both).fingerprint


def test_a_note_goes_with_its_source(shared_data: Path) -> None:
    udpos = get_registry().task("udpos")
    assert "Swiss German" in load(udpos, udpos.languages["de"]["test"], shared_data).notes[0]
    assert load(udpos, udpos.languages["th"]["test"], shared_data).notes


def test_several_folders_are_searched_in_order(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnli: IntermediateTask
) -> None:
    import os

    one, two = tmp_path / "one", copied(shared_data, tmp_path / "two", TRAIN)
    one.mkdir()
    assert load(mnli, mnli.train, f"{one}{os.pathsep}{two}").files == [two / TRAIN]
    monkeypatch.setenv("HARNESS_DATA_DIR", str(two))
    assert load_examples(mnli, mnli.train, offline=True).files == [two / TRAIN]
    assert data_folders(one) == [one]
    with pytest.raises(UsageError, match="data folder not found"):
        data_folders(tmp_path / "three")


def test_fingerprint_follows_the_content_only(shared_data: Path, tmp_path: Path, mnli: IntermediateTask) -> None:
    original = load(mnli, mnli.train, shared_data).fingerprint
    table = pq.read_table(shared_data / TRAIN)
    folder = tmp_path / "shards"
    write_parquet(folder / MNLI / "train-00000-of-00002.parquet", table.slice(0, 1000))
    write_parquet(folder / MNLI / "train-00001-of-00002.parquet", table.slice(1000))
    assert load(mnli, mnli.train, folder).fingerprint == original

    rows = table.to_pylist()
    rows[1234]["hypothesis"] += " "
    edited = pa.Table.from_pylist(rows, schema=table.schema)
    write_parquet(folder / MNLI / "train-00001-of-00002.parquet", edited.slice(1000))
    assert load(mnli, mnli.train, folder).fingerprint != original


def test_fingerprint_tells_examples_apart() -> None:
    variants = [
        [Pair("0", "a", "b", "x")],
        [Pair("0", "a", "b", None)],
        [Pair("0", "ab", "", "x")],
        [Pair("0", "a", "b", "x"), Pair("1", "a", "b", "x")],
        [Pair("1", "a", "b", "x"), Pair("0", "a", "b", "x")],
        [Sentence("0", "a", True)],
        [],
    ]
    assert len({fingerprint(examples) for examples in variants}) == len(variants)
    assert fingerprint([Pair("0", "\ud800", "b", "x")])  # a lone surrogate is hashed, not refused


def test_a_union_of_splits_is_their_examples_one_after_another(shared_data: Path, mnli: IntermediateTask) -> None:
    def part(repo: str, config: str) -> Split:
        return Split(HubData(repo, config, "train", columns=NLI_COLUMNS), rows=3000)

    union = Split(parts=(part("nyu-mll/glue", "mnli"), part("stanfordnlp/snli", "plain_text")))
    loaded = load(mnli, union, shared_data)
    assert (loaded.rows, loaded.expected, loaded.excerpt) == (6000, 6000, False)
    assert [e.id for e in loaded.examples] == [str(i) for i in range(6000)]
    assert loaded.examples[3000].a == "Two people lower themselves into a cave with long ropes."
    assert loaded.source == "nyu-mll/glue/mnli/train + stanfordnlp/snli/plain_text/train"
    assert split_status(union, shared_data).state == "present"
    lacking = Split(parts=(*union.parts, part("facebook/anli", "plain_text")))
    assert split_status(lacking, shared_data).state == "missing"
    assert lacking.rows == 9000


def test_truncated_parquet_names_the_file(shared_data: Path, tmp_path: Path, mnli: IntermediateTask) -> None:
    folder = copied(shared_data, tmp_path, TRAIN)
    path = folder / TRAIN
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match="cannot be read as parquet") as caught:
        load(mnli, mnli.train, folder)
    assert str(path) in str(caught.value)
    assert "download it again" in caught.value.hint
    status = split_status(mnli.train, folder)
    assert status.state == "damaged" and str(path) in status.reason


def test_damage_inside_the_pages_names_the_file(shared_data: Path, tmp_path: Path, mnli: IntermediateTask) -> None:
    folder = copied(shared_data, tmp_path, TRAIN)
    path = folder / TRAIN
    content = bytearray(path.read_bytes())
    content[4:4000] = b"\xff" * 3996  # the footer, and so the number of rows, stays whole
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as parquet") as caught:
        load(mnli, mnli.train, folder)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("where", [None, Where("premise", equals="p")], ids=["whole", "one language"])
def test_a_file_replaced_under_the_same_time_is_read_again(tmp_path: Path, where: Where | None) -> None:
    import os

    path = tmp_path / "a/b/data/test-00000-of-00001.parquet"
    task = pair_task(HubData("a/b", None, "test", where=where))
    found = []
    for label in ("yes", "not"):
        write_parquet(path, {"premise": ["p"], "hypothesis": ["h"], "label": [label]})
        os.utime(path, (0, 0))
        found += [example.label for example in load(task, task.languages["en"]["test"], tmp_path).examples]
    assert found == ["yes", "not"]


def test_a_missing_shard_is_damage(shared_data: Path, tmp_path: Path, mnli: IntermediateTask) -> None:
    table = pq.read_table(shared_data / TRAIN)
    write_parquet(tmp_path / MNLI / "train-00000-of-00003.parquet", table)
    with pytest.raises(DataError, match=r"2 of 3 files of 'train' are missing \(00001, 00002\)"):
        load(mnli, mnli.train, tmp_path)
    assert split_status(mnli.train, tmp_path).state == "damaged"


def test_missing_and_wrong_columns_are_named(shared_data: Path, tmp_path: Path, mnli: IntermediateTask) -> None:
    path = tmp_path / TRAIN
    table = pq.read_table(shared_data / TRAIN).replace_schema_metadata(None)
    write_parquet(path, table.rename_columns(["premise", "hypo", "label", "idx"]))
    with pytest.raises(DataError, match="column 'hypothesis' is missing") as caught:
        load(mnli, mnli.train, tmp_path)
    assert str(path) in str(caught.value) and "hypo" in caught.value.hint
    assert split_status(mnli.train, tmp_path).state == "damaged"

    write_parquet(path, table.set_column(0, "premise", pa.array(range(3000))))
    with pytest.raises(DataError, match="column 'premise' holds int64, expected string"):
        load(mnli, mnli.train, tmp_path)


@pytest.mark.parametrize(
    ("declared", "column", "message"),
    [
        ("t: strings", [["a"]], ""),
        ("t: labels", [[1]], ""),
        ("t: labels", [["B-PER"]], ""),
        ("t: strings", ["a"], "holds string, expected a list of string"),
        ("t: integer", [1], ""),
        ("t: integer", ["1"], "expected integer"),
        ("t: struct(text, answer_start)", [{"text": ["a"], "answer_start": [0]}], ""),
        ("t: struct(text, answer_start)", [{"text": ["a"]}], "expected a struct with the fields text, answer_start"),
        ("t", [1.5], ""),
    ],
)
def test_a_column_of_another_kind_than_declared_makes_the_split_damaged(
    tmp_path: Path, declared: str, column: list[object], message: str
) -> None:
    write_parquet(tmp_path / "a/b/data/test-00000-of-00001.parquet", {"t": column})
    split = Split(HubData("a/b", None, "test", columns=(declared,)))
    status = split_status(split, tmp_path)
    assert status.state == ("damaged" if message else "present")
    assert message in status.reason


def test_a_reader_that_fails_is_blamed_on_the_row(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a/b/data/test-00000-of-00001.parquet", {"label": ["0", "one"]})
    task = pair_task(HubData("a/b", None, "test"))
    with pytest.raises(DataError, match="needs the column 'premise'"):
        load(task, task.languages["en"]["test"], tmp_path)
    task = TargetTask(
        "t", 1, "classification", task.languages, lambda row: Pair("0", "", "", str(int(row["label"]))), "accuracy"
    )
    with pytest.raises(DataError, match="row 1 cannot be read by t: ValueError"):
        load(task, task.languages["en"]["test"], tmp_path)


def test_unknown_labels_and_repeated_ids_are_refused(tmp_path: Path) -> None:
    columns = {"premise": ["a", "b"], "hypothesis": ["", ""], "label": ["yes", "perhaps"]}
    write_parquet(tmp_path / "a/b/data/test-00000-of-00001.parquet", columns)
    source = HubData("a/b", None, "test")
    task = pair_task(source, labels=("yes", "no"))
    with pytest.raises(DataError, match="row 1: example '1': unknown label 'perhaps'"):
        load(task, task.languages["en"]["test"], tmp_path)
    same = TargetTask("t", 1, "classification", task.languages, lambda row: Pair("7", "", "", None), "accuracy")
    with pytest.raises(DataError, match="row 1: the id '7' occurs twice"):
        load(same, same.languages["en"]["test"], tmp_path)


def test_the_sample_corpus_is_marked(shared_data: Path, tmp_path: Path, mnli: IntermediateTask) -> None:
    folder = copied(shared_data, tmp_path, TRAIN)
    (folder / SAMPLE_MARKER).write_text("{}", encoding="utf-8")
    assert load(mnli, mnli.train, folder).corpus == "sample"
    assert split_status(mnli.train, folder).state == "sample"


def test_limit_takes_the_same_examples_in_every_language(shared_data: Path) -> None:
    xnli = get_registry().task("xnli")
    chosen = {
        code: load(xnli, xnli.languages[code]["test"], shared_data, limit=50) for code in ("de", "en", "sw", "zh")
    }
    ids = [[e.id for e in loaded.examples] for loaded in chosen.values()]
    assert all(each == ids[0] for each in ids) and len(ids[0]) == 50
    assert ids[0] == sorted(ids[0], key=int)  # in the order of the file
    assert ids[0] != [str(i) for i in range(50)]  # not its beginning
    assert all(loaded.rows == 5010 and not loaded.excerpt for loaded in chosen.values())
    fewer = load(xnli, xnli.languages["en"]["test"], shared_data, limit=20)
    assert {e.id for e in fewer.examples} < set(ids[0])
    assert load(xnli, xnli.languages["en"]["test"], shared_data, limit=9999).rows == 5010


def test_plugin_resolver_comes_first(shared_data: Path, tmp_path: Path, mnli: IntermediateTask) -> None:
    table = pq.read_table(shared_data / TRAIN)
    path = write_parquet(tmp_path / "elsewhere.parquet", table.slice(0, 7))
    asked = []

    def resolver(source: HubData, data_dir: object, offline: bool) -> list[str] | None:
        asked.append((source, data_dir, offline))
        return [str(path)] if source.config == "mnli" else None

    loaded = load(mnli, mnli.train, shared_data, resolver=resolver)
    assert (len(loaded.examples), loaded.files) == (7, [path])
    assert asked[0] == (mnli.train.sources[0], shared_data, True)
    files = resolve(HubData("nyu-mll/glue", "qqp", "train"), shared_data, True, resolver=resolver)
    assert files is not None and files.origin == "folder"


def test_a_resolver_that_fails_is_a_plugin_error(shared_data: Path, mnli: IntermediateTask) -> None:
    def resolver(**more: object) -> None:
        raise RuntimeError("mirror is down")

    with pytest.raises(PluginError, match=r"failed for nyu-mll/glue/mnli/train: RuntimeError: mirror is down"):
        load(mnli, mnli.train, shared_data, resolver=resolver)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache, and libraries that believe they are online."""
    import huggingface_hub

    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def cached(hub: Path, repo: str, file: str, table: Any, reference: str = "main") -> str:
    folder = hub / f"datasets--{repo.replace('/', '--')}"
    commit = "0123456789abcdef0123456789abcdef01234567"
    write_parquet(folder / "snapshots" / commit / file, table)
    (folder / "refs" / reference).parent.mkdir(parents=True, exist_ok=True)
    (folder / "refs" / reference).write_text(commit, encoding="utf-8")
    return commit


@pytest.mark.parametrize(
    ("file", "reference"),
    [("mnli/train-00000-of-00001.parquet", "main"), ("mnli/train/0000.parquet", "refs/convert/parquet")],
)
def test_the_cache_is_read_and_the_commit_recorded(
    shared_data: Path, hub_cache: Path, mnli: IntermediateTask, file: str, reference: str
) -> None:
    commit = cached(hub_cache, "nyu-mll/glue", file, pq.read_table(shared_data / TRAIN), reference)
    loaded = load_examples(mnli, mnli.train, offline=True)
    assert loaded.rows == 3000
    assert loaded.source == f"nyu-mll/glue/mnli/train@{commit[:12]}"


def test_offline_opens_no_socket(shared_data: Path, hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    mlqa = get_registry().task("mlqa")
    assert load(mlqa, mlqa.languages["de"]["dev"], shared_data).rows == 512
    for code, splits in mlqa.languages.items():
        for split in splits.values():
            split_status(split, shared_data)
            if code == "ar":
                with pytest.raises(Unavailable, match="not found"):
                    load(mlqa, split, shared_data)


def test_the_hub_is_asked_last_and_only_for_the_split(
    shared_data: Path, tmp_path: Path, hub_cache: Path, monkeypatch: pytest.MonkeyPatch, mnli: IntermediateTask
) -> None:
    import huggingface_hub

    snapshot = tmp_path / "snapshots" / ("f" * 40)
    asked = []

    def download(repo: str, *, revision: str | None = None, local_files_only: bool = False, **more: Any) -> str:
        if local_files_only:
            raise FileNotFoundError(repo)
        asked.append((repo, revision))
        if revision == CONVERTED:
            assert "mnli/train/*.parquet" in more["allow_patterns"]
            write_parquet(snapshot / "mnli/train/0000.parquet", pq.read_table(shared_data / TRAIN).slice(0, 5))
        snapshot.mkdir(parents=True, exist_ok=True)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    loaded = load_examples(mnli, mnli.train)
    commit = mnli.train.sources[0].revision  # type: ignore[union-attr]
    assert (loaded.rows, asked) == (5, [("nyu-mll/glue", revision) for revision in (commit, None, CONVERTED)])
    assert load_examples(mnli, mnli.train, data_dir=shared_data).rows == 3000  # what is there is not downloaded
    assert len(asked) == 3


def test_the_hub_is_asked_for_other_formats_where_it_has_no_parquet(
    tmp_path: Path, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub.errors import RevisionNotFoundError

    snapshot = tmp_path / "snapshots" / ("f" * 40)
    there = {
        "en/test.csv.gz": gzip.compress(b"id,premise,hypothesis,label\n1,a,b,yes\n"),
        "README.md": b"---\nconfigs:\n- config_name: sw\n  data_files:\n  - {split: test, path: odd/sw.jsonl}\n---\n",
        "odd/sw.jsonl": b'{"id": "2", "premise": "a", "hypothesis": "b", "label": "no"}\n',
    }

    def download(repo: str, *, revision: str | None = None, local_files_only: bool = False, **more: Any) -> str:
        if local_files_only:
            raise FileNotFoundError(repo)
        if revision == CONVERTED:
            raise RevisionNotFoundError("none", response=Mock())
        for name, content in there.items():
            if any(fnmatch(name, pattern) for pattern in more["allow_patterns"]):
                (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
                (snapshot / name).write_bytes(content)
        snapshot.mkdir(parents=True, exist_ok=True)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: str(snapshot / "README.md"))
    for config, label in (("en", "yes"), ("sw", "no")):
        task = pair_task(HubData("a/b", config, "test"), labels=("yes", "no"))
        [example] = load_examples(task, task.languages["en"]["test"]).examples
        assert example.label == label, "Parquet is asked for first, then other formats, then what the card names"


def test_an_unreachable_hub_says_what_to_do(
    hub_cache: Path, monkeypatch: pytest.MonkeyPatch, mnli: IntermediateTask
) -> None:
    import huggingface_hub

    monkeypatch.setattr(locate, "unreachable", found := [])
    monkeypatch.setattr(sources, "unreachable", found)

    def fail(*args: object, **more: object) -> str:
        raise FileNotFoundError if more.get("local_files_only") else ConnectionError("no route to host\nat all")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(Unavailable, match=r"the Hub \(ConnectionError: no route to host\)") as caught:
        load_examples(mnli, mnli.train)
    assert "hf download nyu-mll/glue" in caught.value.hint
    assert len(found) == 1
    assert split_status(mnli.train, offline=False).state == "missing"


def test_label_set_of_a_task_without_one(tmp_path: Path) -> None:
    ccg = get_registry().intermediate("ccg")
    (tmp_path / "ccg").mkdir()
    (tmp_path / "ccg/train.tsv").write_text("He\tNP\nsleeps\tS\\NP\n.\t.\n\nShe\tNP\n", encoding="utf-8")
    loaded = load(ccg, ccg.train, tmp_path)
    assert label_set(ccg, loaded) == (".", "NP", "S\\NP")
    assert label_set(get_registry().intermediate("qqp"), loaded) == ("not_duplicate", "duplicate")


def test_every_row_of_the_manifest_is_counted(shared_data: Path) -> None:
    """What the excerpts' own list says about each file, against what the tasks read from it."""
    manifest = {entry["path"]: entry["rows"] for entry in json.loads((shared_data / "manifest.json").read_bytes())}
    registry, read = get_registry(), {}
    for task in (*registry.tasks().values(), *registry.intermediate_tasks().values()):
        own = [task.train] if isinstance(task.train, Split) else []
        own += [task.dev] if isinstance(task, IntermediateTask) else []
        for split in (*own, *(split for table in task.languages.values() for split in table.values())):
            status = split_status(split, shared_data)
            assert status.state != "damaged", status.reason
            for path in status.files if len(status.files) == 1 else ():
                read.setdefault(str(path.relative_to(shared_data)), {})[status.source] = status.rows
    for path, found in read.items():
        total = sum(rows for rows in found.values() if rows is not None)
        assert total == manifest[path], path
    wanted = {path for path in manifest if path.startswith(("google/xtreme/", "nyu-mll/", "rajpurkar/", "Rowan/"))}
    unread = {path.split("/")[2] for path in wanted - set(read)}
    assert unread == {"SQuAD", "MLQA.en.de", "MLQA.de.en", "bucc18.zh"}


def test_where_needs_its_column(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a/b/data/test-00000-of-00001.parquet", {"t": ["x"]})
    split = Split(HubData("a/b", None, "test", where=Where("language", equals="de")))
    assert "column 'language' is missing" in split_status(split, tmp_path).reason


# Pins.

PIN = "9" * 40
OTHER = "0123456789abcdef0123456789abcdef01234567"


def pinned_task() -> TargetTask:
    return pair_task(HubData("a/b", "en", "test", revision=PIN), labels=("yes", "no"))


def pair_table() -> Any:
    return pa.table({"id": ["1"], "premise": ["a"], "hypothesis": ["b"], "label": ["yes"]})


@pytest.mark.parametrize(
    ("there", "reference", "read"),
    [
        ("en/test.parquet", "", PIN),
        ("en/test.parquet", "main", OTHER),
        ("en/test/0000.parquet", CONVERTED, OTHER),
    ],
)
def test_the_pinned_commit_is_read_first_and_another_one_with_a_note(
    hub_cache: Path, there: str, reference: str, read: str
) -> None:
    task = pinned_task()
    if reference:
        cached(hub_cache, "a/b", there, pair_table(), reference)
        (hub_cache / "datasets--a--b" / "snapshots" / PIN).mkdir()  # with its card alone: it is a script, say
    else:
        cached(hub_cache, "a/b", there, pair_table())
        write_parquet(hub_cache / "datasets--a--b" / "snapshots" / PIN / there, pair_table())
    loaded = load_examples(task, task.languages["en"]["test"], offline=True)
    assert loaded.source == f"a/b/en/test@{read[:12]}"
    copy = ", the Hub's parquet copy" if reference == CONVERTED else ""
    note = f"a/b/en/test: pinned at {PIN[:12]}, read at {OTHER[:12]}{copy}"
    assert loaded.notes == (() if read == PIN else (note,))
    assert hub_datasets(loaded.source, task.languages["en"]["test"]) == [
        HubDataset("a/b", "en", "test", PIN if read == PIN else "")
    ]
    plain = pair_task(HubData("a/b", "en", "test"), labels=("yes", "no"))
    assert load_examples(plain, plain.languages["en"]["test"], offline=True).fingerprint == loaded.fingerprint


def test_the_hub_is_asked_for_the_pinned_commit_then_for_what_else_it_has(
    tmp_path: Path, hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub.errors import RevisionNotFoundError

    snapshot = tmp_path / "snapshots" / OTHER
    asked = []

    def download(repo: str, *, revision: str | None = None, local_files_only: bool = False, **more: Any) -> str:
        if local_files_only:
            raise FileNotFoundError(repo)
        asked.append(revision)
        if revision == PIN:
            raise RevisionNotFoundError("history was rewritten", response=Mock())
        if revision == CONVERTED:
            write_parquet(snapshot / "en/test/0000.parquet", pair_table())
        snapshot.mkdir(parents=True, exist_ok=True)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    task = pinned_task()
    loaded = load_examples(task, task.languages["en"]["test"])
    assert asked == [PIN, None, CONVERTED] and loaded.rows == 1
    assert loaded.notes == (f"a/b/en/test: pinned at {PIN[:12]}, read at {OTHER[:12]}, the Hub's parquet copy",)


def test_a_revision_that_is_no_commit_is_the_only_one_that_is_read(hub_cache: Path) -> None:
    cached(hub_cache, "a/b", "en/test.parquet", pair_table())
    task = pair_task(HubData("a/b", "en", "test", revision="v1.0"), labels=("yes", "no"))
    with pytest.raises(Unavailable, match=r"a/b/en/test@v1\.0 not found"):
        load_examples(task, task.languages["en"]["test"], offline=True)


@pytest.mark.parametrize("commit", [PIN, OTHER, ""])
def test_a_data_folder_has_the_commit_that_its_download_was_of(tmp_path: Path, hub_cache: Path, commit: str) -> None:
    folder = tmp_path / "a" / "b"
    write_parquet(folder / "en/test.parquet", pair_table())
    if commit:
        note = folder / ".cache/huggingface/download/en/test.parquet.metadata"
        note.parent.mkdir(parents=True)
        note.write_text(f"{commit}\nfeed\n1700000000.0\n", encoding="utf-8")
    task = pinned_task()
    loaded = load_examples(task, task.languages["en"]["test"], data_dir=tmp_path)
    assert loaded.source == "a/b/en/test" + (f"@{commit[:12]}" if commit else "")
    assert bool(loaded.notes) is (commit == OTHER)
