"""Are classes named that training never saw? A soft prompt trained on three made topics in English, scored on six.

Run from the root of the repository::

    python -m benchmarks.prompts --model tiny --text-steps 2500
    python -m benchmarks.prompts --model demo:e5-small --out runs/prompts --set head=tied

Writes the sample corpus, trains on ``topics_seen`` and scores ``topics`` in ten languages, with the prompt and without. The
target of the method is an accuracy on unseen classes of chance + 20 points in English, and of chance + 10 in the mean of
the nine other languages; chance is one of all six classes.

The method builds on a model that expects at a mask what the text is about. ``--text-steps`` makes one of a model that does
not: masked language modelling on plain text in the ten languages, whose lines keep to one topic, as those of real documents
do. The text has no labels, and no line of it is in the test.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from benchmarks.commands import evaluated
from harness.data.sample import has_sample_corpus, write_sample_corpus
from harness.data.sample.lexicon import LANGUAGES
from harness.data.sample.topics import TOPICS, topical
from harness.data.sample.world import World

CHANCE = 100 / 6
TARGETS = {"en": 20.0, "others": 10.0}
TEXT_LINES = 3000
TEXT_OPTIONS: Mapping[str, object] = {
    "lr": 2e-3,
    "batch": 32,
    "max_length": 64,
    "mlm_probability": 0.3,
    "epochs": 100,
    "select": "last",
}

Accuracies = dict[str, tuple[float, float]]
"""Accuracy on seen and on unseen classes by language, over the full label set."""


def write_text(corpus: Path, lines: int = TEXT_LINES) -> None:
    """Replaces the plain text of a sample corpus by lines on all six topics, parallel in its ten languages."""
    made = list(topical(World(77, "topics/text"), lines, TOPICS))
    for code in LANGUAGES:
        text = "".join(f"{item.text(code)}\n" for item in made)
        (corpus / "text" / f"{code}.txt").write_text(text, encoding="utf-8")


def via_text(steps: int, **more: object) -> list[str]:
    """Words of a command that trains on the plain text first."""
    options = {**TEXT_OPTIONS, "max_steps": steps, "evaluate_every": 0, **more}
    return ["--via", "mlm", *(word for name, value in options.items() for word in ("--set", f"mlm.{name}={value}"))]


def accuracies(model: str, folder: Path, corpus: Path, words: list[str]) -> Accuracies:
    """Scores ``topics`` with a model, after what the words say."""
    task = ["--task", "topics", "--recipe", "soft-prompt", "--data-dir", str(corpus)]
    found = {}
    for key, unit in evaluated(["eval", "--model", model, *task, *words], folder).record["units"].items():
        assert unit["score"] is not None
        numbers = unit["score"]["metrics"]
        found[key.split("/")[1]] = (numbers["accuracy_seen"]["value"], numbers["accuracy_unseen"]["value"])
    return found


def unseen(found: Accuracies) -> dict[str, float]:
    """Accuracy on unseen classes in English, and in the mean of the other languages."""
    others = [accuracy for code, (_, accuracy) in found.items() if code != "en"]
    return {"en": found["en"][1], "others": sum(others) / len(others)}


def verdicts(found: Accuracies) -> list[str]:
    """Lines that say whether the targets are reached."""
    reached = unseen(found)
    return [
        f"unseen classes, {name}: {reached[name]:.1f}, target above {CHANCE + above:.1f}: "
        + ("reached" if reached[name] > CHANCE + above else "not reached")
        for name, above in TARGETS.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="demo:e5-small")
    parser.add_argument("--out", type=Path, default=Path("runs/prompts"))
    parser.add_argument("--size", type=float, default=0.4, help="of the sample corpus: 0.4 has 60 texts a language")
    parser.add_argument(
        "--text-steps", type=int, default=0, help="steps of masked language modelling before the prompt"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    chosen = parser.parse_args()
    corpus = chosen.out / "corpus"
    if not has_sample_corpus(corpus):
        write_sample_corpus(corpus, size=chosen.size)
        write_text(corpus)
    more = [word for each in chosen.set for word in ("--set", each)]
    more += ["--stages", str(chosen.out / "stages")]
    before = via_text(chosen.text_steps) if chosen.text_steps else []
    unprompted = [*more, *before, "--train", "never", "--set", "prompt_length=0"]
    plain = accuracies(chosen.model, chosen.out / "plain", corpus, unprompted)
    prompted = accuracies(chosen.model, chosen.out / "prompted", corpus, [*more, *before])
    print("language   without: seen  unseen   prompted: seen  unseen")
    for code in prompted:
        numbers = (*plain[code], *prompted[code])
        print("{:8}  {:14.1f} {:7.1f} {:16.1f} {:7.1f}".format(code, *numbers))
    print("\n".join(verdicts(prompted)))


if __name__ == "__main__":
    main()
