"""--trust-remote-code: the code of one repository at one commit, recorded; every other code is refused and not run.

The repositories lie in a cache folder as the Hub's client leaves it, so that nothing is looked up on the network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.core.errors import UsageError
from harness.core.hashing import file_sha256
from harness.types.options import EvalOptions
from harness.types.trusted_code import TrustedCode, parse_trusted

SHA, OTHER = "a" * 40, "b" * 40

CODE = """
import pathlib
from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification, XLMRobertaModel
from .strange_config import StrangeConfig

pathlib.Path({touched!r}).write_text({name!r})


class StrangeModel(XLMRobertaModel):
    config_class = StrangeConfig


class StrangeForSequenceClassification(XLMRobertaForSequenceClassification):
    config_class = StrangeConfig
"""
CONFIG = """
from transformers import XLMRobertaConfig


class StrangeConfig(XLMRobertaConfig):
    model_type = "strange"
"""
AUTO_MAP = {
    "AutoConfig": "strange_config.StrangeConfig",
    "AutoModel": "strange_code.StrangeModel",
    "AutoModelForSequenceClassification": "strange_code.StrangeForSequenceClassification",
}


class Cache:
    """A cache of the Hub with a model whose architecture is code of its repository."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.home = folder / "hf"
        self.touched = folder / "touched"
        self.model = self.repository("org/strange", SHA)
        shutil.copytree(model, self.model, dirs_exist_ok=True)
        config = json.loads((model / "config.json").read_text())
        config |= {"model_type": "strange", "auto_map": AUTO_MAP, "architectures": ["StrangeModel"]}
        (self.model / "config.json").write_text(json.dumps(config))
        self.write_code(self.model, "at a")

    def repository(self, name: str, sha: str) -> Path:
        folder = self.home / "hub" / f"models--{name.replace('/', '--')}"
        (folder / "snapshots" / sha).mkdir(parents=True)
        return folder / "snapshots" / sha

    def write_code(self, folder: Path, name: str) -> None:
        (folder / "strange_code.py").write_text(CODE.format(touched=str(self.touched), name=name))
        (folder / "strange_config.py").write_text(CONFIG)

    def change_config(self, **values: object) -> None:
        path = self.model / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    def run(self, *words: object) -> tuple[int, str]:
        """The exit code and what was said; ``ran`` below is what code ran."""
        self.touched.unlink(missing_ok=True)
        environment = {**os.environ, "HF_HOME": str(self.home), "HF_MODULES_CACHE": str(self.home / "modules")}
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "harness.cli", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    @property
    def ran(self) -> str:
        return self.touched.read_text() if self.touched.exists() else ""


@pytest.fixture
def cache(tmp_path: Path, small_model: Path) -> Cache:
    return Cache(tmp_path, small_model)


def words(corpus: Path, out: Path, model: object, trusted: str | None, task: str = "tatoeba[de]") -> list[object]:
    more = ["--trust-remote-code", trusted] if trusted else []
    return ["eval", "--model", model, "--task", task, "--data-dir", corpus, "--offline", "--out", out, *more]


def test_code_of_the_named_commit_is_run_and_recorded(cache: Cache, corpus: Path, tmp_path: Path) -> None:
    out, trusted = tmp_path / "runs" / "one", f"org/strange@{SHA}"
    small = ["--limit", 8, "--train-limit", 8, "--set", "epochs=1"]
    task = "pawsx[de]"
    code, said = cache.run(*words(corpus, out, f"org/strange@{SHA}", trusted, task), "--task", "tatoeba[de]", *small)
    assert code == 0, said
    assert cache.ran == "at a" and f"running the code of {trusted}" in said
    record = json.loads((out / "record.json").read_text())
    files = {name: file_sha256(cache.model / name) for name in ("strange_code.py", "strange_config.py")}
    assert record["model"]["code"] == {"repository": "org/strange", "revision": SHA, "files": files}
    assert record["options"]["trust_remote_code"] == trusted
    assert set(record["units"]) == {"pawsx/de/test", "tatoeba/de/test"}  # fine-tuned, and as it is

    # another commit of the code: other results, from the same weights
    later = cache.repository("org/strange", OTHER)
    cache.write_code(later, "at b")
    again = words(corpus, out, f"org/strange@{SHA}", f"org/strange@{OTHER}", "tatoeba[de]")
    code, said = cache.run(*again, *small)
    assert code == 0 and cache.ran == "at b", said
    changed = json.loads((out / "record.json").read_text())
    assert changed["model"]["fingerprint"] != record["model"]["fingerprint"]
    assert changed["units"]["tatoeba/de/test"]["key"] != record["units"]["tatoeba/de/test"]["key"]

    # what was trained needs the code as well, and never takes what lies beside it
    (stage,) = [path.parent for path in (out.parent / "stages").glob("*/config.json")]
    (stage / "strange_code.py").write_text(f"open({str(cache.touched)!r}, 'w').write('beside the weights')")
    assert cache.run(*words(corpus, tmp_path / "two", stage, None))[0] == 5
    assert cache.ran == ""
    code, said = cache.run(*words(corpus, tmp_path / "two", stage, trusted))
    assert code == 0 and cache.ran == "at a", said


