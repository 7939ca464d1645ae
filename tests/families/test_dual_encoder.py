"""The dual encoder: its loss, its vectors, its checkpoints and its search, against computations by the book."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sentence_models import labse
from small_models import KINDS, cutting, save_model

from harness.core.errors import DataError, UsageError
from harness.data._sentences import sentence_at
from harness.data.subset import limited
from harness.families.dual_encoder import SCALE, DualEncoder
from harness.inference.features import Features, Ragged
from harness.inference.forward import Forward
from harness.models.embedder import Embedder
from harness.models.load import check_head, load_tokenizer
from harness.retrieval.candidates import in_blocks, mapped
from harness.retrieval.knn import nearest
from harness.scoring.formats.rankings import Rankings
from harness.scoring.metrics import get_metric
from harness.training._order import micro_batches
from harness.types.examples import Candidate, Match, Query
from harness.types.units import UnitExamples

PAIRS = [
    Match(str(i), f"who found the {thing}", f"{name} found the {thing} in the garden, says {name} " * (1 + i % 3))
    for i, (name, thing) in enumerate(
        (n, t) for n in ("Ann", "Bo", "Cy") for t in ("cat", "dog", "bird", "red mat", "meeting", "child", "coat")
    )
]


def family(**options: Any) -> DualEncoder:
    return DualEncoder((), DualEncoder.Options(**options))


def batch(features: Features, rows: Any, pad: int) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in features.batch(np.asarray(rows), pad).items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model("xlmr", tmp_path_factory.mktemp("xlmr"))


def test_the_loss_is_the_softmax_over_the_candidates_of_a_bundle(folder: Path) -> None:
    task = family(softmax_pairs=3)
    model = task.load(str(folder), ignore_mismatched_sizes=True).eval()
    tokenizer = load_tokenizer(folder)
    features = task.features(tokenizer, PAIRS, training=True)
    assert features.item_count == len(PAIRS) and features.together == 3
    with torch.inference_mode():
        total, count = task.loss(model, batch(features, features.rows_of(np.arange(6)), tokenizer.pad_token_id))
        expected = 0.0
        for start in (0, 3):
            sides = []
            for texts in ([p.query for p in PAIRS[start : start + 3]], [p.candidate for p in PAIRS[start : start + 3]]):
                encoded = tokenizer(texts, padding=True, return_tensors="pt")
                sides.append(torch.nn.functional.normalize(model(**encoded).pooler_output, dim=1))
            scores = 100.0 * sides[0] @ sides[1].T
            expected += float(torch.nn.functional.cross_entropy(scores, torch.arange(3), reduction="sum"))
    assert int(count) == 6
    assert float(total) == pytest.approx(expected, rel=1e-4)


@given(
    items=st.lists(st.integers(1, 9), min_size=1, max_size=40), together=st.integers(1, 6), budget=st.integers(1, 400)
)
def test_bundles_do_not_depend_on_the_token_budget(items: list[int], together: int, budget: int) -> None:
    lengths = np.array([length for item in items for length in (item, 2)])
    rows = Ragged(np.zeros(lengths.sum(), np.int64), np.concatenate([[0], np.cumsum(lengths)]))
    features = Features(rows, np.arange(len(lengths)), items=np.arange(0, len(lengths) + 1, 2), together=together)
    order = np.random.default_rng(0).permutation(len(items))
    bundles = []
    for chosen in micro_batches(features, order, budget):
        pairs = chosen[::2] // 2
        assert (chosen[1::2] == chosen[::2] + 1).all()
        size = together if len(pairs) % together == 0 else len(pairs)
        assert size == together or len(pairs) == len(order) % together
        bundles += [tuple(pairs[start : start + size]) for start in range(0, len(pairs), size)]
    wanted = [tuple(order[start : start + together]) for start in range(0, len(order), together)]
    assert sorted(bundles) == sorted(wanted)


def test_a_step_is_the_same_for_every_token_budget(folder: Path) -> None:
    task = family(softmax_pairs=4)
    model = task.load(str(folder), ignore_mismatched_sizes=True).eval()
    pad = load_tokenizer(folder).pad_token_id
    features = task.features(load_tokenizer(folder), PAIRS, training=True)
    totals = []
    for budget in (1, 200, 100_000):
        with torch.inference_mode():
            parts = [
                task.loss(model, batch(features, rows, pad))
                for rows in micro_batches(features, np.arange(len(PAIRS)), budget)
            ]
        assert sum(int(count) for _, count in parts) == len(PAIRS) == 21  # the last bundle holds one pair
        totals.append(sum(float(loss) for loss, _ in parts))
    assert totals == pytest.approx([totals[0]] * 3, rel=1e-5)


def test_the_scale_is_learned_and_kept_in_a_checkpoint_that_loads_elsewhere(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    task = family(softmax_pairs=4)
    model = task.load(str(folder), ignore_mismatched_sizes=True)
    scale = getattr(model, SCALE)
    assert scale.item() == 100.0
    features = task.features(load_tokenizer(folder), PAIRS, training=True)
    loss, count = task.loss(model, batch(features, features.rows_of(np.arange(8)), 1))
    (loss / count).backward()
    assert scale.grad is not None and float(scale.grad) != 0
    with torch.no_grad():
        scale.fill_(87.5)
    model.save_pretrained(tmp_path)
    load_tokenizer(folder).save_pretrained(tmp_path)
    again = task.load(str(tmp_path))
    assert getattr(again, SCALE).item() == 87.5
    check_head(again, tmp_path)
    assert getattr(task.load(str(tmp_path), ignore_mismatched_sizes=True), SCALE).item() == 100.0
    plain = AutoModel.from_pretrained(tmp_path)
    assert all(torch.equal(p, dict(again.named_parameters())[name]) for name, p in plain.named_parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_is_a_dual_encoder(kind: str, tmp_path: Path) -> None:
    save_model(kind, tmp_path / "model")
    task = family(softmax_pairs=4)
    tokens = load_tokenizer(tmp_path / "model")
    model = task.load(str(tmp_path / "model"), ignore_mismatched_sizes=True)
    features = task.features(tokens, PAIRS[:8], training=True)
    loss, count = task.loss(model, batch(features, features.rows_of(np.arange(8)), tokens.pad_token_id))
    assert torch.isfinite(loss) and int(count) == 8
    loss.backward()
    model.save_pretrained(tmp_path / "trained")
    tokens.save_pretrained(tmp_path / "trained")
    forward = cutting(64)(task.load(str(tmp_path / "trained")), tokens)
    [unit] = task.join([UnitExamples("made", "en", "dev", PAIRS)])
    [prediction] = task.predict(forward, [unit])
    assert prediction.facts["vector"] == ("pooler" if kind in ("xlmr", "bert") else "mean")
    assert all(len(ranking) == 20 for ranking in prediction.predictions)


def test_a_model_without_a_pooler_is_pooled_otherwise(folder: Path, tmp_path: Path) -> None:
    from transformers import XLMRobertaForQuestionAnswering

    XLMRobertaForQuestionAnswering.from_pretrained(folder).save_pretrained(tmp_path)
    load_tokenizer(folder).save_pretrained(tmp_path)
    assert family().load(str(tmp_path)).dual_encoder_vector == "mean"
    assert family().load(str(tmp_path), ignore_mismatched_sizes=True).dual_encoder_vector == "pooler"
    assert family(vector="cls").load(str(tmp_path)).dual_encoder_vector == "cls"


@pytest.mark.parametrize("vector", ["pooler", "cls", "mean"])
def test_rankings_are_those_of_a_plain_computation(folder: Path, vector: str) -> None:
    task = family(vector=vector)
    model, tokenizer = task.load(str(folder)).eval(), load_tokenizer(folder)
    [unit] = task.join([UnitExamples("made", "en", "dev", PAIRS)])
    [prediction] = task.predict(cutting(80)(model, tokenizer), [unit])

    def plain(texts: list[str]) -> Any:
        encoded = tokenizer(texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            out = model(**encoded)
        mask = encoded["attention_mask"][:, :, None]
        pooled = {
            "pooler": out.pooler_output,
            "cls": out.last_hidden_state[:, 0],
            "mean": (out.last_hidden_state * mask).sum(1) / mask.sum(1),
        }
        return torch.nn.functional.normalize(pooled[vector], dim=1).double()

    scores = plain([q.text for q in unit.examples]) @ plain([c.text for c in unit.pool]).T
    names = [candidate.id for candidate in unit.pool]
    for ranking, row in zip(prediction.predictions, scores, strict=True):
        found = row[[names.index(name) for name in ranking]]
        assert len(set(ranking)) == 20
        torch.testing.assert_close(found, row.sort(descending=True).values[:20], atol=1e-6, rtol=0)


ENGLISH = [Candidate("en_1_0", "a"), Candidate("en_1_1", "b"), Query("q", "?", ("en_1_1",))]
GERMAN = [Candidate("de_1_0", "c"), Query("q", "?!", ("de_1_0",)), Query("r", "", ("de_1_0",))]
LAREQA = [UnitExamples("lareqa", "en", "test", ENGLISH), UnitExamples("lareqa", "de", "test", GERMAN)]


def test_an_untrained_model_searches_as_its_authors_say_with_the_prompt_of_each_side(tmp_path: Path) -> None:
    """As encode_query and encode_document of sentence-transformers; a vector that is asked for, or a stage, wins."""
    library = pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers (extra bench) is not installed"
    )
    labse(save_model("bert", tmp_path))
    prompts = {"query": "Two dogs: ", "document": "a child: "}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}), encoding="utf-8")
    task = family(candidate_length=32, query_length=16)
    pool = [Candidate(pair.id, pair.candidate) for pair in PAIRS]
    unit = UnitExamples("t", "en", "test", [Query(p.id, p.query, (p.id,)) for p in PAIRS], (), pool)
    model = task.load(str(tmp_path)).eval()
    forward = Forward(model, load_tokenizer(tmp_path), "cpu", embedder=Embedder.of(tmp_path))
    [found] = task.predict(forward, [unit])
    assert found.facts["vector"] == "cls, dense 32>32 tanh" and found.facts["prompts"]["candidate"] == "a child: "
    theirs = library.SentenceTransformer(str(tmp_path), device="cpu", local_files_only=True)
    theirs.max_seq_length = 16
    queries = theirs.encode_query([p.query for p in PAIRS], normalize_embeddings=True)
    theirs.max_seq_length = 32
    documents = theirs.encode_document([p.candidate for p in PAIRS], normalize_embeddings=True)
    np.testing.assert_allclose(task._embed(forward, "query", [(p.query, "en") for p in PAIRS]), queries, atol=1e-5)
    np.testing.assert_allclose(
        task._embed(forward, "candidate", [(p.candidate, "") for p in PAIRS]), documents, atol=1e-5
    )
    assert family(vector="mean").vector_treatment(forward.embedder) == {}
    assert task.vector_treatment(replace(forward.embedder, trained=("lareqa",))) == {}
    without = family(prompt="none").vector_treatment(forward.embedder)
    assert without["prompts"] == {"query": "", "candidate": ""}


def test_units_share_their_candidates_and_the_answers_to_one_question() -> None:
    en, de = family().join(LAREQA)
    assert [c.id for c in en.pool] == ["en_1_0", "en_1_1", "de_1_0"] and en.pool is de.pool
    assert en.examples == [Query("q", "?", ("en_1_1", "de_1_0"))]
    assert de.examples == [Query("q", "?!", ("en_1_1", "de_1_0")), Query("r", "", ("de_1_0",))]
    [alone] = family().join(LAREQA[:1])
    assert alone.examples == [Query("q", "?", ("en_1_1",))]


def test_a_pool_of_the_task_is_searched_as_it_is() -> None:
    pool = [Candidate("Q1", "x"), Candidate("Q2", "y")]
    units = [UnitExamples("m", code, "test", [Query("1", code, ("Q2",))], pool=pool) for code in ("de", "tr")]
    joined = family().join(units)
    assert [unit.examples for unit in joined] == [unit.examples for unit in units]
    assert all(unit.pool is pool for unit in joined)
    with pytest.raises(DataError, match="m de test: nothing to search for"):
        family().join([replace(units[0], examples=[])])


def test_pairs_search_each_others_candidates_and_equal_ones_count_once() -> None:
    pairs = [Match("a", "1", "same"), Match("b", "2", "same"), Match("c", "3", "other")]
    [unit] = family().join([UnitExamples("m", "en", "dev", pairs)])
    assert [c.text for c in unit.pool] == ["same", "other"]
    assert [q.relevant for q in unit.examples] == [("candidate-0",), ("candidate-0",), ("candidate-1",)]


def test_labels_and_predictions_are_files_that_score(tmp_path: Path) -> None:
    _, de = family().join(LAREQA)
    form, metric = Rankings(), get_metric("average_precision")
    form.write_predictions(tmp_path / "p.json", de.examples, [["x", "de_1_0", "en_1_1"], ["de_1_0"]])
    assert form.write_labels(tmp_path / "l.json", de.examples)
    assert json.loads((tmp_path / "l.json").read_text()) == {"q": ["en_1_1", "de_1_0"], "r": ["de_1_0"]}
    aligned = form.align(tmp_path / "p.json", tmp_path / "l.json", ())
    value = metric.compute(aligned.gold, aligned.predicted, "de")["map@20"]
    assert value == pytest.approx(100 * ((1 / 2 + 2 / 3) / 2 + 1) / 2)
    assert not form.write_labels(tmp_path / "none.json", [Query("q", "", ())])


def test_baselines_rank_candidates_of_the_whole_pool() -> None:
    _, de = family().join(LAREQA)
    assert family().guess("majority", [], de, 0) == [["en_1_0", "en_1_1", "de_1_0"]] * 2
    random = family().guess("random", [], de, 0)
    assert random == family().guess("random", [], de, 0) and all(len(set(r)) == len(r) for r in random)


@given(
    n=st.integers(1, 6), m=st.integers(1, 60), k=st.integers(1, 25), block=st.integers(1, 70), seed=st.integers(0, 99)
)
def test_blocks_find_what_one_search_finds_ties_included(n: int, m: int, k: int, block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, pool = (rng.integers(-1, 2, size=(rows, 3)).astype(np.float32) for rows in (n, m))
    whole = nearest(queries, pool, k, backend="torch")
    parts = in_blocks(lambda q, p, k: nearest(q, p, k, backend="torch"), queries, pool, k, block=block)
    assert (parts.ids == whole.ids).all() and (parts.scores == whole.scores).all()


def test_vectors_are_computed_in_blocks_into_a_mapped_file() -> None:
    texts = [str(i) for i in range(25)]
    calls: list[int] = []

    def embed(block: Any) -> Any:
        calls.append(len(block))
        return np.array([[float(text), 1.0] for text in block], np.float32)

    vectors = mapped(embed, texts, block=10)
    assert isinstance(vectors, np.memmap) and calls == [10, 10, 5]
    assert vectors[:, 0].tolist() == [float(text) for text in texts]
    with pytest.raises(DataError, match="empty"):
        mapped(embed, [])


def test_a_limit_keeps_queries_with_what_answers_them() -> None:
    queries = [Query(f"q{i}", "", (f"c{i}",)) for i in range(20)]
    examples = [*(Candidate(f"c{i}", "") for i in range(60)), *queries]
    kept = limited(examples, 5)
    asked = [e for e in kept if isinstance(e, Query)]
    names = {e.id for e in kept if isinstance(e, Candidate)}
    assert len(asked) == 5 and {name for query in asked for name in query.relevant} <= names
    assert 15 <= len(names) <= 20
    assert kept == [e for e in examples if e in kept] and limited(examples, 5) == kept
    other = [replace(query, text="übersetzt") for query in queries]  # the same questions in another language
    assert [q.id for q in limited([*examples[:60], *other], 5) if isinstance(q, Query)] == [q.id for q in asked]


@pytest.mark.parametrize(
    ("text", "position", "sentence"),
    [
        ("One. Two is here. Three.", 0, "One."),
        ("One. Two is here. Three.", 5, "Two is here."),
        ("Dr. Smith met J. R. Doe in St. Louis. He left.", 20, "Dr. Smith met J. R. Doe in St. Louis."),
        ("It cost 3.5 million. Why?", 10, "It cost 3.5 million."),
        ('He said "No." Then he left.', 14, "Then he left."),
        ("no end mark", 3, "no end mark"),
        ("你好。再见。", 3, "再见。"),
    ],
)
def test_the_sentence_around_a_position_is_found(text: str, position: int, sentence: str) -> None:
    assert sentence_at(text, position) == sentence


@given(st.text(alphabet="Aa .!?\"'1)", max_size=60), st.integers(0, 59))
def test_sentences_hold_their_position(text: str, position: int) -> None:
    if position < len(text) and not text[position].isspace():
        sentence = sentence_at(text, position)
        assert text[position] in sentence and sentence in text


def test_unusable_options_of_the_dual_encoder_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="vector"):
        family(vector="max")
    with pytest.raises(UsageError, match="softmax_pairs"):
        family(softmax_pairs=1)
