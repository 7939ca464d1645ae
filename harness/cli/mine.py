"""``harness mine``: translation pairs from two monolingual text files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import click

from harness.cli.shared_options import compute_options

_FILE = click.Path(path_type=Path)


@click.command("mine")
@click.option("--model", required=True, help="Hub id, org/name@revision or folder of an encoder.")
@click.option("--source", required=True, type=_FILE, metavar="FILE", help="Sentences, one a line, UTF-8.")
@click.option("--target", required=True, type=_FILE, metavar="FILE", help="Sentences of the other language.")
@click.option("--out", required=True, type=_FILE, metavar="FILE.tsv", help="Where the pairs go, best first.")
@click.option("--threshold", type=float, default=0.0, show_default=True, help="Least margin of a pair.")
@click.option("--k", type=click.IntRange(min=1), default=4, show_default=True, help="Neighbours a margin looks at.")
@click.option("--margin", default="ratio", show_default=True, help="ratio, distance or absolute.")
@click.option("--retrieval", default="max", show_default=True, help="max, intersect, forward or backward.")
@click.option("--duplicates", default="drop", show_default=True, help="Repeated sentences: drop or expand.")
@click.option("--layer", type=int, help="Hidden state (0: embeddings).  [default: by depth]")
@click.option("--pool", default="mean", show_default=True, help="mean, mean-no-specials or cls.")
@click.option("--max-length", type=click.IntRange(min=3), default=512, show_default=True, help="Tokens of a sentence.")
@click.option("--precision", default="auto", show_default=True, help="First pass: fp32 or bf16; same pairs.")
@click.option("--memory", type=click.IntRange(min=1), default=1024, show_default=True, help="MiB for similarities.")
@click.option("--index", default="auto", show_default=True, help="auto (exact), faiss, torch; ivf or hnsw; a plugin's.")
@compute_options
@click.option("--batch-tokens", type=int, help="Padded tokens in a batch.  [default: 32768 on a GPU, else 8192]")
@click.option("--vectors", type=_FILE, metavar="FOLDER", help="Sentence vectors.  [default: beside --out]")
@click.option("--offline", is_flag=True, help="Use local files and caches only.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(source: Path, target: Path, out: Path, as_json: bool, **rest: Any) -> None:
    """Mine translation pairs from two text files by the margin of their sentence vectors.

    The search is exact, unless --index names an approximate index (its recall is measured and printed). Sentence
    vectors are kept in files beside the output: a stopped run goes on where it was, and another threshold or margin
    embeds nothing again.
    """
    from harness.cli.console import print_json, print_text

    if out.suffix != ".tsv":
        raise click.UsageError(f"--out {str(out)!r}: a name that ends in .tsv expected")
    done = _mine(source, target, out, **rest)
    if as_json:
        print_json(done)
    else:
        print_text(f"{done['pairs']:,} pairs: {out}\nvectors:  {done['vectors']}")
        if "recall" in done:
            print_text(f"recall:   {done['recall']:.4f} of the true neighbours found by the index {done['index']}")


def _mine(
    source: Path,
    target: Path,
    out: Path,
    *,
    model: str,
    threshold: float,
    k: int,
    margin: str,
    retrieval: str,
    duplicates: str,
    layer: int | None,
    pool: str,
    max_length: int,
    precision: str,
    memory: int,
    index: str,
    device: str,
    dtype: str,
    batch_tokens: int | None,
    vectors: Path | None,
    offline: bool,
) -> dict[str, Any]:
    from harness.cli.console import message
    from harness.core.errors import UsageError, check_choice
    from harness.inference.forward import Forward
    from harness.models.config import load_config
    from harness.models.device import choose_batch_tokens, choose_device, choose_dtype
    from harness.models.load import load_tokenizer
    from harness.models.reference import parse_model
    from harness.models.resolve import resolve_model
    from harness.models.sentence_encoder import default_layer, load_encoder
    from harness.registry.default import get_registry
    from harness.retrieval.embed import POOLS, embed
    from harness.retrieval.knn_bidirectional import PRECISIONS
    from harness.retrieval.mining import DUPLICATES, MARGINS, RETRIEVALS, mine_texts
    from harness.retrieval.search_backend import index_facts, pair_searcher
    from harness.retrieval.sentence_files import Corpus, write_pairs
    from harness.retrieval.vector_store import characters_at_a_time, stored_vectors

    for option, value, choices in (
        ("margin", margin, MARGINS),
        ("retrieval", retrieval, RETRIEVALS),
        ("duplicates", duplicates, DUPLICATES),
        ("pool", pool, POOLS),
        ("precision", precision, PRECISIONS),
    ):
        check_choice(option, value, choices)
    reference = parse_model(model)
    if reference.kind == "baseline":
        raise UsageError(f"--model {model}: a baseline has no sentence vectors", hint="name an encoder")
    left, right = Corpus.read(source), Corpus.read(target)
    device = choose_device(device)
    dtype = choose_dtype(dtype, device)
    loader = get_registry().hook.harness_load_encoder
    resolved = resolve_model(reference, offline=offline, loader=loader)
    tokens = choose_batch_tokens(batch_tokens, device)
    chosen, search = pair_searcher(index, device, get_registry().hook.implemented("harness_build_index"))
    level = default_layer(load_config(resolved.folder)) if layer is None else layer
    identity = f"{resolved.fingerprint} {level} {pool} {max_length} {dtype}"
    folder = vectors or out.with_suffix(".vectors")
    block = characters_at_a_time(device, tokens)

    @cache
    def forward() -> Forward:  # loaded once there is something to embed
        encoder = load_encoder(str(resolved.folder), dtype="float32").to(device).eval()
        return Forward(encoder, load_tokenizer(resolved.folder), device, dtype, tokens)

    def embedded(sentences: Any) -> Any:
        return embed(forward(), sentences, layers=[level], pool=pool, max_length=max_length)[level]

    def vectors_of(corpus: Corpus, side: str) -> Any:
        total, told = len(corpus.sentences), -1

        def tell(done: int) -> None:
            nonlocal told
            if told < 0 or done == total or 20 * (done - told) >= total:
                told = done
                message(f"{corpus.path}: {done:,} of {total:,} sentences embedded")

        return stored_vectors(embedded, corpus.sentences, folder, side, identity, block=block, tell=tell)

    mined = mine_texts(
        left.sentences,
        right.sentences,
        vectors_of(left, "source"),
        vectors_of(right, "target"),
        duplicates=duplicates,
        k=k,
        margin=margin,
        retrieval=retrieval,
        precision=precision,
        device=device,
        memory=memory << 20,
        search=search,
    )
    mined = mined[mined.margins >= threshold]
    write_pairs(out, mined, left, right)
    return {
        "pairs": len(mined),
        "source": len(left.sentences),
        "target": len(right.sentences),
        "embedded_tokens": forward().tokens if forward.cache_info().currsize else 0,
        "layer": level,
        "out": str(out),
        "vectors": str(folder),
        **index_facts(chosen, mined.recall),
    }
