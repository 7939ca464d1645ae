"""What a command imports before it does anything: a tool that takes seconds to print its help is not used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "evaluate",
    "faiss",
    "pyarrow",
    "numpy",
    "pandas",
    "scipy",
    "sklearn",
    "PIL",
)

PROBE = """
import contextlib, io, json, sys
from harness.cli.main import main
with contextlib.redirect_stdout(io.StringIO()) as out:
    code = main(sys.argv[1:])
print(json.dumps({"code": code, "modules": sorted(sys.modules), "characters": len(out.getvalue())}))
"""


def loaded_by(*arguments: str, program: str = PROBE) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["code"] == 0 and found["characters"] > 0, done.stderr
    return set(found["modules"])


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_neither_plugins_nor_rich(arguments: list[str]) -> None:
    modules = loaded_by(*arguments)
    assert modules.isdisjoint((*HEAVY, "rich", "pluggy", "harness.registry.registry"))
    assert not [name for name in modules if name.startswith("harness_plugins")]


@pytest.mark.parametrize(
    "arguments",
    [["tasks", "list"], ["tasks", "list", "--json", "benchmark:xtreme"], ["plugins", "--json"], ["tasks", "--help"]],
    ids=" ".join,
)
def test_inventories_import_nothing_heavy(arguments: list[str]) -> None:
    modules = loaded_by(*arguments)
    assert modules.isdisjoint(HEAVY)
    if "--json" in arguments:
        assert "rich" not in modules


def test_importing_the_package_imports_nothing_else() -> None:
    program = """
import sys
before = set(sys.modules)
import harness
import json
new = sorted(name for name in set(sys.modules) - before if name.partition(".")[0] not in sys.stdlib_module_names)
print(json.dumps({"code": 0, "characters": 1, "modules": new}))
"""
    assert loaded_by(program=program) == {"harness"}


def test_the_family_of_captions_imports_neither_pillow_nor_towers_before_it_is_trained() -> None:
    program = """
import json, sys
from harness.families.captioning import Captioning
Captioning((), Captioning.Options())
print(json.dumps({"code": 0, "characters": 1, "modules": sorted(sys.modules)}))
"""
    assert loaded_by(program=program).isdisjoint(("PIL", "torch", "transformers", "harness.models._towers"))


def test_a_process_of_its_own_does_not_look_for_cycles_among_what_it_imported() -> None:
    program = """
import contextlib, gc, io, json, sys
from harness.cli.__main__ import program
with contextlib.redirect_stdout(io.StringIO()) as out:
    code = program()
seen = [f"threshold {gc.get_threshold()[0]}", "frozen" if gc.get_freeze_count() > len(gc.get_objects()) else "thawed"]
print(json.dumps({"code": code, "characters": len(out.getvalue()), "modules": seen}))
"""
    assert loaded_by("tasks", "list", program=program) == {"threshold 50000", "frozen"}


@pytest.mark.parametrize(("task", "waits"), [("xnli", False), ("xquad", False), ("panx", True)])
def test_only_scoring_entities_waits_for_their_library(shared_data: Path, task: str, waits: bool) -> None:
    mock = shared_data / "xtreme_mock"
    modules = loaded_by(
        *("score", "--predictions", str(mock / "predictions"), "--labels", str(mock / "labels"), "--json"),
        *("--task", task),
    )
    assert (not modules.isdisjoint(("seqeval", "sklearn"))) == waits


VISION = ("PIL", "torchvision", "harness.models._towers", "harness.data.scenes.draw", "harness.data.scenes.write")
"""Modules that see or draw."""
WRITING = (
    *("harness.scoring.metrics.generation", "harness.scoring.formats.texts", "sacrebleu", "rouge_score", "nltk"),
    *("py3langid", "lingua", "transformers.generation"),
)
"""Modules that cost something. Every run imports the families, which say what their options are."""


def test_only_runs_that_write_text_import_what_scores_it_and_none_of_them_what_sees(
    shared_data: Path, tmp_path: Path
) -> None:
    data, common = str(shared_data), ("eval", "--offline", "--limit", "4", "--model", "baseline:majority", "--json")
    spans = loaded_by(*common, "--task", "xquad[de]", "--data-dir", data, "--out", str(tmp_path / "spans"))
    assert spans.isdisjoint((*WRITING, *VISION)) and "harness.families.span_qa" in spans
    texts = loaded_by(*common, "--task", "xquad_gen[de]", "--data-dir", data, "--out", str(tmp_path / "texts"))
    assert texts.issuperset(WRITING[:4]) and texts.isdisjoint(VISION)
