"""The loop of XTREME's scripts run_tatoeba.sh and predict_qa.sh: a process of its own for every language.

``python -m benchmarks.peers.by_language PATH INPUTS MODEL ANSWERS`` runs ``benchmarks.peers.xtreme`` once a language.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def main(path: str, inputs: str, model: str, answers: str) -> None:
    given = json.loads(Path(inputs).read_text(encoding="utf-8"))
    found: dict[str, list[Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        part, answer = Path(scratch) / "inputs.json", Path(scratch) / "answers.json"
        for language, examples in given["units"].items():
            part.write_text(json.dumps({**given, "units": {language: examples}}), encoding="utf-8")
            peer = [sys.executable, "-m", "benchmarks.peers.xtreme", path]
            subprocess.run([*peer, str(part), model, str(answer)], check=True)
            found |= json.loads(answer.read_text(encoding="utf-8"))
    Path(answers).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
