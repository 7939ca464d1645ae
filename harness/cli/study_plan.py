"""``harness study show`` and ``plan``: what a study compares, what it costs and can find, and its plan frozen."""

from __future__ import annotations

from typing import Any

import click

from harness.cli.shared_options import (
    columns_option,
    data_dir_option,
    distances_option,
    size_option,
    study_folder_option,
)


@click.command()
@click.argument("name")
@size_option
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(name: str, size: str | None, as_json: bool) -> None:
    """Show what a study asks, its arms and contrasts, and its sizes.

    Without --size the sizes are listed, and arms and contrasts are those of the study as it is written.
    """
    from harness.cli.console import print_json, print_tables, print_text
    from harness.registry.default import get_registry
    from harness.studies.plan_tables import arms_table, contrasts_table, sizes_table
    from harness.types.plain import to_plain

    study = get_registry().study(name)
    if size is not None:
        study = study.at(size)
    if as_json:
        print_json(to_plain(study))
        return
    print_text("\n".join(filter(None, (study.question or study.summary, study.source and f"source: {study.source}"))))
    for hypothesis, said in study.hypotheses.items():
        print_text(f"{hypothesis}: {said}")
    print_text("")
    tables = (
        [arms_table(study)] * bool(study.arms)
        + [contrasts_table(study)] * bool(study.contrasts)
        + [sizes_table(study)] * bool(study.sizes)
    )
    print_tables(tables)


@click.command()
@click.argument("name")
@size_option
@click.option("--freeze", "freezing", is_flag=True, help="Write the plan into the study's folder, sealed.")
@click.option("--measure", is_flag=True, help="Read the training data and tokenise a sample of them.")
@click.option(
    "--on",
    metavar="DEVICE",
    help="The device whose speed is assumed: h100 or cpu.  [default: h100; cpu for tiny and demo models]",
)
@click.option(
    "--language-sd",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Standard deviation of gains over languages, in points, to compute power with.",
)
@click.option(
    "--seed-sd",
    type=click.FloatRange(min=0),
    default=0.4,
    show_default=True,
    help="Standard deviation of scores over seeds.",
)
@distances_option
@data_dir_option
@click.option("--offline", is_flag=True, help="With --measure: use local files and caches only.")
@study_folder_option
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every cell and stage.")
def plan(
    name: str,
    size: str | None,
    freezing: bool,
    measure: bool,
    on: str | None,
    language_sd: float,
    seed_sd: float,
    distances: str | None,
    data_dir: str | None,
    offline: bool,
    out: str | None,
    as_json: bool,
) -> None:
    """Plan a study: its runs, what they cost, and the smallest effects that it can find. Nothing is run or downloaded.

    With --freeze, all that decides its results and how they are analysed is written to plan.json in its folder, with a
    checksum. Whatever is run or analysed later and is not in that plan is marked as exploratory. Another plan is never
    written over a frozen one.
    """
    from harness.cli.console import print_json, print_tables, print_text
    from harness.core.counted import counted
    from harness.data.access import DataAccess
    from harness.registry.default import get_registry
    from harness.studies.distances import with_distances
    from harness.studies.grid import StudyFolders, cells
    from harness.studies.plan import FILE, freeze, plan_content
    from harness.studies.plan_tables import cost_table, power_table, task_power_table
    from harness.studies.study_cost import study_cost
    from harness.studies.study_power import study_power
    from harness.types.options import EvalOptions
    from harness.types.plain import to_plain

    registry = get_registry()
    study = with_distances(registry.study(name).at(size), distances)
    folders = StudyFolders.of(study, size, out)
    grid = list(cells(study, folders.runs, EvalOptions(data_dir=data_dir, offline=offline)))
    cost = study_cost(grid, registry, measure=measure, stages=folders.runs / "stages", device=on)
    data = DataAccess.of(registry, data_dir, offline=True)
    power = study_power(study, registry, data, language_sd=language_sd, seed_sd=seed_sd)
    content = plan_content(study, size, grid, registry)
    frozen = freeze(content, folders.own, power) if freezing else None
    if as_json:
        found: dict[str, Any] = {
            "study": study.name,
            "size": size,
            "question": study.question,
            "runs": str(folders.runs),
            "cells": content["cells"],
            "cost": to_plain(cost),
            "power": to_plain(power),
            "frozen": frozen and {"file": str(folders.own / FILE), "sha256": frozen.sha256, "time": frozen.frozen},
        }
        print_json(found)
        return
    runs = sum(len(cell.seeds) for cell in grid)
    shared = f", shared with the study {study.runs_of}" if study.runs_of else ""
    print_text(f"{study.question or study.summary}\n{counted(runs, 'run')} in {folders.runs}{shared}\n")
    tables = [cost_table(cost)]
    tables += [power_table(power)] * bool(power.contrasts) + [task_power_table(power)] * bool(power.tasks)
    print_tables(tables)
    if frozen is not None:
        print_text(f"\nfrozen on {frozen.frozen} in {folders.own / FILE}, sha256 {frozen.sha256}")
