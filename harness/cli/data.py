"""``harness data``: what data is there, whether it is sound, fetching it, and the made-up sample corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import click

from harness.cli.bundle import bundle, unbundle
from harness.cli.console import message, print_json, print_table, print_tables, stdout_console
from harness.cli.shared_options import columns_option
from harness.cli.task_selection import SELECTING, selected_splits
from harness.core.counted import counted
from harness.core.errors import DataError
from harness.registry.default import get_registry


def _options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        columns_option,
        click.option(
            "--splits", "by_split", is_flag=True, help="List every split: its rows and where it is looked for."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--data-dir", envvar="HARNESS_DATA_DIR", metavar="FOLDER", help="Data folder."),
        click.argument("selectors", nargs=-1, metavar="[SELECTOR]..."),
    ):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """List, verify and fetch data, carry it to another machine, or write the sample corpus.

    A SELECTOR is a task, target or intermediate, a glob 'x*', family:tagging or benchmark:xtreme, with languages in
    brackets if need be: 'xnli[sw,ur]'. A leading - excludes. Without one, all tasks are meant.
    """


@command.command(name="list", context_settings=SELECTING)
@_options
def list_data(selectors: tuple[str, ...], data_dir: str | None, as_json: bool, by_split: bool) -> None:
    """Show which data are there, by task and language, without downloading anything."""
    _show(_states(selectors, data_dir, offline=True), as_json, by_split)


@command.command(context_settings=SELECTING)
@_options
def fetch(selectors: tuple[str, ...], data_dir: str | None, as_json: bool, by_split: bool) -> None:
    """Download what neither the data folder nor the cache has, into the Hugging Face cache.

    Sources that are not on the Hub are listed with how to get them; then the exit code is 4.
    """
    states = _states(selectors, data_dir, offline=False)
    _show(states, as_json, by_split)
    lacking = [state for state in states if state["state"] in ("missing", "damaged")]
    if lacking:
        reasons = "\n  ".join(dict.fromkeys(f"{_name(state)}: {state['reason']}" for state in lacking))
        hint = "what has no download is to be put into the data folder by hand"
        raise DataError(f"not available: {len(lacking)} of {counted(len(states), 'split')}:\n  {reasons}", hint=hint)


@command.command(context_settings=SELECTING)
@_options
def verify(selectors: tuple[str, ...], data_dir: str | None, as_json: bool, by_split: bool) -> None:
    """Read all data that is there and check columns, labels, ids and answers; exit code 4 if something is wrong."""
    states = _states(selectors, data_dir, offline=True, deep=True)
    _show(states, as_json, by_split)
    bad = [state for state in states if state["state"] == "damaged"]
    if bad:
        reasons = "\n  ".join(dict.fromkeys(state["reason"] for state in bad))
        raise DataError(
            f"damaged: {len(bad)} of {counted(len(states), 'split')}:\n  {reasons}", hint="download these files again"
        )
    if all(state["state"] == "missing" for state in states):
        raise DataError("there is no data to verify", hint="give --data-dir FOLDER, or try: harness data sample FOLDER")


@command.command()
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed makes other sentences.")
@click.option("--size", default="default", show_default=True, help="tiny, default, or a factor such as 2.5.")
def sample(folder: str, seed: int, size: str) -> None:
    """Write a small made-up corpus for every first-party task into FOLDER, to try things offline."""
    from pathlib import Path

    from harness.data.sample import write_sample_corpus

    factor = size.replace(".", "", 1).isdecimal()
    write_sample_corpus(Path(folder), seed=seed, size=float(size) if factor else size)
    message(f"sample corpus written to {folder}")
    message(f"harness eval --model tiny --benchmark xtreme --data-dir {folder}", "hint")


@command.command()
@click.option("--out", "folder", required=True, metavar="DIR", type=click.Path(file_okay=False), help="Data folder.")
@click.option("--count", type=int, default=8000, show_default=True, help="Scenes to train on.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed makes other scenes.")
@click.option("--pixels", type=int, default=32, show_default=True, help="Width and height of the pictures, 32 to 64.")
def scenes(folder: str, count: int, seed: int, pixels: int) -> None:
    """Draw made-up pictures of shapes with captions in ten languages, into DIR/scenes.

    A tenth as many (20 to 1,000) are drawn for each of the splits dev, test and composition. Only composition shows some
    pairs of a shape and a colour.
    """
    from pathlib import Path

    from harness.data.scenes.write import sizes, write_scenes

    place = write_scenes(Path(folder), count, seed=seed, pixels=pixels)
    message(f"{sum(sizes(count).values()):,} scenes written to {place}")
    message(f"harness train --model tiny --task scenes --data-dir {folder}", "hint")


@command.command()
@click.argument("wordnet", type=click.Path(exists=True, file_okay=False))
@click.option("--out", "folder", required=True, metavar="DIR", type=click.Path(file_okay=False), help="Data folder.")
def synonyms(wordnet: str, folder: str) -> None:
    """Write DIR/synonyms/en.json, the table of the objective `synonyms`, from the database files in the folder WORDNET.

    They are index.noun, data.noun and so on, as NLTK (corpus `wordnet`) and Debian (package `wordnet-base`) have them. A
    word has at most eight synonyms, those of its first sense as each part of speech.
    """
    from pathlib import Path

    from harness.data.wordnet import write_synonyms

    place, count = write_synonyms(Path(wordnet), Path(folder))
    message(f"{place}: {count:,} words with synonyms")
    message(f"harness eval --model tiny --task pawsx --data-dir {folder} --set objective=synonyms", "hint")


command.add_command(bundle)
command.add_command(unbundle)


def _states(
    selectors: tuple[str, ...], data_dir: str | None, *, offline: bool, deep: bool = False
) -> list[dict[str, Any]]:
    from harness.data.access import DataAccess
    from harness.data.split_states import split_states

    registry = get_registry()
    data = DataAccess.of(registry, data_dir, offline=offline)
    return split_states(selected_splits(registry, selectors), data, deep=deep)


def _show(states: list[dict[str, Any]], as_json: bool, by_split: bool) -> None:
    from harness.report.data_states import split_table, state_matrix

    if as_json:
        print_json(states)
    elif by_split:
        print_table(split_table(states))
    else:
        known = {(item.task.name, item.language) for item in selected_splits(get_registry(), ())}
        print_tables(state_matrix(states, known, stdout_console().width))
    counts = Counter(state["state"] for state in states)
    message(", ".join(f"{count} {state}" for state, count in sorted(counts.items())))


def _name(state: dict[str, Any]) -> str:
    return f"{state['task']}[{state['language']}] {state['split']}"
