"""Mines translation pairs from two text files by the sentence vectors of a model; the vectors are kept in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.core.arrays import Vectors
from harness.core.errors import UsageError, check_choice
from harness.core.interruption import GOES_ON, saying
from harness.inference.forward import Forward
from harness.inference.session import Compute, open_model
from harness.models import sentence_encoder
from harness.models.attention import AUTO, attention_of
from harness.models.config import load_config
from harness.models.embedder import Embedder
from harness.models.reference import ModelReference
from harness.models.resolve import Access, resolve_model
from harness.retrieval import _vector_store
from harness.retrieval._sentence_files import SentenceFile, write_pairs
from harness.retrieval.embed import embed
from harness.retrieval.embedding import Embedding, EmbeddingOptions
from harness.retrieval.knn_bidirectional import PRECISIONS
from harness.retrieval.mining import DUPLICATES, MARGINS, RETRIEVALS, mine_texts
from harness.retrieval.search_backend import index_facts, pair_searcher
from harness.types import defaults
from harness.types.progress import ProgressListener

_KEPT = "the sentence vectors are kept"


@dataclass(frozen=True)
class MiningOptions(EmbeddingOptions):
    """Decides which pairs are mined.

    ``threshold`` is the least margin of a pair; ``k``, ``margin``, ``retrieval`` and ``duplicates`` are those of
    :func:`~harness.retrieval.mining.mine_texts`. ``precision`` of the first pass and ``memory`` (MiB, for similarities)
    change no pair. ``index`` names the search: exact, approximate, or a plugin's.
    """

    threshold: float = defaults.THRESHOLD
    k: int = defaults.NEIGHBOURS
    margin: str = defaults.MARGIN
    retrieval: str = defaults.RETRIEVAL
    duplicates: str = defaults.DUPLICATES
    precision: str = "auto"
    memory: int = defaults.SIMILARITY_MEMORY
    index: str = "auto"

    def __post_init__(self) -> None:
        """Refuses unknown names."""
        super().__post_init__()
        if self.curve:
            raise UsageError("--layer all: text files have no dev data to choose a layer by", hint="name one layer")
        for option, choices in (
            ("margin", MARGINS),
            ("retrieval", RETRIEVALS),
            ("duplicates", DUPLICATES),
            ("precision", PRECISIONS),
        ):
            check_choice(option, getattr(self, option), choices)


def mine_files(
    source: Path,
    target: Path,
    model: ModelReference,
    out: Path,
    *,
    options: MiningOptions,
    access: Access,
    compute: Compute,
    vectors: Path | None = None,
    reporter: ProgressListener | None = None,
) -> dict[str, Any]:
    """Writes the pairs of two files (a sentence a line, UTF-8) into ``out``, tab-separated, best first.

    Sentence vectors are kept in ``vectors``, by default a folder next to ``out``: a stopped call continues where it was, and
    the model is loaded only where there is something to embed. The ``reporter`` hears of every batch, and gets a line at
    each twentieth of a file. Returns a summary as plain values.
    """
    reporter = reporter or ProgressListener()
    if model.kind == "baseline":
        raise UsageError(f"--model {model}: a baseline has no sentence vectors", hint="name an encoder")
    left, right = SentenceFile.read(source), SentenceFile.read(target)
    found = resolve_model(model, access)
    index, search = pair_searcher(options.index, compute.device, compute.build_index)
    depth = sentence_encoder.layer_count(load_config(found.folder))
    how = Embedding.of(options, Embedder.of(found.folder), depth)
    reporter.note(f"{model}: layer {how.layer} of {depth} ({how.layer_from}), pool {how.pool}, prompt {how.prompt}")
    identity = f"{found.fingerprint} {how.identity} {compute.dtype}"
    identity += f" {compute.quant}" if compute.quant else ""
    identity += f" {compute.attention}" if compute.attention != AUTO else ""
    folder = vectors or out.with_suffix(".vectors")
    block = _vector_store.characters_at_a_time(compute.device, compute.budget)

    @cache
    def forward() -> Forward:
        session = open_model(found, access, compute)
        return session.forward(session.network(sentence_encoder.load_encoder))

    def vectors_of(corpus: SentenceFile, side: str) -> Vectors:
        total, noted, shown = len(corpus.sentences), -1, 0

        def advance(sentences: int) -> None:
            nonlocal shown
            shown += sentences
            bar(sentences)

        def tell(done: int) -> None:
            nonlocal noted
            advance(done - shown)  # sentences of earlier runs, or none
            if noted < 0 or done == total or 20 * (done - noted) >= total:
                noted = done
                reporter.note(f"{corpus.path}: {done:,} of {total:,} sentences embedded")

        def embedded(sentences: Sequence[str]) -> Vectors:
            network = forward()
            network.progress = advance
            return embed(network, sentences, layers=[how.layer], **how.settings)[how.layer]

        with reporter.predicting(str(corpus.path), total) as bar:
            return _vector_store.stored_vectors(
                embedded, corpus.sentences, folder, side, identity, block=block, tell=tell
            )

    with saying(lambda: f"stopped, {_KEPT}; {GOES_ON}"):
        mined = mine_texts(
            left.sentences,
            right.sentences,
            vectors_of(left, "source"),
            vectors_of(right, "target"),
            duplicates=options.duplicates,
            k=options.k,
            margin=options.margin,
            retrieval=options.retrieval,
            precision=options.precision,
            device=compute.device,
            memory=options.memory << 20,
            search=search,
        )
    mined = mined[mined.margins >= options.threshold]
    write_pairs(out, mined, left, right)
    loaded = forward.cache_info().currsize > 0
    return {
        "pairs": len(mined),
        "source": len(left.sentences),
        "target": len(right.sentences),
        "embedded_tokens": forward().tokens if loaded else 0,
        **how.facts,
        "attention": attention_of(forward().model) if loaded else compute.attention,
        "out": str(out),
        "vectors": str(folder),
        **index_facts(index, mined.recall),
    }