@pytest.fixture
def refused(cache: Cache, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs what must end with 5 without any code having been run, in this process; returns what was said."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache.home / "hub"))

    def call(*words: object) -> str:
        assert main([str(word) for word in words]) == 5
        assert cache.ran == ""
        return capsys.readouterr().err

    return call


def test_code_of_a_model_that_was_not_named_and_pinned_is_not_run(
    cache: Cache, refused: Any, corpus: Path, tmp_path: Path
) -> None:
    out, hub = tmp_path / "run", f"org/strange@{SHA}"
    said = refused(*words(corpus, out, hub, None))
    assert "code of its own, which is not run" in said and "--trust-remote-code" in said
    assert "its code is that of org/strange" in refused(*words(corpus, out, hub, f"org/other@{SHA}"))
    assert "not in the local cache" in refused(*words(corpus, out, hub, f"org/strange@{OTHER}"))
    # a folder with code beside the weights
    assert "code of its own, which is not run" in refused(*words(corpus, out, cache.model, None))
    assert not (out / "record.json").exists()


def test_code_of_another_repository_has_to_be_named(cache: Cache, refused: Any, corpus: Path, tmp_path: Path) -> None:
    cache.change_config(auto_map={name: f"org/code--{entry}" for name, entry in AUTO_MAP.items()})
    cache.write_code(cache.repository("org/code", OTHER), "of org/code")
    hub, out = f"org/strange@{SHA}", tmp_path / "run"
    assert "its code is that of org/code" in refused(*words(corpus, out, hub, hub))
    code, said = cache.run(*words(corpus, out, hub, f"org/code@{OTHER}"))
    assert code == 0 and cache.ran == "of org/code", said


@pytest.mark.parametrize(
    "auto_map",
    [
        {},
        [],
        {"AutoConfig": "strange_config.StrangeConfig"},
        {"AutoConfig": "../x.C", "AutoModel": "x.M"},
        {"AutoConfig": "strange_config.C", "AutoModel": 1},
        {"AutoConfig": "absent.C", "AutoModel": "absent.M"},
    ],
)
def test_unusable_code_of_a_model_is_refused_in_one_message(
    cache: Cache, refused: Any, corpus: Path, tmp_path: Path, auto_map: object
) -> None:
    cache.change_config(auto_map=auto_map)
    said = refused(*words(corpus, tmp_path / "run", f"org/strange@{SHA}", f"org/strange@{SHA}"))
    assert "no usable code" in said or "cannot be used" in said, said


@pytest.mark.parametrize(
    "text", ["org/x", "org/x@main", f"org/x@{SHA[:12]}", f"x@{SHA}", f"org/x@{SHA}0", f"./x@{SHA}", ""]
)
def test_a_branch_a_tag_or_a_folder_is_not_pinned(text: str) -> None:
    with pytest.raises(UsageError, match="40 hex digits"):
        parse_trusted(text)
    with pytest.raises(UsageError, match="40 hex digits"):
        EvalOptions(trust_remote_code=text)


def test_a_pinned_repository_is_read() -> None:
    assert parse_trusted(f"org/x.y-z@{SHA}") == TrustedCode("org/x.y-z", SHA)
    assert str(parse_trusted(f"org/x@{SHA}")) == f"org/x@{SHA}"
