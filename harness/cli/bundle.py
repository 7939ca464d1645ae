"""``harness data bundle`` and ``unbundle``: data and models for a machine without internet."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.console import message
from harness.cli.task_selection import SELECTING, selected_splits
from harness.core.counted import counted


@click.command(context_settings=SELECTING)
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Include this model as well; may be repeated.")
@click.option("--data-dir", envvar="HARNESS_DATA_DIR", metavar="FOLDER", help="Data folder.")
@click.argument("out", metavar="OUT.tar", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("selectors", nargs=-1, metavar="[SELECTOR]...")
def bundle(out: Path, selectors: tuple[str, ...], models: tuple[str, ...], data_dir: str | None) -> None:
    """Write the data of the selected tasks, training data included, and models into a tar file for 'unbundle'.

    Translations, names of classes and tables (synonyms, scripts) that the data folder has for them go along. 'harness data
    fetch' first downloads missing data: data that is not present is left out, and listed. With --model and no
    selector, only models go in.
    """
    from harness.core.errors import DataError
    from harness.data.access import DataAccess
    from harness.models.bundle import data_names, model_names, write_bundle
    from harness.models.reference import parse_model
    from harness.models.resolve import Access, resolve_model
    from harness.registry.default import get_registry
    from harness.training.beside_data import files_beside_data
    from harness.training.sources import training_tasks
    from harness.types.tasks import TargetTask

    registry = get_registry()
    data = DataAccess.of(registry, data_dir, offline=True)
    names: dict[str, Path] = {}
    missing = {}
    chosen = selected_splits(registry, selectors) if selectors or not models else []
    wanted = {f"{item.task.name}[{item.language}] {item.name}": item.split for item in chosen}
    tasks = {item.task.name: item.task for item in chosen}
    for task in list(tasks.values()):
        for source in training_tasks(task, registry) if isinstance(task, TargetTask) else ():
            tasks.setdefault(source.name, source)
            wanted |= {f"{source.name} train": source.train}
            wanted |= {f"{source.name} dev": source.dev} if source.dev.sources else {}
    for name, split in wanted.items():
        try:
            names |= data_names(data.located(split))
        except DataError as error:
            missing[name] = error
    if names:
        names |= {f"data/{name}": path for name, path in files_beside_data(registry, data_dir, tasks).items()}
    references = {reference.slug: reference for reference in map(parse_model, models)}
    access = Access(loader=registry.hook.harness_load_encoder)
    resolved = {slug: resolve_model(reference, access) for slug, reference in references.items()}
    for slug, model in resolved.items():
        names |= model_names(model, slug)
    if not names:
        reason = next(iter(missing.values()), "no data")
        raise DataError(f"nothing to put into {out}: {reason}", hint="'harness data fetch' downloads what is missing")
    write_bundle(out, names, resolved)
    size = sum(path.stat().st_size for path in names.values())
    message(f"{out}: {counted(len(names), 'file')}, {size / 2**20:,.1f} MiB")
    if missing:
        shown = ", ".join([*list(missing)[:10], *([f"and {len(missing) - 10} more"] if len(missing) > 10 else [])])
        message(f"left out, because their data are not here: {counted(len(missing), 'split')}: {shown}", "warning")


@click.command()
@click.argument("file", metavar="FILE.tar", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def unbundle(file: Path, folder: Path) -> None:
    """Unpack and check a bundle into FOLDER: its data into FOLDER/data, its models into FOLDER/models."""
    from harness.models.bundle import read_bundle

    manifest = read_bundle(file, folder)
    message(f"{counted(len(manifest['files']), 'file')} in {folder}, unchanged since they were bundled")
    if any(name.startswith("data/") for name in manifest["files"]):
        message(f"--data-dir {folder / 'data'} --offline", "hint")
    for slug, model in manifest.get("models", {}).items():
        revision = f" at {model['revision']}" if model.get("revision") else ""
        message(f"--model {folder / 'models' / slug}  ({model.get('reference')}{revision})", "hint")
