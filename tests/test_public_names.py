"""The names that others import from ``harness``: listed once, seen by type checkers, and under their old names too."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

import harness
from harness.cli.public_names import stub
from harness.core.imports import load_object
from harness.core.moved import MODULES, NAMES

ROOT = Path(__file__).resolve().parent.parent
PUBLIC_MODULES = {"harness", "harness.api", "harness.testing", "harness.testing.pytest_plugin"}

DOCUMENTED_BEFORE = """
harness.aggregate TaskScore
harness.api evaluate_seeds
harness.errors DataError
harness.evaluation.forward Forward
harness.evaluation.reporter Reporter
harness.examples Pair
harness.families.base HeadFamily
harness.families.features Features
harness.families.features Rows
harness.families.guess stream
harness.families.tokens encode_pairs
harness.metrics as_evaluate
harness.metrics get_metric
harness.metrics.base Metric
harness.metrics.masked MaskedTokens
harness.models.heads inputs
harness load_run
harness.models.heads load_head
harness.options EvalOptions
harness.registry get_registry
harness.run load_run
harness.specs Finding
harness.submission.base Format
harness.submission.labels Labels
harness.submission.reader fail
harness.submission.reader filled_lines
harness.submission.reader same_length
harness.submission.reader write_lines
"""
"""What the documentation, the templates and the hook reference showed before the modules moved."""

RENAMED = {
    "Reporter": "ProgressListener",
    "Rows": "OutputRows",
    "fail": "refuse_line",
    "filled_lines": "read_filled_lines",
    "inputs": "model_inputs",
    "load_run": "load",
    "same_length": "require_same_length",
    "stream": "random_stream",
}
UNMOVED = {"harness.api", "harness.families.base", "harness.models.heads.load_head"}


def test_every_public_name_is_there_and_listed_once() -> None:
    assert len(set(harness.__all__)) == len(harness.__all__)
    for name in harness.__all__:
        assert getattr(harness, name) is not None
    with pytest.raises(AttributeError, match="'harness' has no attribute 'evalute'"):
        harness.evalute  # type: ignore[attr-defined]  # noqa: B018


def test_every_public_name_is_in_the_documentation() -> None:
    pages = "".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("plugins.md", "python.md"))
    assert [name for name in harness.__all__ if not re.search(rf"\b{name}\b", pages)] == []


def test_the_stub_is_up_to_date() -> None:
    path = ROOT / "harness" / "__init__.pyi"
    assert path.read_text(encoding="utf-8") == stub(), "make docs writes it"


@pytest.mark.parametrize("line", DOCUMENTED_BEFORE.split("\n")[1:-1])
def test_a_name_that_was_documented_works_at_its_old_place_and_is_the_same_object(line: str) -> None:
    module, name = line.split()
    unmoved = module in UNMOVED or f"{module}.{name}" in UNMOVED
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(f"from {module} import {name} as found", here := {"__name__": "somebodys_plugin"})
        assert load_object(f"{module}:{name}") is here["found"]
    new = RENAMED.get(name, name)
    if new in harness.__all__:
        assert here["found"] is getattr(harness, new)
    said = [str(warning.message) for warning in caught if warning.category is DeprecationWarning]
    said = [text for text in said if text.startswith(f"{module}.{name} has moved: ")]
    assert bool(said) is not unmoved
    assert unmoved or new not in harness.__all__ or f"from harness import {new}" in said[0]


def test_the_warning_names_the_line_of_the_plugin(tmp_path: Path) -> None:
    plugin = tmp_path / "old_plugin.py"
    plugin.write_text("import harness\n\nfrom harness.options import EvalOptions\n")
    done = subprocess.run([sys.executable, "-W", "error", str(plugin)], capture_output=True, text=True)
    assert 'old_plugin.py", line 3' in done.stderr
    assert "harness.options.EvalOptions has moved: 'from harness import EvalOptions'" in done.stderr


@pytest.mark.parametrize("old", sorted(MODULES))
def test_an_old_module_is_no_file_any_more_and_its_new_places_are(old: str) -> None:
    place = ROOT / "harness" / old.replace(".", "/")
    assert not place.with_suffix(".py").exists() and not list(place.glob("*.py"))
    for new in MODULES[old]:
        assert find_spec(f"harness.{new}") is not None


@pytest.mark.parametrize("old", sorted(NAMES))
def test_a_renamed_object_is_at_its_new_place(old: str) -> None:
    module, _, name = NAMES[old].rpartition(".")
    assert hasattr(importlib.import_module(f"harness.{module}"), name)


def test_what_never_was_is_still_missing() -> None:
    for missing in ("harness.nothing", "harness.metrics.nothing", "harness.options.below"):
        with pytest.raises(ModuleNotFoundError, match=f"No module named '{missing}'"):
            importlib.import_module(missing)
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec("from harness.options import Nothing")


def shown_imports() -> set[tuple[str, str]]:
    """Page or template, and module, of every import of ours that a third party is shown."""
    paths = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "harness" / "scaffold").rglob("*.tmpl")]
    return {
        (str(path.relative_to(ROOT)), module)
        for path in paths
        for module in re.findall(r"^\s*(?:from|import) (harness[\w.]*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_what_third_parties_are_shown_imports_public_names_only() -> None:
    shown = shown_imports()
    assert len(shown) > 10
    assert {place for place in shown if place[1] not in PUBLIC_MODULES} == set()
