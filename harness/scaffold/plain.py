"""Kinds of packages that are one module and its test: what ``harness new`` and their READMEs say about them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plain:
    """A kind of package with a folder of templates of the same name.

    ``what`` begins its README and is the help of ``harness new``, with ``more`` behind it. ``attempt`` is a command that
    uses what the package adds, and ``change`` says what to change; both may name ``$name``.
    """

    what: str
    more: str
    attempt: str
    change: str


PLAIN = {
    "recipe": Plain(
        "A recipe",
        "hyper-parameters of the stages, for --recipe NAME.",
        "harness eval --model tiny --task xnli --recipe $name --dry-run",
        "the values for all stages, those for single tasks, and those for large models.",
    ),
    "study": Plain(
        "A study",
        "a grid of runs over models, stages and seeds.",
        "harness study run $name --dry-run",
        "models, tasks, the sequences of stages before the tasks, and seeds.",
    ),
    "attribute": Plain(
        "An attribute of examples",
        "what 'harness breakdown' groups scores by.",
        "harness breakdown RUN --attribute $name",
        "the function, and the classes of examples that it is for.",
    ),
    "report-format": Plain(
        "A report format",
        "for 'harness report --format NAME'.",
        "harness report RUN --format $name",
        "the function that makes text of runs, and the end of the file's name.",
    ),
    "export-format": Plain(
        "An export format",
        "for 'harness leaderboard export --format NAME'.",
        "harness leaderboard export RUN --format $name -o FOLDER",
        "the function that makes files of the results, and its options.",
    ),
    "command": Plain(
        "A command",
        "a click command of the command line.",
        "harness $name xnli",
        "the click command. Import what is heavy inside of it, so that other commands stay quick.",
    ),
    "doctor-check": Plain(
        "A doctor check",
        "a line of 'harness doctor'.",
        "harness doctor",
        "the function, which returns what it found and what to do about it.",
    ),
    "tracker": Plain(
        "A tracker",
        "follows runs, and logs losses and scores.",
        "harness eval --model tiny --task xnli --track $name",
        "what is noted, and where. A tracker that fails costs one warning and ends no run.",
    ),
    "resolver": Plain(
        "A data resolver",
        "finds data of the Hub somewhere else, such as in a mirror.",
        "MIRROR=FOLDER harness data list xnli",
        "where the files are. Return None for data that you do not have.",
    ),
    "loader": Plain(
        "An encoder loader",
        "model strings of your own, such as lab:large.",
        "MODELS=FOLDER harness eval --model $name:MODEL --task xnli",
        "where the folders with models are.",
    ),
    "index": Plain(
        "A search index",
        "nearest neighbours in retrieval and mining, for --index NAME.",
        "harness eval --model tiny --task tatoeba --index $name",
        "the search. Its recall against the exact search is measured and recorded.",
    ),
}
