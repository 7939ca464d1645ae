"""``harness tasks show``: whose a task is, and its examples with their tokens, for a task of every family."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.main import cli, main
from harness.registry.default import get_registry
from harness.testing.model import small_model

FAMILIES = list(get_registry().families())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for family in FAMILIES:
        assert main(["new", "task", f"my-{family}", "--family", family, "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(small_model(tmp_path_factory.mktemp("model") / "small"))


@pytest.mark.parametrize("family", FAMILIES)
def test_examples_come_with_their_tokens(made: Path, model: str, family: str) -> None:
    package = made / f"my-{family}"
    plugin = next(package.glob("harness_*/plugin.py"))
    data = str(package / "tests" / "data")
    arguments = ["--plugin", str(plugin), "tasks", "show", f"my-{family}", "--data-dir", data, "--language", "sw"]
    done = CliRunner().invoke(cli, [*arguments, "--examples", "3", "--model", model, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["provider"] == "file:plugin" and found["distribution"] == "file"
    assert len(found["examples"]) == 3
    for example in found["examples"]:
        assert example["tokens"] and all(
            row and all(isinstance(token, str) for token in row) for row in example["tokens"]
        )
        assert "▁" in "".join(token for row in example["tokens"] for token in row)
    done = CliRunner().invoke(cli, [*arguments, "--examples", "1", "--model", model])
    first = "<picture>" if family == "captioning" else "<s>"
    assert f"tokens     {first} " in done.stdout and "file:plugin (file)" in done.stdout


def test_tasks_show_names_the_distribution_with_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    from harness import __version__

    assert main(["tasks", "show", "xnli", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["distribution"] == f"xtreme-harness {__version__}"


def test_tokens_of_a_model_that_has_none(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = made / "my-classification"
    plugin = str(next(package.glob("harness_*/plugin.py")))
    show = ["--plugin", plugin, "tasks", "show", "my-classification", "--data-dir", str(package / "tests" / "data")]
    assert main([*show, "--examples", "1", "--model", "baseline:random"]) == 2
    assert "sees no tokens" in capsys.readouterr().err
    assert main([*show, "--examples", "1", "--model", "nobody/nothing"]) == 5
    assert "cannot load the tokenizer of 'nobody/nothing'" in capsys.readouterr().err
