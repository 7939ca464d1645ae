"""XQuAD, TyDiQA-GoldP and SQuAD read as generation: the answer is written, not cut from the passage.

Trained on English alone, a model may write the right answer in the wrong language.
"""

from dataclasses import replace

from harness_plugins.intermediate.squad import SQUAD
from harness_plugins.tasks.tydiqa import TYDIQA
from harness_plugins.tasks.xquad import XQUAD

from harness import Source, hookimpl, readers


def written(row):
    found = readers.question(row)
    answer = found.answers[0].text if found.answers else None
    return Source(found.id, f"question: {found.question} context: {found.context}", answer)


def scored(task):
    """The splits in which answers are scored; questions that were translated into English ask for English answers."""
    return {
        code: {name: table[name] for name in ("dev", "test") if name in table} for code, table in task.languages.items()
    }


COMMON = {"family": "generation", "example": written, "metric": "generation", "version": 1}
SUMMARY = "the answer to a question, written after reading a passage that holds it"
SQUAD_GEN = replace(SQUAD, name="squad_gen", title="SQuAD, written answers", summary=SUMMARY, **COMMON)
XQUAD_GEN = replace(
    XQUAD,
    name="xquad_gen",
    title="XQuAD, written answers",
    train="squad_gen",
    languages=scored(XQUAD),
    summary=SUMMARY,
    **COMMON,
)
TYDIQA_GEN = replace(
    TYDIQA,
    name="tydiqa_gen",
    title="TyDiQA-GoldP, written answers",
    languages=scored(TYDIQA),
    summary=SUMMARY,
    **COMMON,
)


@hookimpl
def harness_intermediate_tasks():
    yield SQUAD_GEN


@hookimpl
def harness_target_tasks():
    yield from (XQUAD_GEN, TYDIQA_GEN)
