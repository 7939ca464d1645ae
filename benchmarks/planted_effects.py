"""``python -m benchmarks.planted_effects``: whether the analyses of studies find what is there, and nothing else.

    python -m benchmarks.planted_effects --simulations 500 --processes 2 --out benchmarks/results

Studies are simulated with known effects (:mod:`benchmarks.planted_studies`): without any, for the false positives, and
with some, for bias, coverage and power. Then come the corners of the plain contrast (few languages, few seeds, one
source of noise alone), and scaling laws, with their bands and which law is chosen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.planted_studies import (
    Planted,
    captions_study,
    data_study,
    languages_study,
    resources_study,
    simulate,
    sizes_study,
)
from benchmarks.report import save
from harness.analysis.effects.cluster import Sample, spread
from harness.analysis.effects.resample import bootstrapped
from harness.analysis.effects.scaling import Curve, Fit, band, optima_of, scaling
from harness.analysis.effects.scaling_forms import Form, log_law, logarithmic, power

NULL: dict[str, Callable[[], Planted]] = {
    "languages": languages_study,
    "sizes": sizes_study,
    "data": data_study,
    "resources": resources_study,
    "captions": lambda: captions_study(captions=0.0, masked=-3.0),
}
PLANTED: dict[str, Callable[[], Planted]] = {
    "languages": lambda: languages_study(spanish=1.5),
    "sizes": lambda: sizes_study(slope=-0.8, seed_fall=-0.5, worst=2.5),
    "data": lambda: data_study(multilingual=0.7, english_only=0.5),
    "resources": lambda: resources_study(low=-1.2, high=-0.2),
    "captions": lambda: captions_study(captions=3.0, masked=1.0),
}
HELD_OUT = 393_000.0
CURVES: dict[str, Callable[[Any], Any]] = {
    "log law": lambda n: np.log(3 * n**0.5) ** 2,
    "power": lambda n: 70 - 30 * (n / 1000 + 1) ** -0.6,
    "logarithmic": lambda n: 50 + 3 * np.log1p(n / 1000),
}
CORNERS = {
    "languages and seeds differ": (1.0, 0.4, 0.5),
    "seeds differ most": (0.3, 0.6, 0.5),
    "only languages differ": (1.0, 0.0, 0.5),
    "only seeds differ": (0.0, 0.4, 0.5),
    "noise only": (0.0, 0.0, 1.0),
}
"""Deviations of languages, of seeds, and of single scores."""


def study_results(name: str, planted: bool, simulations: int) -> list[dict[str, Any]]:
    """For each effect with a known truth, how often it is found, its bias, and how often the interval holds the truth."""
    made = (PLANTED if planted else NULL)[name]()
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    units: dict[str, str] = {}
    for number in range(simulations):
        for effect in made.analysis.hypotheses(made.study, simulate(made, number)):
            if effect.name in made.truth and effect.p is not None:
                units[effect.name] = effect.unit
                found.setdefault(effect.name, []).append((effect.p, effect.estimate, effect.low, effect.high))
    rows = []
    for effect_name, values in found.items():
        p, estimate, low, high = np.array(values).T
        truth = made.truth[effect_name]
        ratio = units[effect_name].startswith("%")  # a change of a deviation in percent: unbiased as its logarithm
        estimates, true = (np.log1p(estimate / 100), np.log1p(truth / 100)) if ratio else (estimate, truth)
        rows.append(
            {
                "study": name,
                "effect": effect_name,
                "truth": truth,
                "simulations": len(values),
                "found": 100 * float((p < 0.05).mean()),
                "mean": float(100 * np.expm1(estimates.mean()) if ratio else estimate.mean()),
                "bias_in_errors": float((estimates.mean() - true) / (estimates.std(ddof=1) / sqrt(len(values)))),
                "deviation": float(estimate.std(ddof=1)),
                "covered": 100 * float(((low <= truth) & (truth <= high)).mean()),
            }
        )
    return rows


def corner_results(simulations: int) -> list[dict[str, Any]]:
    """False positives of a contrast of two tasks, by languages, seeds, and what differs."""
    rows = []
    generator = np.random.default_rng(7)
    for languages, seeds in ((40, 5), (15, 5), (15, 3), (8, 5), (8, 3), (8, 2)):
        places = [(t, code, s) for t in range(2) for code in range(languages) for s in range(seeds)]
        task, code, seed = (np.array(column) for column in zip(*places, strict=True))
        row: dict[str, Any] = {"languages": languages, "seeds": seeds}
        for what, (by_language, by_seed, rest) in CORNERS.items():
            values = (
                generator.normal(0, by_language, (languages, simulations))[code]
                + generator.normal(0, by_seed, (seeds, simulations))[seed]
                + generator.normal(0, rest, (len(places), simulations))
            )
            labels = (list(map(str, column)) for column in (task, code))
            drawn = spread(Sample(values, ["model"] * len(places), *labels, seed.tolist()))
            row[what] = 100 * float(np.mean([bootstrapped(drawn, k).p < 0.05 for k in range(simulations)]))
        rows.append(row)
    return rows


def form_named(name: str) -> Form:
    """The law of a curve."""
    return {"log law": log_law(1000.0), "power": power(), "logarithmic": logarithmic()}[name]


def made_curve(
    name: str, generator: np.random.Generator, languages: int, seeds: int, offset: float, shared: float
) -> Curve:
    """A curve of five amounts, 1,000 to 256,000, with a noise of 0.3 in every score.

    Languages differ by ``offset`` and seeds by ``shared`` at all amounts alike.
    """
    amounts = 1000.0 * 4.0 ** np.arange(5)
    places = [(code, seed) for code in range(languages) for seed in range(seeds)]
    code, seed = (np.array(column) for column in zip(*places, strict=True))
    values = CURVES[name](amounts)[None] + generator.normal(0, 0.3, (len(places), 5))
    values += (generator.normal(0, offset, languages)[code] + generator.normal(0, shared, seeds)[seed])[:, None]
    labels = ["model"] * len(places), ["task"] * len(places), list(map(str, code))
    return Curve(amounts, Sample(values, *labels, seed.tolist()))


def band_results(name: str, offset: float, shared: float, simulations: int) -> dict[str, Any]:
    """Error at a held-out amount, and how often the band holds the truth there."""
    generator = np.random.default_rng(11)
    amounts = np.array([HELD_OUT])
    truth = float(CURVES[name](amounts)[0])
    form = form_named(name)
    errors, held = [], 0
    for _ in range(simulations):
        curve = made_curve(name, generator, 8, 5, offset, shared)
        fit = Fit(form, tuple(optima_of(curve, form)), None, None)
        low, high = band(curve, fit, amounts)
        errors.append(abs(float(fit.predict(amounts)[0]) - truth))
        held += bool(low[0] <= truth <= high[0])
    covered = 100 * held / simulations
    return {
        "law": name, "languages differ by": offset, "seeds differ by": shared, "simulations": simulations,
        "largest error": max(errors), "95% of errors within": float(np.percentile(errors, 95)), "covered": covered,
    }  # fmt: skip


def choice_results(name: str, simulations: int) -> dict[str, Any]:
    """Which law is chosen for a curve that is made by one."""
    generator = np.random.default_rng(13)
    chosen = dict.fromkeys(CURVES, 0)
    for _ in range(simulations):
        best = scaling(made_curve(name, generator, 8, 5, 0.5, 0.2)).best
        assert best is not None
        chosen[best.form.name] += 1
    return {"made by": name, **{form: 100 * count / simulations for form, count in chosen.items()}}


def mixed_results(simulations: int) -> dict[str, Any]:
    """False positives of the mixed model of gains by size, with slopes that differ by language, which it has no term for."""
    made = sizes_study()
    p = []
    for number in range(simulations):
        findings = made.analysis.analyse(made.study, simulate(made, number))
        p += [
            each.p
            for each in findings.effects
            if each.name.endswith("gain by size, mixed model") and each.p is not None
        ]
    return {"simulations": len(p), "found": 100 * float(np.mean(np.array(p) < 0.05))}


def table(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> list[str]:
    """A table in Markdown; ``columns`` are the keys with their headings."""
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        cells = [f"{value:.2f}" if isinstance(value := row[key], float) else str(value) for key in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def text(results: dict[str, Any]) -> str:
    """All results in Markdown."""
    known = {"study": "study", "effect": "effect", "simulations": "simulations", "found": "found at 5%, %"}
    lines = [
        "False positives: no effect is planted.",
        "",
        *table(results["null"], {**known, "covered": "95% interval covers, %"}),
    ]
    more = {"truth": "truth", "mean": "mean estimate", "bias_in_errors": "bias in its standard errors"}
    lines += [
        "Planted effects.",
        "",
        *table(results["planted"], {**known, **more, "covered": "95% interval covers, %"}),
    ]
    lines += [
        "False positives of a contrast, %.",
        "",
        *table(results["corners"], {k: k for k in results["corners"][0]}),
    ]
    lines += ["Bands of scaling laws at 393,000, from 1,000 to 256,000.", ""]
    lines += table(results["bands"], {key: key for key in results["bands"][0]})
    lines += ["Law chosen, %.", "", *table(results["choices"], {key: key for key in results["choices"][0]})]
    mixed = results["mixed"]
    lines += [
        f"Mixed model of gains by size, no effect planted: {mixed['found']:.1f}% of {mixed['simulations']} found.",
        "",
    ]
    return "\n".join(lines)


def figure(results: dict[str, Any], path: Path) -> None:
    """Draws the false positives and the planted effects' bias, one row an effect."""
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    drawing, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
    names = [f"{row['study']}: {row['effect']}"[:60] for row in results["null"]]
    height = range(len(names), 0, -1)
    left.axvspan(3, 7, color="0.9")
    for row, y in zip(results["null"], height, strict=True):
        reach = 196 * sqrt(0.05 * 0.95 / row["simulations"])
        left.plot([row["found"] - reach, row["found"] + reach], [y, y], color="C0", linewidth=1)
        left.plot(row["found"], y, "o", color="C0", markersize=4)
    left.set_yticks(list(height), names, fontsize=7)
    left.set_xlabel("false positives at 5%, % (grey: 3 to 7)")
    right.axvspan(-2, 2, color="0.9")
    by_name = {(row["study"], row["effect"]): row for row in results["planted"]}
    for row, y in zip(results["null"], height, strict=True):
        right.plot(by_name[row["study"], row["effect"]]["bias_in_errors"], y, "o", color="C1", markersize=4)
    right.set_xlabel("bias of planted effects, in standard errors of the mean over simulations")
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(path, dpi=110, metadata={"Software": None})


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=500, help="of each study")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder for planted_effects.json and planted_effects.md")
    parser.add_argument("--figure", type=Path, help="file of a figure")
    options = parser.parse_args(arguments)
    count = options.simulations
    curves = max(count * 2 // 5, 2)
    with ProcessPoolExecutor(options.processes) as pool:
        runs = {
            "null": [pool.submit(study_results, name, False, count) for name in NULL],
            "planted": [pool.submit(study_results, name, True, count) for name in PLANTED],
            "bands": [
                pool.submit(band_results, name, *differ, curves)
                for name in CURVES
                for differ in ((0.0, 0.0), (0.5, 0.2))
            ],
            "choices": [pool.submit(choice_results, name, max(curves // 2, 2)) for name in CURVES],
        }
        corners, mixed = pool.submit(corner_results, count), pool.submit(mixed_results, max(count // 12, 2))
        results = {
            "null": [row for each in runs["null"] for row in each.result()],
            "planted": [row for each in runs["planted"] for row in each.result()],
            "bands": [each.result() for each in runs["bands"]],
            "choices": [each.result() for each in runs["choices"]],
            "corners": corners.result(),
            "mixed": mixed.result(),
        }
    print(text(results))
    if options.out:
        save(options.out, "planted_effects", results, text(results))
    if options.figure:
        figure(results, options.figure)


if __name__ == "__main__":
    main(sys.argv[1:])
