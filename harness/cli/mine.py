"""``harness mine``: translation pairs from two monolingual text files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.shared_options import EMBEDDING, SESSION, embedding_options, session_options
from harness.types import defaults

_FILE = click.Path(path_type=Path)


@click.command("mine")
@click.option("--model", required=True, help="Hub id, org/name@revision or folder of an encoder.")
@click.option("--source", required=True, type=_FILE, metavar="FILE", help="Sentences, one per line, UTF-8.")
@click.option("--target", required=True, type=_FILE, metavar="FILE", help="Sentences of the other language.")
@click.option("--out", required=True, type=_FILE, metavar="FILE.tsv", help="Output file of the pairs, best first.")
@click.option(
    "--threshold", type=float, default=defaults.THRESHOLD, show_default=True, help="Minimum margin of a pair."
)
@click.option(
    "--k",
    type=click.IntRange(min=1),
    default=defaults.NEIGHBOURS,
    show_default=True,
    help="Neighbours used by a margin.",
)
@click.option("--margin", default=defaults.MARGIN, show_default=True, help="ratio, distance or absolute.")
@click.option("--retrieval", default=defaults.RETRIEVAL, show_default=True, help="max, intersect, forward or backward.")
@click.option(
    "--duplicates", default=defaults.DUPLICATES, show_default=True, help="Repeated sentences: drop or expand."
)
@embedding_options
@click.option(
    "--max-length", type=click.IntRange(min=3), help="Tokens of a sentence.  [default: the model authors', else 512]"
)
@click.option("--precision", default="auto", show_default=True, help="First pass: fp32 or bf16; same pairs.")
@click.option(
    "--memory",
    type=click.IntRange(min=1),
    default=defaults.SIMILARITY_MEMORY,
    show_default=True,
    help="MiB for similarities.",
)
@click.option("--index", default="auto", show_default=True, help="auto (exact), faiss, torch; ivf or hnsw; a plugin's.")
@session_options()
@click.option("--vectors", type=_FILE, metavar="FOLDER", help="Sentence vectors.  [default: next to --out]")
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
def command(
    model: str,
    source: Path,
    target: Path,
    out: Path,
    vectors: Path | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Mine translation pairs from two text files by the margin of their sentence vectors.

    The search is exact, unless --index names an approximate index (its recall is measured and printed). Sentence
    vectors are kept in files next to the output: a stopped run continues where it was, and another threshold or margin
    needs no new embedding.
    """
    from harness.api import mine
    from harness.cli.console import print_json, print_text
    from harness.cli.progress import TerminalProgress
    from harness.retrieval.mine_files import MiningOptions
    from harness.types.options import EvalOptions

    if out.suffix != ".tsv":
        raise click.UsageError(f"--out {str(out)!r}: a name that ends in .tsv expected")
    options = EvalOptions(**{name: rest.pop(name) for name in SESSION})
    chosen = MiningOptions(
        **{name: value for name, value in rest.items() if value is not None or name not in EMBEDDING}
    )
    with TerminalProgress() as reporter:
        done = mine(source, target, model, out=out, mining=chosen, vectors=vectors, options=options, reporter=reporter)
    if as_json:
        print_json(done)
    else:
        print_text(f"{done['pairs']:,} pairs: {out}\nvectors:  {done['vectors']}")
        if "recall" in done:
            print_text(f"recall:   {done['recall']:.4f} of the true neighbours found by the index {done['index']}")
