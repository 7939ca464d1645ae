"""Methods of training beside plain fine-tuning: what each gains or loses in every language, and what it costs.

Run from the root of the repository, with the pack of SIB-200 installed (``pip install ./packs/sib200``)::

    python -m benchmarks.methods --data-dir ../shared/data --out runs/methods
    python -m benchmarks.methods --data-dir ../shared/data --out runs/methods-cost --cost

SIB-200 is translated from English by people, so that translate-train, translate-test, FILTER and self-teaching have what
they need: a better translation than any machine's, so that none of it is for claims. Where only the test sets of other
languages are there, half of their rows are trained on: English ones by every method, translations by those that use any;
the other half is scored. Every method has as many steps as plain fine-tuning. The method ``synonyms`` needs ``--wordnet
FOLDER``. A run that is already in --out is not made again. ``--cost`` measures instead, method by method in turns, processor
time of a step and peak memory, each training in a process of its own.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commands import evaluated
from benchmarks.rows import write_rows, write_translators
from benchmarks.steps import in_turns
from harness import Comparison, DatasetsData, compare
from harness.data.wordnet import write_synonyms
from harness.registry.default import get_registry

TASK = "sib200"
REPOSITORY = Path("Davlan/sib200")
TRAINED = ("de", "ru", "sw")
"""Languages whose translations the methods that use translations are trained on."""
OTHERS = ("ar", "th", "tr", "yo")
"""Languages that no method has seen."""
LANGUAGES = ("en", *TRAINED, *OTHERS)


@dataclass(frozen=True)
class Method:
    """A way to train: the words that it adds to the command of plain fine-tuning."""

    name: str
    words: tuple[str, ...] = ()


def option(name: str, value: object) -> tuple[str, str]:
    return "--set", f"{name}={value}"


TRANSLATIONS = ("--train-on", f"{TASK}[{','.join(('en', *TRAINED))}]")
PLAIN = Method("plain")
METHODS = (
    PLAIN,
    Method("noise", option("objective", "noise")),
    Method("adversarial", option("objective", "adversarial")),
    Method("synonyms", option("objective", "synonyms")),
    Method("translate-train", TRANSLATIONS),
    Method("translate-test", ("--test-on", "translated")),
    Method("fusion", (*TRANSLATIONS, *option("objective", "fusion"))),
    Method("teaching", (*TRANSLATIONS, *option("objective", "teaching"), *option("teacher", "self"))),
    Method("fusion@teaching", (*TRANSLATIONS, *option("objective", "fusion@teaching"), *option("teacher", "self"))),
    Method("prompt", (*option("objective", "prompt"), *option("lr", 5e-3))),
)


def divided(source: Path, target: Path, languages: Sequence[str] = LANGUAGES) -> Path:
    """Writes a folder of data in which half of the test rows of each language are training rows."""
    for code in languages:
        place = folder_of(code)
        head, *rows = (source / place / "test.tsv").read_text(encoding="utf-8").splitlines()
        own = source / place / "train.tsv"
        trained = own.read_text(encoding="utf-8").splitlines()[1:] if code == "en" else []
        (target / place).mkdir(parents=True, exist_ok=True)
        for name, kept in (("train", trained + rows[::2]), ("test", rows[1::2])):
            (target / place / f"{name}.tsv").write_text("\n".join([head, *kept, ""]), encoding="utf-8")
        if code == "en":
            shutil.copy(source / place / "dev.tsv", target / place / "dev.tsv")
    return target


def write_english_of_tests(folder: Path) -> None:
    """Writes the English of the test texts of the other languages of :func:`divided` data, for translate-test."""
    rows = table_rows(folder / folder_of("en") / "test.tsv")
    for code in LANGUAGES[1:]:
        place = folder / "translated" / TASK / code / "test-en.jsonl"
        write_rows(place, [{**row, "source": row["index_id"]} for row in rows])
    write_translators(folder / "translated" / TASK, "the translators of FLORES-200")


def table_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table of SIB-200."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def folder_of(code: str) -> Path:
    """The folder of a language in the data."""
    first = get_registry().task(TASK).languages[code]["test"].sources[0]
    assert isinstance(first, DatasetsData)
    return (REPOSITORY / first.files[0]).parent


def words(method: Method, model: str, data: str, seed: int, settings: Mapping[str, object], dtype: str) -> list[str]:
    """The command that trains and scores one run of a method; what the method sets itself wins."""
    own = {word.partition("=")[0] for word in method.words}
    given = [word for name, value in settings.items() if name not in own for word in option(name, value)]
    selected = f"{TASK}[{','.join(LANGUAGES)}]"
    start = ["eval", "--task", selected, "--model", model, "--dtype", dtype, "--data-dir", data, "--seed", str(seed)]
    return [*start, *given, *method.words]


def table(found: Comparison, methods: Sequence[Method], steps: Sequence[int]) -> list[str]:
    """Rows of the page: mean over English, over the languages of the translations, over all others; differences from plain."""
    task = found.tasks[TASK]
    lines = ["| method | steps | en | " + ", ".join(TRAINED) + " | " + ", ".join(OTHERS) + " | all | difference, 95% |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for index, method in enumerate(methods):
        each = {code: line.scores[index] for code, line in task.languages.items()}
        means = [statistics.fmean(each[code] for code in codes) for codes in (("en",), TRAINED, OTHERS)]
        cells = [f"{value:.1f}" for value in (*means, task.average.scores[index])]
        gain = ""
        if index:
            difference = task.average.differences[index - 1]
            gain = f"{difference.value:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]"
        lines.append(f"| {method.name} | {steps[index]} | {' | '.join(cells)} | {gain} |")
    return lines


def scores(args: argparse.Namespace, methods: Sequence[Method], settings: Mapping[str, object]) -> list[str]:
    """Trains and scores every seed of every method, then compares them with plain fine-tuning."""
    groups: list[list[Path]] = []
    steps = []
    for method in methods:
        folders = [args.out / method.name / f"seed-{seed}" for seed in args.seeds]
        for seed, folder in zip(args.seeds, folders, strict=True):
            command = words(method, args.model, str(args.data_dir), seed, settings, args.dtype)
            run = evaluated([*command, "--stages", str(args.out / "stages")], folder)
        steps.append(sum(stage["steps"] for stage in run.record["stages"]))
        groups.append(folders)
        if len(groups) > 1:
            found = compare([list(map(str, group)) for group in groups])
            (args.out / "table.md").write_text("\n".join(table(found, methods[: len(groups)], steps)) + "\n")
    return table(found, methods, steps)


def costs(args: argparse.Namespace, methods: Sequence[Method], settings: Mapping[str, object]) -> list[str]:
    """Processor time of a step of each method's own stage and peak memory, beside plain fine-tuning."""
    settings = {**settings, "max_steps": args.cost_steps}
    commands = {
        method.name: [
            *words(method, args.model, str(args.data_dir), 1, settings, args.dtype), "--language", "en", "--limit", "8"
        ]
        for method in methods
    }  # fmt: skip
    found = in_turns(commands, args.rounds, args.threads)
    plain = found[PLAIN.name].seconds(-1)
    lines = ["| method | processor seconds a step | of plain | peak memory, MiB |", "|---|---:|---:|---:|"]
    for name, cost in found.items():
        lines.append(f"| {name} | {cost.seconds(-1):.2f} | {cost.seconds(-1) / plain:.2f} | {cost.memory:,.0f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="demo:e5-small")
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/methods"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--methods", nargs="+", default=[method.name for method in METHODS])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--cost", action="store_true", help="measure time and memory instead of scores")
    parser.add_argument("--cost-steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3, help="of --cost")
    parser.add_argument("--threads", type=int, default=1, help="of --cost")
    parser.add_argument("--wordnet", type=Path, help="a folder with WordNet's files, for the method synonyms")
    args = parser.parse_args()
    wanted = {PLAIN.name, *args.methods} - (set() if args.wordnet else {"synonyms"})
    chosen = [method for method in METHODS if method.name in wanted]
    settings = {"lr": args.lr, "max_steps": args.steps, "batch": 16, "select": "last", "evaluate_every": 0}
    args.data_dir = divided(args.data_dir, args.out / "data")
    write_english_of_tests(args.data_dir)
    if args.wordnet:
        write_synonyms(args.wordnet, args.data_dir)
    print("\n".join((costs if args.cost else scores)(args, chosen, settings)))


if __name__ == "__main__":
    main()
