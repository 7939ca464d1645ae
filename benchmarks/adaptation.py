"""A language whose script the model does not know: as it is written, in Latin letters, and after training on its text.

Run from the root of the repository, with the pack of SIB-200 installed (``pip install ./packs/sib200``)::

    python -m benchmarks.adaptation --data-dir ../shared/data --out runs/adaptation

Topics of sentences in N'Ko and in Central Atlas Tamazight (Tifinagh), after training on English ones. XLM-R's vocabulary
has no letter of either. A vocabulary cannot be extended by what it has no letters for, so that new tokens are those of the
text in Latin letters. Where only test sets are there, half of their rows are the plain text and the other half is scored. A
run that is already in --out is not made again. The table is written to adaptation.md there. ``--cost`` measures instead:
processor time of a step and peak memory of the training on plain text, and of the training on topics behind it and alone,
in processes of their own that take turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.commands import evaluated
from benchmarks.methods import TASK, divided, folder_of, option, table_rows
from benchmarks.steps import in_turns
from benchmarks.transliteration import spread
from harness.inference.token_counts import TokenCounts, token_counts
from harness.models.load import load_tokenizer
from harness.run import Run

LANGUAGES = ("nqo", "tzm-Tfng")
LETTERS = {
    "nkoo-latn": "ߊa ߋe ߌi ߍɛ ߎu ߏo ߐɔ ߒn ߓb ߔp ߕt ߖj ߗc ߘd ߙr ߚrr ߛs ߜgb ߝf ߞk ߟl ߠn ߡm ߢny ߣn ߤh ߥw ߦy ߧny ߑ' "
    "߫ ߬ ߭ ߮ ߯ ߰ ߱ ߲n ߳ ߴ' ߵ' ߸, ߹! ߽ ߺ ߀0 ߁1 ߂2 ߃3 ߄4 ߅5 ߆6 ߇7 ߈8 ߉9",
    "tfng-latn": "ⴰa ⴱb ⴲb ⴳg ⴴg ⴵj ⴶj ⴷd ⴸd ⴹḍ ⴺḍ ⴻe ⴼf ⴽk ⴾk ⴿk ⵀh ⵁh ⵂh ⵃḥ ⵄɛ ⵅx ⵆx ⵇq ⵈq ⵉi ⵊj ⵋj ⵌj ⵍl ⵎm ⵏn ⵐny ⵑng "
    "ⵒp ⵓu ⵔr ⵕṛ ⵖɣ ⵗɣ ⵘj ⵙs ⵚṣ ⵛc ⵜt ⵝt ⵞč ⵟṭ ⵠv ⵡw ⵢy ⵣz ⵤz ⵥẓ",
}
"""A table a script: each letter with what stands for it; N'Ko's marks of tone and length are left out, as in Latin text."""
PLAIN, LATIN, TEXT = "as it is written", "in Latin letters", "and new tokens, plain text"


def write_tables(folder: Path) -> None:
    """Writes the tables of letters into a folder of data."""
    for name, pairs in LETTERS.items():
        path = folder / "transliterate" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{pair[0]}\t{pair[1:]}" for pair in pairs.split(" ")]
        path.write_text("\n".join(["source\ttarget", *lines, ""]), encoding="utf-8")


def prepared(source: Path, folder: Path) -> Path:
    """The folder of data: the divided sets, the tables of letters, and the training half of each language as plain text."""
    divided(source, folder, ("en", *LANGUAGES))
    write_tables(folder)
    for code in LANGUAGES:
        path = folder / "text" / f"{code}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [row["text"] for row in table_rows(folder / folder_of(code) / "train.tsv")]
        path.write_text("\n".join([*texts, ""]), encoding="utf-8")
    return folder


def options(values: Mapping[str, object]) -> list[str]:
    """The words of the command line that set these options."""
    return [word for name, value in values.items() for word in option(name, value)]


def commands(args: argparse.Namespace) -> dict[str, list[str]]:
    """The words of each system's command."""
    selected = f"{TASK}[{','.join(('en', *LANGUAGES))}]"
    start = ["eval", "--task", selected, "--model", args.model, "--dtype", args.dtype, "--data-dir", str(args.data_dir)]
    start += options({"lr": args.lr, "batch": 16, "select": "last", "evaluate_every": 0})
    latin = [*start, *options({"transliterate": ",".join(LETTERS), f"{TASK}.max_steps": args.steps})]
    text = {
        "max_steps": args.text_steps,
        "lr": args.text_lr,
        "second_lr": args.second_lr,
        "extend_vocabulary": args.tokens,
    }
    via = ["--via", f"mlm[{','.join(LANGUAGES)}]", *options({f"mlm.{name}": value for name, value in text.items()})]
    return {PLAIN: [*start, *options({f"{TASK}.max_steps": args.steps})], LATIN: latin, TEXT: [*latin, *via]}


