"""Every plugin in docs/plugins.md is run as it stands there, and does what the page says."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.api import evaluate
from harness.cli.main import main
from harness.cli.new import command as new
from harness.core.errors import ModelError, UsageError
from harness.data.subset import limited
from harness.registry.loading import new_manager
from harness.registry.registry import Registry
from harness.registry.select import select
from harness.scoring.metrics import METRICS
from harness.testing import CHECKS, check_plugin
from harness.testing.model import small_model
from harness.types.options import EvalOptions
from harness.types.sources import HubData
from harness.types.units import Unit

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {
    match[1]: source for kind, source in BLOCKS if kind == "python" and (match := re.match(r"# (\w+\.py)\n", source))
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files of the page, and the data that its first commands write."""
    folder = tmp_path_factory.mktemp("page")
    for name, source in FILES.items():
        (folder / name).write_text(source, encoding="utf-8")
    rows = next(text for kind, text in BLOCKS if kind == "json")
    (folder / "others.json").write_text(rows, encoding="utf-8")
    subprocess.run(["bash", "-e", "-c", next(text for kind, text in BLOCKS if kind == "sh")], cwd=folder, check=True)
    return folder


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    for name in list(os.environ):
        if name.startswith("HARNESS_"):
            monkeypatch.delenv(name)
    return folder


def registry(folder: Path, *names: str) -> Registry:
    found = Registry([folder / name for name in names])
    found.check()
    return found


def options(**more: Any) -> EvalOptions:
    return EvalOptions(data_dir="data", offline=True, device="cpu", recipe="tiny", **more)


def test_all_python_on_the_page_is_a_file_that_is_tested() -> None:
    assert len(FILES) == sum(kind == "python" for kind, _ in BLOCKS)
    tested = {name.removeprefix("test_the_file_") + ".py" for name in globals() if name.startswith("test_the_file_")}
    assert tested == set(FILES)


