"""The page docs/models.md: each of the published encoders in each family, tried from training to prediction.

``python tests/model_matrix.py > docs/models.md`` writes it anew; ``tests/models/test_matrix.py`` tries the cells one by
one and compares each with the page.
"""

from __future__ import annotations

import re
import sys
import textwrap
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from published_models import PUBLISHED, Published, save_published

from harness.analysis.model_check.family_trial import try_family
from harness.models.resolve import check_folder
from harness.registry.default import get_registry

NEXT = "\n\n## Your own model\n"
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
    "cloze": "cloze",
    "generation": "generation",
    "captioning": "captions",
}
"""The families, and the heads of their columns."""


@cache
def _folder(published: Published) -> Path:
    from harness.models.heads import quiet

    with quiet():
        return save_published(published, Path(mkdtemp()) / published.kind)


def tried(published: Published, family: str) -> tuple[str, ...]:
    """Tries training one step, saving, loading and predicting.

    Returns notes on what stands in for what the architecture lacks, or an error ("cannot: ..."); none where it works.
    """
    trial = try_family(check_folder(_folder(published), published.kind), family, get_registry())
    if trial.verdict in ("works", "falls back"):
        return trial.how
    of_type = (f" for models of type {published.kind!r}", f", of type {published.kind!r},")
    return (f"{trial.verdict}: {trial.how[0].replace(of_type[0], '').replace(of_type[1], '')}",)


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
    _, heading, rest = PAGE.read_text(encoding="utf-8").partition(NEXT)  # which is written by hand
    return INTRODUCTION + "\n".join([*table, "", *found]) + heading + rest


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
in the table. `harness tasks` names the family of each task. To see it for a model of your own, and
what to say about it, ask `harness doctor --model MODEL` ([below](#your-own-model)).

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

In retrieval, in mining and in a dual encoder that is not trained, a sentence-embedding model
(LaBSE, BGE-m3, e5, EmbeddingGemma, Qwen3-Embedding) is used with the layer, pooling, dense layers
and prompts of its `modules.json`: see [sentence vectors](evaluation.md#sentence-vectors).

X-MOD has a module for each of its languages, and every row goes through that of its own: a unit
through that of its language, the English side of a retrieval task through the English one, training
data through theirs (`mlm[sw]` trains the module of Swahili alone). Fine-tuning leaves the
embeddings and all modules as they are, as its authors do (`frozen` in `stage.json`). The facts of a
unit name its `module` (`sw_KE`). A language that the model lacks fails with a message that names
those it has, and the others run. For texts that do not say their language (`harness mine`, the
entities of Mewsli-X), set `default_language` in the model's `config.json`. transformers' class for
multiple choice is not used, because it mixes up the languages of the rows in a batch.

Other models can be given [an adapter for each language](training.md#language-adapters), which goes
through every family. `harness adapters` trains it where the table has a masked LM.

"""

if __name__ == "__main__":
    print(page(), end="")
