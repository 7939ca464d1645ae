"""What is attacked: the sample corpus, two small text files, and what undisturbed commands make of them."""

from __future__ import annotations

import json
import shutil
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.torture.command import harness
from tests.torture.verdict import done_well

ENGLISH = ["a dog runs", "the cat sleeps", "a small bird sings", "we went home", "red apples", "it rains today"]
GERMAN = ["es regnet heute", "ein Hund läuft", "die Katze schläft", "rote Äpfel", "ein kleiner Vogel singt", "Brot"]
CONLLU = "".join(
    f"# sent_id = {number}\n# text = {text}\n1\t{text.split()[0]}\t_\tDET\t_\t_\t2\tdet\t_\t_\n"
    f"2\t{text.split()[1]}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n"
    for number, text in enumerate(["the dog", "a cat", "the bird", "an apple"])
)
TREEBANK = "ud-treebanks-v2.5/UD_English-EWT"
CCG = "He\tNP\nsleeps\tS\\NP\n.\t.\n\nShe\tNP\nruns\tS\\NP\n.\t.\n\n" * 3
BY_THE_WAY = ("seconds", "session")
"""What a unit's entry says of how it came about."""
RECIPE = 'name = "mine"\nversion = 1\n\n[defaults]\nlr = 2e-5\nbatch = 4\nmax_steps = 2\n\n[tasks.xnli]\nlr = 1e-5\n'


class Scene:
    """The corpus and the undisturbed outcomes, made once in ``folder`` and never changed: attacks work on copies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.corpus = folder / "corpus"
        done_well(harness("data", "sample", "--size", "tiny", self.corpus))
        for name, text in {
            **{f"corpus/{TREEBANK}/en_ewt-ud-{split}.conllu": CONLLU for split in ("train", "dev", "test")},
            "corpus/ccg/train.tsv": CCG,
            "en.txt": "\n".join(ENGLISH) + "\n",
            "de.txt": "\n".join(GERMAN) + "\n",
            "recipe.toml": RECIPE,
        }.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")

    def evaluation(self, out: Path, *more: object) -> list[str]:
        """The words of a command that trains twice and scores three units, in seconds."""
        steps = ["--via", "mnli", "--set", "max_steps=3", "--set", "save_every=1", "--set", "batch=4"]
        chosen = ["--task", "xnli[en,sw]", "--task", "tatoeba[de]", "--limit", "6", "--train-limit", "8"]
        return ["eval", "--model", "tiny", "--out", str(out), *chosen, *steps, *self.here(), *map(str, more)]

    def baseline(self, out: Path, task: str, data: Path) -> list[str]:
        """The words of a command that only reads a task's data and scores it, without any model."""
        words = ["eval", "--model", "baseline:majority", "--task", task, "--out", str(out), "--device", "cpu"]
        return [*words, "--offline", "--data-dir", str(data)]

    def mining(self, out: Path, *more: object) -> list[str]:
        """The words of a command that mines the two text files."""
        sides = ["--source", str(self.folder / "de.txt"), "--target", str(self.folder / "en.txt")]
        return ["mine", "--model", "tiny", *sides, "--out", str(out), "--device", "cpu", "--offline", *map(str, more)]

    def here(self) -> list[str]:
        """Where the data are, and the device on which bits repeat."""
        return ["--data-dir", str(self.corpus), "--offline", "--device", "cpu", "--dtype", "fp32"]

    @cached_property
    def evaluated(self) -> Path:
        """The folder of an undisturbed evaluation: ``run`` and ``stages``."""
        done_well(harness(*self.evaluation(self.folder / "evaluated" / "run")))
        return self.folder / "evaluated"

    @cached_property
    def mined(self) -> Path:
        """The folder of an undisturbed mining."""
        (self.folder / "mined").mkdir()
        done_well(harness(*self.mining(self.folder / "mined" / "pairs.tsv")))
        return self.folder / "mined"

    def copy(self, source: Path, target: Path) -> Path:
        """A copy of what an undisturbed command made."""
        shutil.copytree(source, target)
        return target


def outcome(folder: Path) -> dict[str, Any]:
    """Everything of an evaluation that must not depend on what happened on the way."""
    run = folder / "run"
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    units = {
        f"unit {name}": {k: v for k, v in unit.items() if k not in BY_THE_WAY} for name, unit in record["units"].items()
    }
    kept = ("key", "dev", "selected_step", "steps", "fingerprint")
    stages = {f"stage {stage['key']}": {name: stage[name] for name in kept} for stage in record["stages"]}
    lasting = [*run.glob("predictions/*/*"), *run.glob("labels/*/*"), *folder.glob("stages/*/*.safetensors")]
    # What was set aside, and what a killed process had half written, is out of the way: `runs rm` and `cache prune` know it.
    written = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in lasting
        if path.is_file() and not path.name.startswith(".") and ".damaged" not in path.parent.name
    }
    return {"scores": record["scores"], "failed": record["failed"], **units, **stages, **written}
