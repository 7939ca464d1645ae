"""``python -m benchmarks.scaling``: what the harness costs as its work grows, and whether that can be foretold.

    python -m benchmarks.scaling --threads 1 --repeats 2 --out benchmarks/results

Every size of every direction (:mod:`benchmarks.growing_work`) is a whole process; processor time and peak memory are
fitted by fixed + slope * size^exponent (:mod:`benchmarks.growth`). A cost model (:mod:`benchmarks.cost_model`) is
fitted to all sizes but the largest of each direction, and those are compared with what it foretells.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.__main__ import default_model, machine
from benchmarks.cost_model import CostModel
from benchmarks.growing_work import AXES, TINY, Workload, Workloads, scaled
from benchmarks.growth import LEAST, MOST, Growth, fit_growth
from benchmarks.measure import Cost, run
from benchmarks.report import save

Measured = list[tuple[Workload, list[Cost]]]
FIELDS = {"cpu": "processor seconds", "memory": "peak MiB"}


def measure(
    workloads: Sequence[Workload], repeats: int, execute: Callable[[Sequence[str]], Cost]
) -> Iterator[Measured]:
    """Every workload in turn, each time without its results; all that was measured so far, after every turn."""
    found: Measured = [(workload, []) for workload in workloads]
    for workload in workloads:
        if workload.continues:
            execute(workload.command)
    for turn in range(repeats):
        for workload, costs in found:
            _forget(Path(workload.command[-1]))
            costs.append(execute(workload.command))
            told = f"{costs[-1].cpu:.1f} s of the processor, {costs[-1].memory:.0f} MiB"
            print(f"{workload.axis} {workload.size:g} {turn + 1}/{repeats}: {told}", file=sys.stderr)
        yield found


def _forget(out: Path) -> None:
    """Removes the results of a run, a folder or a file."""
    if out.is_dir():
        shutil.rmtree(out)
    out.unlink(missing_ok=True)


def results(measured: Measured) -> dict[str, Any]:
    """Measurements and fits by direction, the cost model, and what it foretells."""
    axes: dict[str, Any] = {}
    for axis in dict.fromkeys(workload.axis for workload, _ in measured):
        of_axis = [(workload, costs) for workload, costs in measured if workload.axis == axis]
        sizes = [workload.size for workload, costs in of_axis for _ in costs]
        axes[axis] = {
            "points": [
                {"size": workload.size, "turns": [asdict(cost) for cost in costs], "work": asdict(workload.work)}
                for workload, costs in of_axis
            ],
            "growth": {
                field: asdict(fit_growth(sizes, [getattr(cost, field) for _, costs in of_axis for cost in costs]))
                for field in FIELDS
            },
        }
    largest = {axis: max(point["size"] for point in found["points"]) for axis, found in axes.items()}
    seen = [(workload, costs) for workload, costs in measured if workload.size < largest[workload.axis]]
    model = _model(seen)
    foretold = [
        {
            "axis": workload.axis,
            "size": workload.size,
            "new": workload.size == largest[workload.axis],
            "cpu": {"foretold": model.seconds(workload.work), "measured": _median(costs, "cpu")},
            "memory": {"foretold": model.mib(workload.work), "measured": _median(costs, "memory")},
        }
        for workload, costs in measured
    ]
    return {"axes": axes, "check": {"fitted_without_the_largest": asdict(model), "rows": foretold}} | {
        "cost_model": asdict(_model(measured))
    }


def _model(measured: Measured) -> CostModel:
    works = [workload.work for workload, _ in measured]
    return CostModel.fit(works, *([_median(costs, field) for _, costs in measured] for field in FIELDS))


def _median(costs: Sequence[Cost], field: str) -> float:
    return float(statistics.median(getattr(cost, field) for cost in costs))


def markdown(found: Mapping[str, Any]) -> str:
    """A table of the fits, and one of what the cost model foretells of the largest sizes."""
    named, counts = found["machine"], found["counts"]
    lines = [
        f"{named['processor']}, {named['threads']} threads, torch {named['torch']}, transformers "
        f"{named['transformers']}; {found['model']}; {found['repeats']} processes a size.",
        "",
        "| direction | sizes | cost | measured | largest / smallest | fixed | exponent (95%) |",
        "|---|---|---|---|---|---|---|",
    ]
    for axis, entry in found["axes"].items():
        sizes = ", ".join(f"{point['size']:,.0f}" for point in entry["points"])
        for field, name in FIELDS.items():
            growth = Growth(**entry["growth"][field])
            values = [statistics.median(turn[field] for turn in point["turns"]) for point in entry["points"]]
            digits = 1 if field == "cpu" else 0
            cells = [f"{axis}: {counts[axis]}" if field == "cpu" else "", sizes if field == "cpu" else "", name]
            cells += [", ".join(f"{value:,.{digits}f}" for value in values), f"{values[-1] / values[0]:.2f}"]
            cells += [f"{growth.fixed:,.{digits}f}" if growth.low > LEAST else "", _exponent(growth)]
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| direction | largest | seconds foretold | measured | MiB foretold | measured |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["check"]["rows"]:
        if row["new"]:
            cpu, memory = row["cpu"], row["memory"]
            lines.append(
                f"| {row['axis']} | {row['size']:,.0f} | {cpu['foretold']:.1f} | {cpu['measured']:.1f} "
                f"| {memory['foretold']:,.0f} | {memory['measured']:,.0f} |"
            )
    return "\n".join(lines) + "\n"


def _exponent(growth: Growth) -> str:
    if not growth.determined:
        return "not determined"
    if growth.low == LEAST:
        return f"below {growth.high:.2f}"
    if growth.high == MOST:
        return f"above {growth.low:.2f}"
    return f"{growth.exponent:.2f} ({growth.low:.2f}-{growth.high:.2f})"


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__.partition("\n")[0])
    parser.add_argument("axes", nargs="*", metavar="DIRECTION", help=f"{', '.join(AXES)} (default: all)")
    parser.add_argument("--model", type=Path, default=default_model(), help="folder of an encoder (default: MiniLM)")
    parser.add_argument("--repeats", type=int, default=2, help="processes a size (default: 2)")
    parser.add_argument("--threads", type=int, default=1, help="threads for linear algebra (default: 1)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the examples (default: 1)")
    parser.add_argument("--tiny", action="store_true", help="a few examples: does everything run?")
    parser.add_argument("--out", type=Path, help="folder for scaling.json and scaling.md")
    args = parser.parse_args(argv)
    unknown = set(args.axes) - set(AXES)
    if unknown or args.model is None:
        parser.error(f"no direction {', '.join(unknown)}" if unknown else "--model FOLDER expected")
    return args


def main(argv: list[str] | None = None, execute: Callable[[Sequence[str]], Cost] | None = None) -> int:
    args = parse(argv)
    growing = TINY if args.tiny else scaled(args.scale)
    axes = {axis: growing[axis] for axis in args.axes or AXES}
    execute = execute or (lambda command: run(command, args.threads))
    with tempfile.TemporaryDirectory(prefix="benchmark-scaling-") as folder:
        workloads = list(Workloads(Path(folder), args.model).of(axes))
        for turn, measured in enumerate(measure(workloads, args.repeats, execute), start=1):
            found = {
                "machine": machine(args.threads),
                "model": args.model.name,
                "repeats": turn,
                "counts": {axis: entry.counts for axis, entry in axes.items()},
                **results(measured),
            }
            if args.out:  # after every turn, so that a stopped run is not lost
                save(args.out, "scaling", found, markdown(found))
    print(markdown(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
