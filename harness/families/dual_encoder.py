"""Texts that answer a text, found by nearness of their vectors (LAReQA, Mewsli-X)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from harness.core.arrays import OutputRows, Vectors
from harness.core.errors import DataError, UsageError, check_choice
from harness.families.base import HeadFamily
from harness.families.baseline import random_stream
from harness.inference.features import Features, Ragged
from harness.inference.tokenization import encode_pairs
from harness.models.heads import check_finite, model_inputs, plain_model
from harness.models.sentence_encoder import encoder_of, layer_count, load_bare
from harness.models.stored import stored_tensors
from harness.retrieval.candidates import in_blocks, mapped
from harness.retrieval.embed import embed
from harness.retrieval.knn import BACKENDS
from harness.retrieval.search_backend import index_facts, searcher
from harness.types.examples import DEPTH, Candidate, Example, Match, Query
from harness.types.roles import MEASURES, option
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.inference.forward import Forward
    from harness.models.embedder import Embedder
    from harness.models.sentence_modules import SentenceModules

Kind = TypeVar("Kind", Query, Candidate, Match)

PROMPTS = {"query": ("query",), "candidate": ("document", "passage", "corpus")}
"""Names of the prompts for queries and for candidates, in the order in which they are looked for (as sentence-transformers)."""
VECTORS = ("auto", "pooler", "cls", "mean")
SCALE = "dual_encoder_scale"
INITIAL_SCALE = 100.0


class DualEncoder(HeadFamily):
    """One encoder for queries and candidates, unit vectors, and a search by inner product (Ruder et al. 2021).

    Trained on :class:`Match` examples by a softmax over the candidates of ``softmax_pairs`` pairs, each other's negatives,
    with a learned scale that is kept in the checkpoint (``dual_encoder_scale``). A prediction is the ids of the 20 nearest
    candidates, best first.
    """

    joins = True
    trains_vectors = True

    @dataclass(frozen=True)
    class Options:
        """``query_length`` and ``candidate_length`` count special tokens.

        ``softmax_pairs``: consecutive pairs of a training step whose candidates compete, regardless of the micro-batches.
        ``vector``: the "pooler" (dense and tanh over the first token), the first token "cls", the "mean" over tokens, or
        "auto": as the authors of a sentence-embedding model say (modules.json) where it is scored without training, else the
        pooler where the checkpoint has one or is to be trained, else the mean. ``prompt``, where the authors' files are
        followed: one of theirs for queries and candidates, "none", or "auto", theirs for each. ``index`` as in sentence
        retrieval.
        """

        query_length: int = option(96, MEASURES)
        candidate_length: int = option(256, MEASURES)
        softmax_pairs: int = option(4, MEASURES)
        vector: str = option("auto", MEASURES)
        prompt: str = option("auto", MEASURES, keyed="changed")
        index: str = option("auto", MEASURES)

        def __post_init__(self) -> None:
            """Refuses names that mean nothing, and a softmax over nothing."""
            check_choice("vector", self.vector, VECTORS)
            if self.softmax_pairs < 2:
                raise UsageError(f"option softmax_pairs: 2 or more expected, not {self.softmax_pairs}")

    options: Options

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The bare model, with the scale that is stored with its weights; to be trained, with a fresh one."""
        import torch

        fresh = kwargs.pop("ignore_mismatched_sizes", False)
        model, pooled = load_bare(reference, **kwargs)
        model.dual_encoder_vector = _vector(model, self.options.vector, pooled or fresh)
        scale = INITIAL_SCALE if fresh else _stored_scale(Path(reference))
        if scale is not None:
            model.register_parameter(SCALE, torch.nn.Parameter(torch.tensor(scale)))
        return model

    def join(self, units: Sequence[UnitExamples]) -> list[UnitExamples]:
        """Units with queries only, and the pool that they search.

        Candidates that come with the units make one pool for all units of a task, and a query's answers in other
        languages are those of the query with the same id there. Pairs (a dev split) search each other's candidates.
        """
        units = [_searchable(unit) for unit in units]
        pools: dict[str, dict[str, tuple[Candidate, str]]] = {}
        relevant: dict[tuple[str, str], dict[str, None]] = {}
        for unit in units:
            if not unit.pool:
                pool = pools.setdefault(unit.task, {})
                pool.update((candidate.id, (candidate, code)) for candidate, code in _spoken(unit, Candidate))
                for query in _queries(unit):
                    relevant.setdefault((unit.task, query.id), {}).update(dict.fromkeys(query.relevant))
        shared = {task: list(zip(*pool.values(), strict=True)) or [(), ()] for task, pool in pools.items()}
        return [
            replace(unit, examples=_queries(unit), languages=_query_languages(unit))
            if unit.pool
            else replace(
                unit,
                languages=_query_languages(unit),
                examples=[replace(q, relevant=tuple(relevant[unit.task, q.id])) for q in _queries(unit)],
                pool=shared[unit.task][0],
                pool_languages=shared[unit.task][1],
            )
            for unit in units
        ]

    def predict(self, forward: Forward, units: Sequence[UnitExamples]) -> Iterator[Prediction]:
        """Embeds each pool once, then the queries of all the units that search it."""
        index, search = searcher(self.options.index, forward.device, forward.build_index)
        search = partial(in_blocks, search) if index in BACKENDS else search
        for group in _by_pool(units):
            pool = [example for example in group[0].pool if isinstance(example, Candidate)]
            queries = [(query.text, code) for unit in group for query, code in _spoken(unit, Query)]
            spoken = group[0].pool_languages or [""] * len(pool)
            candidates = [(candidate.text, code) for candidate, code in zip(pool, spoken, strict=True)]
            vectors = mapped(partial(self._embed, forward, "candidate"), candidates)
            asked = self._embed(forward, "query", queries)
            found = search(asked, vectors, DEPTH)
            theirs = self.vector_treatment(forward.embedder)
            facts = {"candidates": len(pool), **(theirs or {"vector": forward.model.dual_encoder_vector})}
            facts |= index_facts(index, found.recall)
            rankings = [[pool[row].id for row in rows] for rows in found.ids.tolist()]
            start = 0
            for unit in group:
                end = start + len(unit.examples)
                yield Prediction(unit, rankings[start:end], facts | {"pool": [other.language for other in group]})
                start = end

    def vector_treatment(self, embedder: Embedder) -> dict[str, Any]:
        """Describes how the authors' files say to embed queries and candidates, where they are followed."""
        modules = self._authors(embedder)
        if modules is None:
            return {}
        prompts = {side: modules.prompt_for(names, self.options.prompt)[1] for side, names in PROMPTS.items()}
        return {"vector": modules.described, "prompts": prompts}

    def _authors(self, embedder: Embedder) -> SentenceModules | None:
        """The modules that a model brings, unless a vector is asked for or one was trained since."""
        return embedder.modules if self.options.vector == "auto" and not embedder.trained else None

    def _embed(self, forward: Forward, side: str, texts: Sequence[tuple[str, str]]) -> Vectors:
        """The vectors of texts of a side, each with its language, "" where that is not known."""
        max_length = self.options.query_length if side == "query" else self.options.candidate_length
        plain, spoken = [text for text, _ in texts], [code for _, code in texts]
        if modules := self._authors(forward.embedder):
            depth = layer_count(encoder_of(plain_model(forward.model)).config)
            settings = modules.settings(modules.prompt_for(PROMPTS[side], self.options.prompt)[1])
            return embed(forward, plain, layers=[depth], max_length=max_length, languages=spoken, **settings)[depth]
        ids, segments = encode_pairs(forward.tokenizer, plain, None, max_length)
        features = Features(ids, np.arange(len(ids)), segments=segments)
        if forward.reads_language:
            features = features.with_languages(spoken)
        vectors = np.asarray(forward.stream(features, self.outputs, counts=len(texts))["vector"])
        check_finite(np.isfinite(vectors))
        return vectors

    def features(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool) -> Features:
        """Two rows an item, the query's and the candidate's; items that compete stay together."""
        pairs = [(index, example) for index, example in enumerate(examples) if isinstance(example, Match)]
        options = self.options
        queries = encode_pairs(tokenizer, [pair.query for _, pair in pairs], None, options.query_length)
        candidates = encode_pairs(tokenizer, [pair.candidate for _, pair in pairs], None, options.candidate_length)
        ids, segments = (
            None if one is None or other is None else _interleaved(one, other)
            for one, other in zip(queries, candidates, strict=True)
        )
        assert ids is not None
        index = np.repeat(np.array([index for index, _ in pairs], np.int64), 2)
        items = np.arange(0, 2 * len(pairs) + 1, 2)
        return Features(ids, index, segments=segments, items=items, together=options.softmax_pairs)

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed cross-entropy of each query's own candidate among those it competes with, and the number of pairs."""
        import torch

        several = torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1
        if several and plain_model(model).config.is_encoder_decoder:
            # Its encoder is called past the wrapper that keeps the processes alike.
            raise UsageError(
                "a dual encoder of an encoder-decoder trains in one process only",
                hint="train it without accelerate launch, or choose a model with an encoder alone",
            )
        vectors = self._vectors(model, batch)
        pairs = len(vectors) // 2
        together = self.options.softmax_pairs if pairs % self.options.softmax_pairs == 0 else pairs
        queries, candidates = (vectors[side::2].view(-1, together, vectors.shape[1]) for side in (0, 1))
        with torch.autocast(vectors.device.type, enabled=False):
            scores = getattr(plain_model(model), SCALE) * torch.bmm(queries, candidates.transpose(1, 2))
        right = torch.arange(together, device=scores.device).repeat(len(scores))
        loss = torch.nn.functional.cross_entropy(scores.view(-1, together), right, reduction="sum")
        return loss, right.new_tensor(pairs)

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``vector``: fp32 (rows, d), of unit length."""
        return {"vector": self._vectors(model, batch)}

    def _vectors(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        import torch

        plain = plain_model(model)
        encoder = encoder_of(plain)
        inputs = model_inputs(plain, batch)
        output = (model if encoder is plain else encoder)(**inputs, return_dict=True)
        with torch.autocast(batch["input_ids"].device.type, enabled=False):
            if plain.dual_encoder_vector == "pooler":
                vectors = output.pooler_output.float()
            elif plain.dual_encoder_vector == "cls":
                vectors = output.last_hidden_state[:, 0].float()
            else:
                mask = inputs["attention_mask"][:, :, None].float()
                vectors = (output.last_hidden_state.float() * mask).sum(1) / mask.sum(1)
            return torch.nn.functional.normalize(vectors, dim=1)

    def decode(
        self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]
    ) -> list[np.ndarray[Any, Any]]:
        """The vector of each row."""
        return list(outputs["vector"])

    def decision(self, predicted: Any) -> Any:
        """The first candidate."""
        return predicted[:1]

    def choices(self, unit: UnitExamples) -> float | None:
        """The candidates of the pool."""
        return len(unit.pool) or None

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> list[list[str]]:
        """ "majority": the first 20 candidates; "random": any 20."""
        names = [candidate.id for candidate in unit.pool if isinstance(candidate, Candidate)]
        count = len(unit.examples)
        if kind == "majority":
            return [names[:DEPTH]] * count
        drawn = random_stream(unit, seed).integers(len(names), size=(count, DEPTH)).tolist()
        return [[names[row] for row in dict.fromkeys(rows)] for rows in drawn]


def _vector(model: PreTrainedModel, wanted: str, pooled: bool) -> str:
    has_pooler = getattr(encoder_of(model), "pooler", None) is not None
    if wanted == "auto":
        return "pooler" if has_pooler and pooled else "mean"
    if wanted == "pooler" and not has_pooler:
        raise UsageError(
            f"option vector: a model of type {model.config.model_type!r} has no pooler", hint="use vector=mean or cls"
        )
    return wanted


def _stored_scale(folder: Path) -> float | None:
    found = stored_tensors(folder, [SCALE])
    return float(found[SCALE]) if found else None


def _queries(unit: UnitExamples) -> list[Query]:
    return [query for query, _ in _spoken(unit, Query)]


def _query_languages(unit: UnitExamples) -> list[str]:
    """Those of the queries, where the unit has several languages."""
    return [code for _, code in _spoken(unit, Query)] if unit.languages else []


def _spoken(unit: UnitExamples, kind: type[Kind]) -> list[tuple[Kind, str]]:
    """The examples of a class, with their languages."""
    pairs = zip(unit.examples, unit.language_of_each, strict=True)
    return [(example, code) for example, code in pairs if isinstance(example, kind)]


def _searchable(unit: UnitExamples) -> UnitExamples:
    """The unit with queries and candidates in place of pairs; DataError where there is no query."""
    pairs = [example for example in unit.examples if isinstance(example, Match)]
    if pairs:
        names: dict[str, str] = {}
        languages: list[str] = []
        for pair, code in _spoken(unit, Match):
            if pair.candidate not in names:
                names[pair.candidate] = f"candidate-{len(names)}"
                languages.append(code)
        candidates = [Candidate(name, text) for text, name in names.items()]
        return replace(
            unit,
            examples=[*candidates, *(Query(pair.id, pair.query, (names[pair.candidate],)) for pair in pairs)],
            languages=[*languages, *(code for _, code in _spoken(unit, Match))] if unit.languages else (),
            pool=(),
        )
    if not _queries(unit):
        raise DataError(
            f"{unit.task} {unit.language} {unit.split}: nothing to search for",
            hint="the task's reader must yield Query (and Candidate) or Match examples",
        )
    return unit


def _by_pool(units: Sequence[UnitExamples]) -> list[list[UnitExamples]]:
    groups: dict[int, list[UnitExamples]] = {}
    for unit in units:
        groups.setdefault(id(unit.pool), []).append(unit)
    return list(groups.values())


def _interleaved(one: Ragged, other: Ragged) -> Ragged:
    """Rows 0 of both, rows 1 of both, and so on."""
    rows = [row for i in range(len(one)) for row in (one[i], other[i])]
    lengths = np.stack([one.lengths, other.lengths], axis=1).ravel()
    values = np.concatenate(rows) if rows else one.values[:0]
    return Ragged(values, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
