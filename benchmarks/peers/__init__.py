"""What others do with the same inputs: one process, from import to answers on disk.

``python -m benchmarks.peers.xtreme PATH INPUTS MODEL ANSWERS`` and the same for ``library``. Inputs are the JSON files
of :mod:`benchmarks.work`; answers are a JSON object with a list for every language.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Peer = Callable[[dict[str, Any], str], dict[str, Any]]


def main(peers: Mapping[str, Peer], words: Sequence[str] | None = None) -> None:
    name, inputs, model, answers = sys.argv[1:] if words is None else words
    found = peers[name](json.loads(Path(inputs).read_text(encoding="utf-8")), model)
    Path(answers).write_text(json.dumps(found), encoding="utf-8")
