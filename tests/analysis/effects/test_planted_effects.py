"""The five analyses on simulated studies; ``python -m benchmarks.planted_effects`` draws 500 of each."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from benchmarks.planted_effects import NULL, PLANTED, study_results
from benchmarks.planted_studies import (
    Planted,
    captions_study,
    data_study,
    languages_study,
    resources_study,
    simulate,
    sizes_study,
)
from harness.analysis.effects.data_series import series_of
from harness.analysis.effects.findings import Findings
from harness.analysis.effects.observations import Observation
from harness.types.studies import Arm

FEW = 30


@cache
def analysed(name: str) -> Findings:
    planted = PLANTED[name]()
    return planted.analysis.analyse(planted.study, simulate(planted, 1), mixed=False)


def findings_of(planted: Planted, observations: list[Observation] | None = None) -> Findings:
    return planted.analysis.analyse(planted.study, observations or simulate(planted, 1), mixed=False)


@pytest.mark.parametrize("name", PLANTED)
def test_planted_effects_are_recovered(name: str) -> None:
    truth = PLANTED[name]().truth
    seen = {effect.name: effect for effect in analysed(name).effects}
    assert truth.keys() <= seen.keys()
    for effect, value in truth.items():
        width = (seen[effect].high - seen[effect].low) / 2
        assert abs(seen[effect].estimate - value) < 1.25 * width, effect


@pytest.mark.parametrize("name", NULL)
def test_what_is_not_there_is_seldom_found(name: str) -> None:
    """The bounds are those within which 999 of 1,000 tests with a rate of 5% would lie, whose p-values go together."""
    rows = study_results(name, False, FEW)
    assert rows and sum(row["found"] for row in rows) / len(rows) <= 15
    assert all(row["covered"] >= 80 for row in rows)


def test_intermediate_languages() -> None:
    findings = analysed("languages")
    primary = [effect for effect in findings.effects if effect.primary]
    assert len(primary) == 6 and all(effect.p_corrected is not None for effect in primary)
    said = " ".join(findings.conclusions)
    assert "nli-es scores higher than nli-en" in said
    assert "that it does better than English cannot be laid to its language" in said  # without a round trip
    assert {"gains-nli", "gains-qa", "gains-by-distance", "contrasts-by-size"} <= {
        chart.name for chart in findings.charts
    }
    cells = next(chart for chart in findings.charts if chart.name == "gains-nli").points
    assert {point["y"] for point in cells} == {"en", "es", "ar", "en+es+ar"}


def test_another_language_does_better_only_if_it_beats_its_controls_and_the_round_trip() -> None:
    planted = languages_study(spanish=3.0)
    arms = [*planted.study.arms, replace(planted.study.arms[-1], name="nli-round", factors={"control": "round-trip"})]
    arms = [replace(arm, control_of="") if arm.name == "nli-round" else arm for arm in arms]
    planted = replace(planted, study=replace(planted.study, arms=tuple(arms)))
    gain = planted.gain
    weak = replace(planted, gain=lambda m, arm, t, code: 0.0 if arm == "nli-round" else gain(m, arm, t, code))
    assert any("another language than English can do better" in said for said in findings_of(weak).conclusions)
    strong = replace(planted, gain=lambda m, arm, t, code: 5.0 if arm == "nli-round" else gain(m, arm, t, code))
    assert any("was not shown to beat nli-round" in said for said in findings_of(strong).conclusions)


def test_sizes() -> None:
    findings = analysed("sizes")
    said = " ".join(findings.conclusions)
    assert "the gain is smaller in larger models" in said
    assert "the worst served languages gain less than the mean" in said
    assert "multi: it helps by its task" in said
    assert [effect.hypothesis for effect in findings.effects if effect.primary] == ["H1", "H2", "H3"]
    assert any("one family of models" in warning for warning in findings.warnings)


def test_a_second_family_of_models_replicates() -> None:
    planted = sizes_study(seed_fall=-1.0)
    factors = {m: {**own, "pretraining": "xlm-r"} for m, own in planted.study.model_factors.items()}
    twins = {f"mt5-{m}": {**own, "pretraining": "mt5"} for m, own in planted.study.model_factors.items()}
    study = replace(planted.study, models=(*factors, *twins), model_factors={**factors, **twins})
    first = simulate(planted, 1)
    second = [replace(each, model=f"mt5-{each.model}") for each in simulate(planted, 2)]
    both = [replace(each, factors={**each.factors, **study.model_factors[each.model]}) for each in [*first, *second]]
    findings = planted.analysis.analyse(study, both, mixed=False)
    assert any(said.startswith("Larger models are more robust to the seed") for said in findings.conclusions)
    assert "multi - none: seed deviation by size, mt5" in {effect.name for effect in findings.effects}


def test_perturbed_input_costs_points() -> None:
    planted = sizes_study(seeds=3)
    plain = simulate(planted, 1)
    changed = [replace(each, score=each.score - 4, perturbation="typos") for each in plain]
    findings = findings_of(planted, [*plain, *changed])
    loss = next(effect for effect in findings.effects if effect.name == "loss by typos, none")
    assert loss.estimate == pytest.approx(4.0)
    assert "loss-typos" in {chart.name for chart in findings.charts}


def test_gains_are_put_in_proportion_by_ceilings() -> None:
    planted = resources_study(low=-2.0)
    study, gain = planted.study, planted.gain
    arms = (*study.arms, Arm("ceiling", train_on=("own",), tasks=("one",), factors={"ceiling": True}))
    capped = replace(
        planted,
        study=replace(study, arms=arms),
        gain=lambda m, arm, task, code: 20.0 if arm == "ceiling" else gain(m, arm, task, code),
    )
    seen = {each.name: each for each in findings_of(capped).effects}
    share = next(each for name, each in seen.items() if name.endswith("share of the ceiling"))
    assert share.unit == "% per tenfold size"
    # A fifth of the points that two points are: 100 * -2 / 20.
    assert abs(share.estimate - -10) < 1.25 * (share.high - share.low) / 2 and share.high < 0
    assert not any(each.hypothesis and "ceiling" in name for name, each in seen.items())


def test_a_series_has_the_start_of_its_own_kind_and_stands_beside_the_main_one() -> None:
    planted = data_study(seeds=2)
    study = planted.study
    main = [arm for arm in study.arms if not arm.control_of]
    english = tuple(model for model in study.models if model.endswith("mono"))
    arms = (
        *(replace(arm, factors={"size": 0, **arm.factors, "series": "epochs"}) for arm in main),
        *(
            replace(
                arm,
                name=f"{arm.name}-translated",
                factors={"size": 0, **arm.factors, "series": "translate-test"},
                models=english,
                test_on="translated",
            )
            for arm in main
        ),
    )
    both = replace(planted, study=replace(study, arms=arms))
    gain = planted.gain
    shifted = replace(
        both,
        gain=lambda m, arm, t, code: gain(m, arm.removesuffix("-translated"), t, code) + 7 * arm.endswith("translated"),
    )
    results = [each for each in simulate(shifted, 1) if each.model in english or "translated" not in each.arm]
    assert series_of(shifted.study, results)[1].amounts["none-translated"] == 0
    found = {each.name: each for each in findings_of(shifted, results).effects}
    plain = [each for each in results if "translated" not in each.arm]
    alone = {each.name: each for each in findings_of(shifted, plain).effects}
    assert {name: each.estimate for name, each in alone.items()}.items() <= {
        name: each.estimate for name, each in found.items()
    }.items()
    beside = {name for name in found if "translate-test" in name}
    assert beside == {f"slope on data, translate-test, {model}" for model in english}
    assert all(abs(found[name].estimate - 0.5) < 0.5 and not found[name].primary for name in beside)


def test_intermediate_data() -> None:
    findings = analysed("data")
    said = " ".join(findings.conclusions)
    assert "rise faster with data in multilingual models" in said
    assert "English slopes are alike" in said and "within ±0.2 points per ln unit" in said
    laws = next(table for table in findings.tables if table.name == "laws")
    assert {row[2] for row in laws.rows} == {"score", "dev loss"}
    english = next(effect for effect in findings.effects if effect.hypothesis == "H2")
    assert "one language: the interval is about seeds only" in english.notes


def test_few_amounts_of_data_are_fitted_and_said() -> None:
    planted = data_study(seeds=2)
    kept = [each for each in simulate(planted, 1) if each.arm in ("none", "nli-1000", "nli-4000", "nli-16000")]
    assert any("a law of three parameters needs 5" in warning for warning in findings_of(planted, kept).warnings)


def test_tasks_of_the_same_source_do_not_count_for_slopes_on_data() -> None:
    planted = data_study()
    gain = planted.gain
    biased = replace(
        planted,
        study=replace(planted.study, same_source=(("nli", "one"),)),
        gain=lambda m, arm, task, code: gain(m, arm, task, code) * (9 if task == "one" and m.endswith("multi") else 1),
    )
    found = {each.name: each for each in biased.analysis.hypotheses(biased.study, simulate(biased, 1))}
    slope = found["slope on data, multilingual less English-only models"]
    assert slope.counts["tasks"] == 1 and abs(slope.estimate) < 0.2


def test_low_resource_languages() -> None:
    findings = findings_of(resources_study(low=-2.5, high=0.0))
    assert any("and more than elsewhere" in said for said in findings.conclusions)
    everywhere = findings_of(resources_study(low=-2.5, high=-2.5))
    assert any(said.startswith("Gains diminish with size everywhere") for said in everywhere.conclusions)
    permuted = next(effect for effect in findings.effects if "permuted within scripts" in effect.name)
    assert permuted.p is not None and permuted.p < 0.05
    table = next(table for table in findings.tables if table.name == "languages")
    kinds = {row[0]: row[1] for row in table.rows}
    assert kinds["sw"] == "low" and kinds["de"] == "high" and kinds["af"] == "middle"


def test_languages_that_a_model_saw_little_of_are_low() -> None:
    planted = PLANTED["resources"]()
    factors = {
        m: {**own, "low_resource": ("de", "fr"), "unseen": ("sw",)} for m, own in planted.study.model_factors.items()
    }
    study = replace(planted.study, model_factors=factors)
    table = planted.analysis.analyse(study, simulate(planted, 1), mixed=False).tables[-1]
    kinds = {row[0]: row[1] for row in table.rows}
    assert kinds["de"] == "low" and kinds["yo"] == "high" and kinds["sw"] == "unknown"


def test_captions() -> None:
    findings = analysed("captions")
    assert sum("captions help, beyond their text alone" in said for said in findings.conclusions) == 3
    assert "no latencies were recorded with the runs: whether the models are as fast is open" in findings.warnings


def test_text_exposure_is_told_from_vision() -> None:
    findings = findings_of(captions_study(captions=3.0, masked=3.0))
    assert any("text exposure, not vision" in said for said in findings.conclusions)


def test_better_and_as_fast() -> None:
    planted = captions_study(captions=3.0)
    times = {"none": 10.0, "captions": 10.1}
    timed = [
        replace(each, factors={**each.factors, "latency_ms": times.get(each.arm, 10.0) + 0.01 * each.seed})
        for each in simulate(planted, 1)
    ]
    findings = findings_of(planted, timed)
    assert "base: better and as fast." in findings.conclusions
    chart = next(chart for chart in findings.charts if chart.name == "score-and-latency")
    front = {point["label"] for point in chart.points if point["series"].startswith("on the front")}
    assert any(label.endswith(", captions") for label in front)  # the best of all, whatever it costs
    assert all(point["low"] <= point["y"] <= point["high"] for point in chart.points)
    costs = next(table for table in findings.tables if table.name == "score-and-cost")
    assert {row[1] for row in costs.rows} == {each.arm for each in timed}
    slow = [
        replace(each, factors={"latency_ms": each.factors["latency_ms"] * (1.2 if each.arm == "captions" else 1)})
        for each in timed
    ]
    assert "base: better, but not shown to be as fast." in findings_of(planted, slow).conclusions


@pytest.mark.parametrize("name", NULL)
def test_nothing_at_all_is_said_without_a_traceback(name: str) -> None:
    planted = NULL[name]()
    empty = planted.analysis.analyse(planted.study, [], mixed=False)
    assert not [effect for effect in empty.effects if effect.primary]
    one = [each for each in simulate(planted, 1) if each.seed == 1 and each.language == "de"]
    assert planted.analysis.analyse(planted.study, one, mixed=False).warnings