def test_the_table_of_extension_points_has_every_hook_check_and_template() -> None:
    table = PAGE.partition("## Every extension point\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    manager = new_manager()
    assert {name for row in rows for name in re.findall(r"`(harness_\w+)`", row[0])} == set(vars(manager.hook))
    in_general = {"loads", "references", "light", "quick"}
    assert {name for row in rows for name in re.findall(r"`([\w-]+)`", row[2])} == CHECKS.keys() - in_general
    kinds = [name for row in rows for name in re.findall(r"`([\w-]+)`", row[4])]
    assert sorted([*kinds, "pack"]) == sorted(new.commands)  # a pack is a distribution of tasks, no extension point
    users = {name for row in rows for name in re.findall(r"`(plugins/[\w./]+)`", row[1])}
    assert users and all((ROOT / name).exists() for name in users)


def test_the_file_shelf(here: Path) -> None:
    outcomes = check_plugin("shelf", data_dir="data", registry=registry(here, "shelf.py"))
    assert [o for o in outcomes if o.status != "passed"] == []
    assert {o.subject for o in outcomes if o.check == "example-store"} >= {
        "task shelf, en train",
        "task shelf, sw test",
    }


def test_the_commands_of_the_page_run_without_a_failure(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("harness ")]
    assert len(lines) >= 4
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    assert "chumba kizuri namba" in shown and "0 failed" not in shown and "accuracy" in shown
    assert (here / "made" / "news" / "pyproject.toml").is_file()
    assert json.loads((here / "runs" / "reviews" / "record.json").read_text())["failed"] == {}


def test_the_entry_point_is_what_a_new_package_has(here: Path) -> None:
    main(["new", "task", "news", "--family", "classification", "--out", "entry"])
    toml = next(text for kind, text in BLOCKS if kind == "toml")
    assert toml in (here / "entry" / "news" / "pyproject.toml").read_text()


def test_the_file_reviews(here: Path) -> None:
    outcomes = check_plugin("reviews", data_dir="data", registry=registry(here, "reviews.py"))
    assert [o for o in outcomes if o.status != "passed"] == []


def test_the_file_complaints(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(here / "cache"))
    with zipfile.ZipFile(here / "data" / "complaints.zip", "w") as file:
        for code in ("en", "sw"):
            lines = [f'{code}{i},"chumba, {i}",{1 + i % 5}' for i in range(10)]
            file.writestr(f"{code}/1.csv", "\n".join(["id,text,stars", *lines]) + "\n")
    found = registry(here, "complaints.py")
    outcomes = check_plugin("complaints", data_dir="data", registry=found)
    assert [o for o in outcomes if o.status != "passed"] == []
    run = evaluate(
        "baseline:majority", ["complaints"], out=here / "runs" / "complaints", options=options(), registry=found
    )
    assert run.failed == {} and set(run.record["units"]) == {"complaints/en/test", "complaints/sw/test"}


def test_the_file_test_contract(here: Path) -> None:
    """The fixture finds only installed plugins, so the file is installed for it."""
    site = here / "site"
    info = site / "reviews-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: reviews\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness.plugins]\nreviews = reviews\n")
    (site / "reviews.py").write_text(FILES["reviews.py"])
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--noconftest",
            "-c",
            os.devnull,
            "test_contract.py",
        ],
        env={**os.environ, "HARNESS_PLUGINS_AUTOLOAD": "1", "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert f"{len(CHECKS)} passed" in done.stdout


def test_the_file_headlines(here: Path, tmp_path: Path) -> None:
    found = registry(here, "reviews.py", "headlines.py")
    model = str(small_model(tmp_path / "model"))
    run = evaluate(
        model,
        ["reviews[sw]"],
        out=tmp_path / "run",
        options=options(via=("headlines",), overrides={"max_steps": 5}),
        registry=found,
    )
    assert [stage["name"] for stage in run.record["stages"]] == ["headlines", "reviews"]
    assert run.failed == {}


def test_the_file_shortlist(here: Path, tmp_path: Path) -> None:
    found = registry(here, "reviews.py", "shortlist.py")
    run = evaluate("baseline:majority", benchmark="shortlist", out=tmp_path / "run", options=options(), registry=found)
    weakest = min(unit["score"]["metrics"]["accuracy"]["value"] for unit in run.record["units"].values())
    assert run.scores.overall == weakest
    assert found.benchmark("shortlist").rule == "overall: the score in the weakest language"


def test_the_file_celtic(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select(registry(here, "celtic.py"), tasks=["news[family:Celtic]"]) == [
        Unit("news", code, "test") for code in ("gd", "cy")
    ]
    assert with_files(here, "headlines.py", "celtic.py")("tasks", "show", "news") == 0
    shown = capsys.readouterr().out
    assert "Scottish Gaelic" in shown and "Welsh" in shown


def test_the_file_others(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = check_plugin("others", registry=registry(here, "others.py"))
    assert [o for o in outcomes if o.status != "passed"] == []
    run = with_files(here, "reviews.py", "shortlist.py", "others.py")
    assert run("leaderboard", "validate", str(here / "others.json")) == 0
    assert run("leaderboard", "show", "--benchmark", "shortlist", "--task", "reviews", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["system"], row["provider"]) == ("Base", "file:others")


def test_the_file_careful(here: Path, tmp_path: Path) -> None:
    found = registry(here, "reviews.py", "careful.py")
    model = str(small_model(tmp_path / "model"))
    careful = EvalOptions(data_dir="data", offline=True, device="cpu", recipe="careful", overrides={"max_steps": 5})
    run = evaluate(model, ["reviews[sw]"], out=tmp_path / "run", options=careful, registry=found)
    assert run.record["stages"][0]["options"]["lr"] == 1e-5
    assert run.record["stages"][0]["tasks"][0]["options"]["max_length"] == 64
    assert run.record["options"]["recipe"]["provider"] == "file:careful"


def test_the_file_study(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = registry(here, "study.py").study("does-it-help")
    assert (study.via, study.seeds, study.provider) == (((), ("headlines",)), (1, 2), "file:study")
    run = with_files(here, "reviews.py", "headlines.py", "study.py")
    assert run("study", "list") == 0 and "does-it-help" in capsys.readouterr().out
    out = here / "runs" / "study"
    arguments = (
        "study",
        "run",
        "does-it-help",
        "--data-dir",
        "data",
        "--offline",
        "--device",
        "cpu",
        "--out",
        str(out),
    )
    assert run(*arguments, "--dry-run") == 0
    assert capsys.readouterr().out.count("seeds 1, 2") == 2 and not out.exists()
    assert run(*arguments, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["model"], row["via"]) for row in rows] == [
        ("baseline:majority", []),
        ("baseline:majority", ["headlines"]),
        ("baseline:random", []),
        ("baseline:random", ["headlines"]),
    ]
    assert rows[0]["tasks"]["reviews"]["score"] == {"mean": 50.0, "sd": None, "n": 1}  # no seed changes it
    assert rows[2]["tasks"]["reviews"]["score"]["n"] == 2
    assert (out / "baseline-random-via-headlines" / "seed-2" / "record.json").is_file()
    assert run(*arguments) == 0 and "baseline:random via headlines" in capsys.readouterr().out


def test_the_file_apart(here: Path) -> None:
    found = registry(here, "apart.py")
    assert found.launcher("apart").provider == "file:apart"
    outcomes = check_plugin("apart", checks=["references", "light", "launching"], registry=found)
    assert [o for o in outcomes if o.status != "passed"] == [] and len(outcomes) == 8


def test_the_file_noisy(here: Path, tmp_path: Path) -> None:
    found = registry(here, "reviews.py", "headlines.py", "noisy.py")
    model = str(small_model(tmp_path / "model"))

    def losses(noise: str) -> tuple[list[str], list[Any]]:
        run = evaluate(
            model,
            ["reviews[sw]"],
            out=tmp_path / f"noise-{noise}" / "run",
            options=options(via=("headlines@noisy",), overrides={"max_steps": 5, "noise": noise}),
            registry=found,
        )
        assert run.failed == {}
        return [stage["name"] for stage in run.record["stages"]], [stage["loss"] for stage in run.record["stages"]]

    (names, noisy), (_, plain) = losses("0.5"), losses("0")
    assert names == ["headlines@noisy", "reviews"]
    assert noisy[0] != plain[0]


def test_the_file_mirror(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "mirror" / "owner--set" / "de" / "test-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    rows = {"premise": ["a"], "hypothesis": ["b"], "label": [0]}
    pq.write_table(pa.table(rows), path)
    monkeypatch.setenv("MIRROR", str(tmp_path / "mirror"))
    ask = registry(here, "mirror.py").hook.harness_resolve_data
    assert ask(source=HubData("owner/set", "de", "test"), data_dir=None, offline=True) == [path]
    assert ask(source=HubData("owner/set", "de", "dev"), data_dir=None, offline=True) is None
    task = (here / "mirrored.py").write_text(
        "from harness import *\n@hookimpl\ndef harness_target_tasks():\n"
        "    yield TargetTask('mirrored', 1, 'classification', splits('de', test=lambda c: Split(HubData('owner/set', c,"
        " 'test'))), lambda row: Pair('1', row['premise'], row['hypothesis'], 'no'), 'accuracy', labels=('no', 'yes'))\n"
    )
    assert task
    found = registry(here, "mirror.py", "mirrored.py")
    run = evaluate("baseline:majority", ["mirrored"], out=tmp_path / "run", options=options(), registry=found)
    assert run.record["units"]["mirrored/de/test"]["score"]["n"] == 1


def test_the_file_lab(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_model(tmp_path / "models" / "sesame")
    monkeypatch.setenv("LAB_MODELS", str(tmp_path / "models"))
    found = registry(here, "reviews.py", "lab.py")
    quick = options(overrides={"max_steps": 2})
    run = evaluate("lab:sesame", ["reviews[sw]"], out=tmp_path / "run", options=quick, registry=found)
    assert run.failed == {} and run.record["model"]["reference"] == "lab:sesame"
    with pytest.raises(ModelError, match=r"the lab has no model 'elmo' .*file:lab"):
        evaluate("lab:elmo", ["reviews[sw]"], out=tmp_path / "other", options=quick, registry=found)
    with pytest.raises(ModelError, match="no plugin knows it"):
        evaluate("attic:sesame", ["reviews[sw]"], out=tmp_path / "other", options=quick, registry=found)


def test_the_file_coarse(here: Path, tmp_path: Path) -> None:
    main(["new", "task", "twins", "--family", "bitext_retrieval", "--out", str(tmp_path)])
    twins = tmp_path / "twins" / "harness_twins" / "plugin.py"
    found = Registry([twins, here / "coarse.py"])
    model = str(small_model(tmp_path / "model"))
    chosen = EvalOptions(
        data_dir=str(tmp_path / "twins" / "tests" / "data"), offline=True, device="cpu", overrides={"index": "coarse"}
    )
    run = evaluate(model, ["twins[sw]"], out=tmp_path / "run", options=chosen, registry=found)
    assert run.record["units"]["twins/sw/test"]["facts"]["index"] == "coarse"
    search = found.hook.harness_build_index(name="coarse", vectors=np.eye(4, dtype=np.float32), device="cpu")
    assert search(np.eye(4, dtype=np.float32)[:1], 2)[1][0, 0] == 0
    other = EvalOptions(
        data_dir=str(tmp_path / "twins" / "tests" / "data"), offline=True, device="cpu", overrides={"index": "corse"}
    )
    with pytest.raises(UsageError, match="no plugin has such an index"):
        evaluate(model, ["twins[sw]"], out=tmp_path / "other", options=other, registry=found)


def with_files(here: Path, *names: str) -> Callable[..., int]:
    files = [part for name in names for part in ("--plugin", str(here / name))]
    return lambda *arguments: main([*files, *arguments])


def test_the_file_tsv(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = registry(here, "reviews.py")
    evaluate("baseline:majority", ["reviews"], out=tmp_path / "mine", options=options(), registry=found)
    capsys.readouterr()
    assert with_files(here, "reviews.py", "tsv.py")("report", str(tmp_path / "mine"), "--format", "tsv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run\ttask\tlanguage\tscore" and len(lines) == 3
    assert lines[1].startswith("mine\treviews\ten\t50.0")


def test_the_file_wiki(here: Path, tmp_path: Path) -> None:
    found = registry(here, "reviews.py")
    evaluate("baseline:majority", ["reviews"], out=tmp_path / "mine", options=options(), registry=found)
    words = (
        "leaderboard",
        "export",
        str(tmp_path / "mine"),
        "--format",
        "wiki",
        "--set",
        "title=Ours",
        "--allow-partial",
    )
    allowed = ("--allow-dirty", "-o", str(tmp_path / "out"))
    assert with_files(here, "reviews.py", "wiki.py")(*words, *allowed) == 0
    lines = (tmp_path / "out/scores.wiki").read_text().splitlines()
    assert lines[0] == "== Ours ==" and lines[2].startswith("* reviews en: 50.0 (")


def test_the_file_opening(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = registry(here, "reviews.py")
    evaluate("baseline:majority", ["reviews"], out=tmp_path / "mine", options=options(), registry=found)
    capsys.readouterr()
    command = ("breakdown", str(tmp_path / "mine"), "--data-dir", "data", "--attribute", "opening", "--json")
    assert with_files(here, "reviews.py", "opening.py")(*command) == 0
    (part,) = json.loads(capsys.readouterr().out)
    assert part["buckets"][0]["name"] == "chumba" and part["n"] == sum(bucket["n"] for bucket in part["buckets"]) > 0


def test_the_file_ledger(here: Path, tmp_path: Path) -> None:
    found = registry(here, "reviews.py", "ledger.py")
    chosen = dataclasses.replace(options(), track=("ledger",))
    evaluate("baseline:majority", ["reviews"], out=tmp_path / "run", options=chosen, registry=found)
    assert (tmp_path / "run" / "ledger.txt").read_text().splitlines() == [
        "model baseline:majority 0.0",
        "test/reviews/accuracy/en 50.0",
        "test/reviews/accuracy/sw 50.0",
        "score/reviews 50.0",
    ]


def test_the_file_diary(here: Path, tmp_path: Path) -> None:
    found = registry(here, "reviews.py", "diary.py")
    evaluate("baseline:majority", ["reviews"], out=tmp_path / "run", options=options(), registry=found)
    assert (tmp_path / "run" / "diary.txt").read_text().splitlines() == [
        "baseline:majority, 2 units",
        "reviews en accuracy 50.0",
        "reviews sw accuracy 50.0",
        "finished with 0 failures",
    ]


def test_the_file_count(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = with_files(here, "reviews.py", "count.py")
    assert run("count", "reviews") == 0 and capsys.readouterr().out == "2\n"
    assert run("count", "--help") == 0 and "Count the languages of a task." in capsys.readouterr().out
    assert run("cuont") == 2 and "did you mean 'count'" in capsys.readouterr().err


def test_the_file_scratch(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found() -> dict[str, Any]:
        with_files(here, "scratch.py")("doctor", "--json")
        return {check["name"]: check for check in json.loads(capsys.readouterr().out)}["scratch-space (file:scratch)"]

    monkeypatch.setenv("SCRATCH", str(tmp_path))
    assert found()["status"] == "ok"
    monkeypatch.setenv("SCRATCH", "nowhere")
    assert found() | {"code": 0} == {
        "name": "scratch-space (file:scratch)",
        "status": "failed",
        "detail": "SCRATCH is 'nowhere', which is not a folder",
        "hint": "module load scratch",
        "code": 0,
    }


def test_the_file_roles(here: Path) -> None:
    names = runpy.run_path(str(here / "roles.py"))
    pictures = [names["Picture"](f"p{i}", "a picture") for i in range(10)]
    captions = [names["Caption"](f"c{i}", "a caption", (f"p{i}",)) for i in range(5)]
    kept = limited([*pictures, *captions], 2)
    chosen = [example for example in kept if isinstance(example, names["Caption"])]
    shown = {name for caption in chosen for name in caption.shows}
    others = [example.id for example in kept if isinstance(example, names["Picture"]) and example.id not in shown]
    assert len(chosen) == 2 and len(shown) == 2
    assert len(others) == round(8 * 2 / 5)  # the same share of the eight that no chosen caption shows
    assert len(kept) == 4 + len(others)


def test_the_file_template(here: Path) -> None:
    template = runpy.run_path(str(here / "template.py"))["TEMPLATE"]
    caption = runpy.run_path(str(here / "roles.py"))[template.imports]
    rows = template.rows("sw", "test")
    body = f"def read(row):\n    {template.read}\n"
    names: dict[str, Any] = {template.imports: caption}
    exec(body, names)
    assert [names["read"](row).id for row in rows] == [row["id"] for row in rows]
    assert template.metric in METRICS


def test_the_file_likeness(here: Path) -> None:
    outcomes = check_plugin("likeness", data_dir="data", registry=registry(here, "likeness.py"))
    assert [o for o in outcomes if o.status != "passed"] == []
    assert "spearman" in outcomes[-1].detail
