"""The page docs/models.md: each of the published encoders in each family, tried from training to prediction.

``python tests/model_matrix.py > docs/models.md`` writes it anew; ``tests/models/test_matrix.py`` tries the cells one by
one and compares each with the page.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from published_models import PUBLISHED, Published, save_published
from small_models import TEXTS

from harness.core.errors import HarnessError
from harness.data.sources import LoadedSplit
from harness.families.base import HeadFamily
from harness.inference.session import Compute, open_model
from harness.models.resolve import Access, check_folder
from harness.registry.default import get_registry
from harness.registry.registry import load_part
from harness.training._train import train_stage
from harness.training.stage import Stage, StageTask
from harness.types.examples import (
    Answer,
    Choice,
    Example,
    GoldPair,
    Match,
    Pair,
    Question,
    Sentence,
    Tagged,
    Text,
    Translation,
)
from harness.types.options import TrainOptions
from harness.types.sources import Split
from harness.types.tasks import IntermediateTask
from harness.types.units import UnitExamples

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "models.md"
FAMILIES = {
    "classification": "classification",
    "tagging": "tagging",
    "span_qa": "answers",
    "multiple_choice": "choice",
    "dual_encoder": "dual encoder",
    "bitext_retrieval": "retrieval",
    "bitext_mining": "mining",
    "mlm": "masked LM",
}
"""The families, and the heads of their columns."""

LABELS = ("a", "b", "c")
_OPTIONS: dict[str, dict[str, Any]] = {
    "span_qa": {"max_length": 64, "max_query_length": 16, "doc_stride": 16},
    "dual_encoder": {"query_length": 48, "candidate_length": 48, "softmax_pairs": 2},
}


def _examples(family: str) -> list[Example]:
    """A few examples of unequal length."""
    short = [" ".join(text.split()[: 3 + place]) for place, text in enumerate(TEXTS[:4])]
    made: dict[str, Callable[[int, str], Example]] = {
        "classification": lambda i, text: Pair(str(i), text, short[-i], LABELS[i % 3]),
        "tagging": lambda i, text: Tagged(str(i), tuple(text.split()), tuple(LABELS[len(w) % 3] for w in text.split())),
        "span_qa": lambda i, text: Question(
            str(i), "Who?", text, (Answer(text.split()[1], text.index(text.split()[1])),)
        ),
        "multiple_choice": lambda i, text: Choice(str(i), text, (short[0], short[-1]), i % 2),
        "dual_encoder": lambda i, text: Match(str(i), f"{i} {text}", short[-i]),
        "bitext_retrieval": lambda i, text: Translation(str(i), text, short[-i]),
        "mlm": lambda i, text: Text(str(i), text),
    }
    if family == "bitext_mining":
        pool: list[Example] = [Sentence(f"f-{i}", text, english=False) for i, text in enumerate(short)]
        pool += [Sentence(f"e-{i}", text, english=True) for i, text in enumerate(reversed(short))]
        return [*pool, GoldPair("f-0", "e-3")]
    return [made[family](i, text) for i, text in enumerate(short)]


@cache
def _folder(published: Published) -> Path:
    from harness.models.heads import quiet

    with quiet():
        return save_published(published, Path(mkdtemp()) / published.kind)


def tried(published: Published, family: str) -> tuple[str, ...]:
    """Tries training one step, saving, loading and predicting.

    Returns notes on what stands in for what the architecture lacks, or an error ("cannot: ..."); none where it works.
    """
    value = get_registry().family(family)
    kind: Any = load_part(value, "implementation")
    labels = LABELS if family in ("classification", "tagging") else ()
    predictor = kind(labels, kind.Options(**_OPTIONS.get(family, {"max_length": 48})))
    examples = _examples(family)
    try:
        model: Any = check_folder(_folder(published), published.kind)
        if isinstance(predictor, HeadFamily):
            model = _trained(model, predictor, family, examples, load_part(value, "format")())
        session = open_model(model, Access(), Compute())
        head = predictor.head_parameters if isinstance(predictor, HeadFamily) else None
        network = session.network(predictor.load, head=head)
        forward = session.forward(network)
        (unit,) = predictor.join([UnitExamples("task", "en", "test", examples, dev=examples)])
        (found,) = predictor.predict(forward, [unit])
    except HarnessError as error:
        said = str(error).removeprefix(f"{published.kind}: ").removeprefix(f"{_folder(published)}: ")
        said = said.replace(f" for models of type {published.kind!r}", "").replace(f", of type {published.kind!r},", "")
        return (f"cannot: {said}",)
    assert family == "bitext_mining" or len(found.predictions) == len(unit.examples)
    notes = [getattr(network, "harness_instead", "")]
    notes += ["rows of one length only: it reads padding"] if forward.padding == "none" else []
    if "separator" in found.facts:
        notes.append("the end token between the texts of a pair, where its tokenizer puts none")
    return tuple(note for note in notes if note)


def _trained(model: Any, predictor: HeadFamily, family: str, examples: Sequence[Example], form: Any) -> Path:
    nothing = Split()
    task = IntermediateTask("task", 1, family, nothing, nothing, lambda row: [], "accuracy", predictor.labels)
    languages = [("en", "de")[place % 2] for place in range(len(examples))]
    split = LoadedSplit(examples, len(examples), None, "test", [], "none", languages=languages)
    options = TrainOptions(max_steps=1, batch=len(examples), select="last", lr=1e-3)
    stage = Stage((StageTask(task, split, None, predictor, form),), model, options, "fp32")
    return train_stage(stage, model.folder, Path(mkdtemp()) / "stage", compute=Compute()).folder


def page() -> str:
    """The page with its table and the notes that the cells refer to."""
    notes: dict[str, int] = {}
    lines = []
    for published in PUBLISHED:
        cells = []
        for family in FAMILIES:
            print(published.kind, family, file=sys.stderr)
            cells.append(_cell(tried(published, family), notes))
        lines.append(f"| {row_of(published)} | {' | '.join(cells)} |")
    table = [f"| encoder | {' | '.join(FAMILIES.values())} |", "|---" * (len(FAMILIES) + 1) + "|", *lines]
    found = [textwrap.fill(f"{number}. {note}", 100, subsequent_indent="   ") for note, number in notes.items()]
    return INTRODUCTION + "\n".join([*table, "", *found]) + "\n"


def row_of(published: Published) -> str:
    """The head of its row."""
    return f"{published.known_for} (`{published.kind}`)"


def written() -> dict[tuple[str, str], tuple[str, ...]]:
    """What the page says of each row and family, notes in place of their numbers."""
    lines = PAGE.read_text(encoding="utf-8").replace("\n   ", " ").splitlines()  # notes are wrapped
    notes = {number: note for number, dot, note in (line.partition(". ") for line in lines) if dot and number.isdigit()}
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][2:]
    return {
        (head, family): tuple(notes[number] for number in re.findall(r"\d+", cell))
        for head, *cells in rows
        for family, cell in zip(FAMILIES, cells, strict=True)
    }


def _cell(found: tuple[str, ...], notes: dict[str, int]) -> str:
    numbers = [notes.setdefault(note, len(notes) + 1) for note in found]
    if not numbers:
        return "works"
    word = "cannot" if found[0].startswith("cannot") else "falls back"
    return f"{word} ({', '.join(map(str, numbers))})"


INTRODUCTION = """\
# Models

