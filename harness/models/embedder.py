"""Sentence vectors of a model as its authors meant them, as far as its folder says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from harness.models.sentence_modules import SentenceModules

STAGE = "stage.json"
"""Written by the harness beside every checkpoint that it trains."""
TRAINED = "trained_vectors"
"""Key of a stage.json: the names of the stages, so far, that trained sentence vectors."""


@dataclass(frozen=True)
class Embedder:
    """Tells how a model embeds sentences: with the authors' modules, by stages that trained its vectors, or neither.

    ``modules`` are those of the model's folder, ``trained`` the names of stages (of a dual encoder). ``inherited`` says
    that a model brought the modules and has been trained since.
    """

    modules: SentenceModules | None = None
    trained: tuple[str, ...] = ()
    inherited: bool = False

    @classmethod
    def of(cls, folder: Path, *, trained: Collection[str] = (), since: bool = False) -> Embedder:
        """Reads a model folder.

        ``since`` says that it has been trained since, of which its files do not tell, and ``trained`` which of these
        stages trained its vectors.
        """
        earlier = _trained_before(folder)
        return cls(SentenceModules.of(folder), (*(earlier or ()), *trained), since or earlier is not None)

    @property
    def last_layer(self) -> str:
        """The reason to take the last layer; "" where there is none."""
        if self.modules is not None:
            return "the authors' modules.json" + (", of the model before training" if self.inherited else "")
        return f"trained as a dual encoder ({', '.join(self.trained)})" if self.trained else ""


def carry_modules(model: Path, folder: Path) -> None:
    """Copies the authors' modules of a model into the folder of a checkpoint that was trained from it."""
    modules = SentenceModules.of(model)
    for name in modules.files() if modules else ():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model / name, folder / name)


def _trained_before(folder: Path) -> list[str] | None:
    """The stages that trained the vectors of a checkpoint of the harness; None for any other folder."""
    try:
        stage = json.loads((folder / STAGE).read_text(encoding="utf-8"))
        return [str(name) for name in stage.get(TRAINED, ())]
    except Exception:  # no such file, or one of another program
        return None