def tokens(run: Run, stages: Path, data: Path) -> list[TokenCounts]:
    """How a run's tokenizer cuts the plain text of each language."""
    last = run.record["stages"][-1]
    tokenizer = load_tokenizer(stages / f"{last['name']}-{last['key'][:12]}")
    texts = {code: (data / "text" / f"{code}.txt").read_text(encoding="utf-8").splitlines() for code in LANGUAGES}
    return [token_counts(tokenizer, code, own) for code, own in texts.items()]


def table(
    scores: Mapping[str, Sequence[Mapping[str, float]]], counts: Mapping[str, Sequence[TokenCounts]]
) -> list[str]:
    """Means and standard deviations over seeds, a line a language; then tokens a word and the share of unknown tokens."""
    lines = ["| language | " + " | ".join(scores) + " |", "|---|" + "---:|" * len(scores)]
    for code in ("en", *LANGUAGES):
        cells = [spread([run[code] for run in runs]) for runs in scores.values()]
        lines.append(f"| {code} | {' | '.join(cells)} |")
    for place, code in enumerate(LANGUAGES):
        found = [each[place] for each in counts.values()]
        lines.append(f"| {code}, tokens a word | {' | '.join(f'{each.per_word:.2f}' for each in found)} |")
        lines.append(f"| {code}, unknown | {' | '.join(f'{each.unknown_share:.1%}' for each in found)} |")
    return lines


def costs(args: argparse.Namespace) -> list[str]:
    """Processor time of a step of each stage, and peak memory."""
    args.steps = args.text_steps = args.cost_steps
    words = {
        name: [*own, "--seed", "1", "--language", "en", "--limit", "8"]
        for name, own in commands(args).items()
        if name != LATIN
    }
    lines = ["| training | processor seconds a step | peak memory, MiB |", "|---|---:|---:|"]
    for name, cost in in_turns(words, args.rounds, threads=1).items():
        for stage in range(len(cost.rounds[0][0])):
            what = "plain text" if name == TEXT and stage == 0 else "topics"
            lines.append(f"| {what}, {name} | {cost.seconds(stage):.2f} | {cost.memory:,.0f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="demo:e5-small")
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/adaptation"))
    parser.add_argument("--stages", type=Path, help="those of benchmarks.methods, whose plain ones are the same")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--text-steps", type=int, default=60)
    parser.add_argument("--text-lr", type=float, default=1e-4)
    parser.add_argument("--second-lr", type=float, default=5e-4)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--cost", action="store_true", help="measure time and memory instead of scores")
    parser.add_argument("--cost-steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3, help="of --cost")
    args = parser.parse_args()
    stages = args.stages or args.out / "stages"
    args.data_dir = prepared(args.data_dir, args.out / "data")
    if args.cost:
        print("\n".join(costs(args)))
        return
    scores: dict[str, list[Mapping[str, float]]] = {}
    counts: dict[str, Sequence[TokenCounts]] = {}
    for name, words in commands(args).items():
        for seed in args.seeds:
            folder = args.out / name.replace(" ", "-").replace(",", "") / f"seed-{seed}"
            run = evaluated([*words, "--seed", str(seed), "--stages", str(stages)], folder)
            [found] = run.scores.tasks.values()
            languages = next(iter(found.metrics.values())).languages
            scores.setdefault(name, []).append({code: each.value for code, each in languages.items()})
        counts[name] = tokens(run, stages, args.data_dir)
        lines = table(scores, counts)
        (args.out / "adaptation.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
