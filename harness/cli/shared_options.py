"""Options that several commands take, declared once."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import click

from harness.cli.console import COLUMNS
from harness.types import defaults
from harness.types.options import EvalOptions

Decorated = Callable[..., Any]


def split_commas(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """``--language de,sw --language ur`` as ("de", "sw", "ur")."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())


def together(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """The options as one decorator, in this order."""

    def decorate(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _keep_columns(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> None:
    if chosen := split_commas(context, parameter, values):
        context.meta[COLUMNS] = chosen


columns_option = click.option(
    "--columns",
    multiple=True,
    expose_value=False,
    callback=_keep_columns,
    metavar="NAMES",
    help="Columns of the tables that are printed: a,b,c.  [default: those that fit the terminal]",
)

selection_options = together(
    click.option("--benchmark", metavar="NAME", help="All tasks and languages of a benchmark: xtreme."),
    click.option("--task", "tasks", multiple=True, metavar="SELECTOR", help="xnli, 'x*', 'xnli[sw,ur]', -panx."),
    click.option(
        "--language", "languages", multiple=True, callback=split_commas, metavar="CODES", help="de,sw or script:Cyrl."
    ),
)


def _layer(context: click.Context, parameter: click.Parameter, value: str | None) -> int | str | None:
    """A number as a number, so that records and names of runs hold it as such; words as they are."""
    return int(value) if value and value.isdecimal() else value


embedding_options = together(
    click.option(
        "--layer",
        callback=_layer,
        metavar="N|auto|last|all",
        help="Hidden state for sentence vectors (0: embeddings); auto: the last of a sentence-embedding model, else by "
        "depth; all: a curve over all, with the best on dev where there is dev data.  [default: auto]",
    ),
    click.option(
        "--pool",
        metavar="NAME",
        help="Pooling of sentence vectors: auto (the authors', else mean), mean, mean-no-specials, cls, last, max, "
        "mean-sqrt-len, weighted-mean, pooler.  [default: auto]",
    ),
    click.option(
        "--prompt",
        metavar="NAME",
        help="One of the model's own prompts, auto (their default, if any) or none.  [default: auto]",
    ),
)
EMBEDDING = ("layer", "pool", "prompt")
"""Their names."""

recipe_options = together(
    click.option(
        "--recipe",
        default=EvalOptions.recipe,
        help=f"Recipe name or file.toml.  [default: {defaults.RECIPE}, or tiny for --model tiny]",
    ),
    click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="One option: lr=2e-5, squad.epochs=2."),
    click.option("--seed", type=int, help="Seed of the training.  [default: the recipe's]"),
)

objective_option = click.option(
    "--objective",
    metavar="NAME",
    help="How the scored tasks are trained, other than plainly: short for --set objective=.",
)

language_adapter_options = together(
    click.option(
        "--language-adapters",
        metavar="FOLDER",
        help="An adapter a language (FOLDER/sw, or a path with {language}), swapped by language.",
    ),
    click.option(
        "--adapter-fallback",
        default=EvalOptions.adapter_fallback,
        show_default=True,
        metavar="NAME",
        help="For a language without an adapter: related (its nearest relative's, else English's), source (English's), "
        "none.",
    ),
)

adapter_options = together(
    click.option("--peft", metavar="METHOD", help="Train low-rank adapters, merged at the end: lora or dora."),
    language_adapter_options,
)

SESSION: dict[str, Callable[[Decorated], Decorated]] = {
    "device": click.option(
        "--device", default=EvalOptions.device, show_default=True, help="auto, cpu, cuda, cuda:1, mps."
    ),
    "dtype": click.option("--dtype", default=EvalOptions.dtype, show_default=True, help="auto, fp32, bf16, fp16."),
    "quant": click.option(
        "--quant",
        default=EvalOptions.quant,
        metavar="BITS",
        help="Hold the encoder in 8bit or 4bit; trains with --peft.",
    ),
    "attention": click.option(
        "--attention",
        default=EvalOptions.attention,
        show_default=True,
        metavar="NAME",
        help="auto, eager, sdpa, flash_attention_2, flash_attention_3, flex_attention.",
    ),
    "batch_tokens": click.option(
        "--batch-tokens",
        type=int,
        help="Padded tokens in a batch.  "
        f"[default: {defaults.GPU_BATCH_TOKENS} on a GPU; on a CPU {defaults.CPU_BATCH_TOKENS}, which is the most]",
    ),
    "compiled": click.option(
        "--compile", "compiled", is_flag=True, help="Compile the model with torch.compile: worthwhile for long runs."
    ),
    "offline": click.option("--offline", is_flag=True, help="Use local files and caches only."),
    "allow_pickle": click.option(
        "--allow-pickle", is_flag=True, help="Has no effect any more: pickles of tensors alone are always converted."
    ),
    "trust_remote_code": click.option(
        "--trust-remote-code",
        metavar="ORG/NAME@SHA",
        help="Run this repository's code at this commit, for an architecture that transformers lacks; runs record it.",
    ),
}
"""Options of :func:`~harness.inference.session.open_model`, by the names of the fields that ``Access`` and ``Compute`` read."""

COMPUTE = ("device", "dtype", "quant", "attention", "batch_tokens", "compiled")
"""Those of them that only a network needs: a command that opens a tokenizer goes without."""


def session_options(*, without: Collection[str] = ()) -> Callable[[Decorated], Decorated]:
    """Everything that opening a model takes; ``without`` names what has no meaning in a command."""
    return together(*(option for name, option in SESSION.items() if name not in without))


size_option = click.option(
    "--size", metavar="NAME", help="A size of the study, where it has several: 'harness study list' names them."
)
study_part_options = together(
    click.option("--model", "models", multiple=True, metavar="NAME", help="Only this of its models; may be repeated."),
    click.option(
        "--arm",
        "arms",
        multiple=True,
        metavar="NAME",
        help="Only this of its arms or, in a study without arms, these stages: none, 'mnli > squad'; may be repeated.",
    ),
)
study_folder_option = click.option(
    "--out", metavar="FOLDER", help="Where the runs go.  [default: runs/<study>[/<size>]]"
)
distances_option = click.option(
    "--distances",
    metavar="FILE",
    help="Distances between languages, lines of two codes and a number apart by tabs.  [default: genealogical]",
)

launch_options = together(
    click.option("--launcher", metavar="NAME", help="Runs the jobs: local, or a plugin's.  [default: local]"),
    click.option("--jobs", type=click.IntRange(min=1), help="Jobs at a time.  [default: 1, or the launcher's]"),
    click.option(
        "--launcher-option", "launcher_options", multiple=True, metavar="NAME=VALUE", help="A launcher's own."
    ),
)


def parse_launcher_options(items: tuple[str, ...]) -> dict[str, str]:
    """``("gpus=2", "requeue=")`` as a dictionary; UsageError where there is no ``=``."""
    from harness.core.errors import UsageError

    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not (name and equals):
            raise UsageError(f"--launcher-option {item!r}: NAME=VALUE expected")
        found[name.replace("_", "-")] = value
    return found


track_option = click.option(
    "--track",
    multiple=True,
    callback=split_commas,
    metavar="NAME",
    help="Follow the run in tensorboard, wandb, trackio, mlflow or eventlog; none: in none of them.",
)

data_dir_option = click.option(
    "--data-dir",
    envvar="HARNESS_DATA_DIR",
    metavar="FOLDER",
    help="Data in the Hub's snapshot layout.  [env: HARNESS_DATA_DIR]",
)


def eval_options(*, overrides: tuple[str, ...] = (), **rest: Any) -> EvalOptions:
    """The options object of what the command line says: the parsed ``--set``, and all other options by name."""
    from harness.types.keywords import with_keywords
    from harness.types.options import parse_overrides

    return with_keywords(None, {"overrides": parse_overrides(overrides), **rest})
