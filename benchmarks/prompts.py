"""Are classes named that training never saw? A soft prompt trained on three made topics in English, scored on six.

Run from the root of the repository::

    python -m benchmarks.prompts --model demo:e5-small --out runs/prompts --set head=tied

Writes the sample corpus, trains on ``topics_seen`` and scores ``topics`` in ten languages, with the prompt and without. The
target of the method is an accuracy on unseen classes of chance + 20 points in English, and of chance + 10 in the mean of
the nine other languages; chance is one of all six classes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.commands import evaluated
from harness.data.sample import has_sample_corpus, write_sample_corpus

CHANCE = 100 / 6
TARGETS = {"en": 20.0, "others": 10.0}


def accuracies(model: str, folder: Path, corpus: Path, words: list[str]) -> dict[str, tuple[float, float]]:
    """Accuracy on seen and on unseen classes by language, over the full label set."""
    command = [
        "eval",
        "--model",
        model,
        "--task",
        "topics",
        "--recipe",
        "soft-prompt",
        "--data-dir",
        str(corpus),
        *words,
    ]
    found = {}
    for key, unit in evaluated(command, folder).record["units"].items():
        assert unit["score"] is not None
        numbers = unit["score"]["metrics"]
        found[key.split("/")[1]] = (numbers["accuracy_seen"]["value"], numbers["accuracy_unseen"]["value"])
    return found


def verdicts(found: dict[str, tuple[float, float]]) -> list[str]:
    """Lines that say whether the targets are reached."""
    others = [unseen for code, (_, unseen) in found.items() if code != "en"]
    reached = {"en": found["en"][1], "others": sum(others) / len(others)}
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
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    chosen = parser.parse_args()
    corpus = chosen.out / "corpus"
    if not has_sample_corpus(corpus):
        write_sample_corpus(corpus, size=chosen.size)
    more = [word for each in chosen.set for word in ("--set", each)]
    plain = accuracies(
        chosen.model, chosen.out / "plain", corpus, [*more, "--train", "never", "--set", "prompt_length=0"]
    )
    prompted = accuracies(chosen.model, chosen.out / "prompted", corpus, more)
    print("language   without: seen  unseen   prompted: seen  unseen")
    for code in prompted:
        print(
            f"{code:8}  {plain[code][0]:14.1f} {plain[code][1]:7.1f} {prompted[code][0]:16.1f} {prompted[code][1]:7.1f}"
        )
    print("\n".join(verdicts(prompted)))


if __name__ == "__main__":
    main()