To see whether an encoder can be used in a task, find its architecture and the family of the task
in the table. `harness tasks` names the family of each task.

Written by `python tests/model_matrix.py`, which builds each architecture from its configuration
class with random weights and a tokenizer of its scheme, saves it as its authors publish it, and
takes it through a training step, saving, loading and prediction. `tests/models/test_matrix.py`
fails where a cell says something else than what it finds. The table says that a model runs and how,
not how good it is.

A number in brackets refers to the notes below the table: what stands in for something that the
architecture lacks, or why it cannot be used. What stands in is written as an ordinary checkpoint:

- A token classifier that stands in for question answering has the outputs `start` and `end`, and
  `AutoModelForTokenClassification` loads it.
- Where transformers has no token classifier either, the checkpoint has the name that transformers
  would give it (`Gemma3TextForTokenClassification`). `AutoModel` loads the encoder in it, and
  `harness.load_head("TokenClassification", folder, labels)` all of it.
- A separator that the harness puts between the texts of a pair is part of the keys of stages and
  results, and of the facts of a unit (`separator`).

The tokens of ByT5 and CANINE are bytes and characters, which Python finds more slowly than the fast
tokenizers find theirs.

X-MOD has a module for each of its languages, and every row goes through that of its own: a unit
through that of its language, the English side of a retrieval task through the English one, training
data through theirs (`mlm[sw]` trains the module of Swahili alone). Fine-tuning leaves the
embeddings and all modules as they are, as its authors do (`frozen` in `stage.json`). The facts of a
unit name its `module` (`sw_KE`). A language that the model lacks fails with a message that names
those it has, and the others run. For texts that do not say their language (`harness mine`, the
entities of Mewsli-X), set `default_language` in the model's `config.json`. transformers' class for
multiple choice is not used, because it mixes up the languages of the rows in a batch.

"""

if __name__ == "__main__":
    print(page(), end="")
