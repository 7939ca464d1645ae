"""The documentation's tables hold what the code holds: options, recipes, metrics, exit codes, fields, variables, tasks."""

from __future__ import annotations

import re
from dataclasses import fields

from pages import PAGES, ROOT, option_names, text

from harness.core import errors
from harness.core.interruption import SIGNALS, Interrupted
from harness.registry.default import get_registry
from harness.runs.record import new_record
from harness.scoring.metrics import METRICS
from harness.types.options import EvalOptions, TrainOptions, build, option_values


def first_column(page: str, heading: str, head: str) -> list[str]:
    """Code in the column ``head`` of the tables that begin with it, under a heading and those below it."""
    level = heading.split(" ")[0]
    body = text(page).split(f"\n{heading}\n")[1]
    body = re.split(rf"^#{{1,{len(level)}}} ", body, flags=re.MULTILINE)[0]
    tables = [table for table in re.findall(r"(?:^\|.*\n)+", body, re.MULTILINE) if table.startswith(f"| {head} |")]
    assert tables, f"{page}: no table of {head!r} under {heading!r}"
    rows = re.findall(r"^\| (.+?) \|", "".join(tables), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_every_training_option_is_explained() -> None:
    assert sorted(first_column("docs/training.md", "## Options", "option")) == sorted(
        field.name for field in fields(TrainOptions)
    )


def test_every_option_of_a_family_is_explained() -> None:
    shown = {name for name in first_column("docs/evaluation.md", "## Options", "option") if not name.startswith("--")}
    assert shown == option_names() - {field.name for field in fields(TrainOptions)}


def test_every_option_of_a_run_is_named() -> None:
    for field in fields(EvalOptions):
        assert f"`{field.name}`" in text("docs/python.md"), field.name


def test_the_recipe_in_the_training_page() -> None:
    recipe = get_registry().recipe("xtreme")
    section = text("docs/training.md").split("**`xtreme`**")[1].split("**`stilts`**")[0]
    rows = re.findall(r"^\| (\w+) \| ([\d.e-]+) \| ([\d.e-]+) \|(.*)\|$", section, re.MULTILINE)
    assert {row[0] for row in rows} == set(recipe.tasks)
    for name, lr, large_lr, rest in rows:
        batch, epochs, warmup, decay, selection, seed = (cell.strip() for cell in rest.split("|"))
        options = build(TrainOptions, option_values(recipe, [name], large=False, overrides={}))
        large = build(TrainOptions, option_values(recipe, [name], large=True, overrides={}))
        assert (options.lr, large.lr) == (float(lr), float(large_lr)), name
        assert (options.batch, options.epochs, options.warmup_steps) == (int(batch), int(epochs), int(warmup)), name
        assert (options.weight_decay, options.seed) == (float(decay), int(seed)), name
        assert selection.startswith(options.select), name
        assert not (every := re.search(r"\d+", selection)) or int(every[0]) == options.evaluate_every, name


def test_every_metric_is_explained() -> None:
    body = text("docs/metrics.md")
    assert re.findall(r"^\| `(\w+)` \|", body, re.MULTILINE) == list(METRICS)
    for name, kind in METRICS.items():
        row = next(line for line in body.splitlines() if line.startswith(f"| `{name}` |"))
        assert tuple(re.findall(r"\*\*([\w@]+)\*\*", row)) == kind().primary


def test_every_exit_code_is_explained() -> None:
    kinds = [
        value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.HarnessError)
    ]
    real = {0, *(Interrupted(number=number).exit_code for number in SIGNALS)} | {kind.exit_code for kind in kinds}
    shown = re.findall(r"^\| (\d+) \|", text("docs/evaluation.md").split("## Exit codes")[1], re.MULTILINE)
    assert {int(code) for code in shown} == real
    assert all(f"{code} " in text("README.md").split("## Exit codes")[1].split("##")[0] for code in real)


def test_every_field_of_the_record_is_explained() -> None:
    shown = set(first_column("docs/evaluation.md", "### Fields of record.json", "field"))
    assert set(new_record()) <= shown


def test_every_variable_is_explained() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "harness").rglob("*.py"))
    real = set(re.findall(r"\"(HARNESS_[A-Z_]+)\"", source)) - {"HARNESS_API"}
    assert real <= set(first_column("docs/evaluation.md", "## Variables", "variable"))
    named = set(re.findall(r"\bHARNESS_[A-Z_]+\b", "".join(page.read_text(encoding="utf-8") for page in PAGES)))
    assert named - {"HARNESS_API"} <= real


def test_every_task_stands_in_the_readme() -> None:
    registry, readme = get_registry(), text("README.md").split("## What it scores")[1].split("\n## ")[0]
    for name in registry.benchmarks():
        assert f"| `{name}` |" in readme
    for name in registry.intermediate_tasks():
        assert f"`{name}`" in readme, name
