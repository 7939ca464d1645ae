"""Default analysis of a study: what counts, what stands apart, and what is concluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analysis.effects import contrasts
from harness.analysis.effects.findings import Effect, Findings
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.wording import corrected, verdict
from harness.types.studies import Arm, Contrast, Study

LANGUAGES = ("en", "ar", "de", "es", "fr", "hi", "sw", "th", "ur")
ARMS = (
    Arm("none"),
    Arm("mnli", ("mnli",)),
    Arm("mnli-masked", ("mnli@masked",), control_of="mnli"),
    Arm("mnli-shuffled", ("mnli@shuffled",), control_of="mnli"),
)
STUDY = Study(
    "gains", 1, ("m1", "m2"), tasks=("xnli", "panx"), arms=ARMS, seeds=(1, 2, 3),
    contrasts=(Contrast("mnli - none", "mnli", hypothesis="H1"),),
)  # fmt: skip


def results(gain: Mapping[str, float], noise: float = 0.5, **fields: Any) -> list[Observation]:
    """Scores of the study with a gain for each arm."""
    generator = np.random.default_rng(4)
    return [
        Observation(
            model,
            arm.name,
            task,
            code,
            seed,
            float(60 + gain.get(arm.name, 0.0) + noise * generator.normal()),
            **fields,
        )
        for model in STUDY.models
        for arm in STUDY.arms
        for task in STUDY.tasks
        for seed in STUDY.seeds
        for code in LANGUAGES
    ]


def analyse(observations: Sequence[Observation], study: Study = STUDY) -> Findings:
    return contrasts.analyse(study, observations, mixed=False)


def named(findings: Findings, name: str) -> Effect:
    return next(effect for effect in findings.effects if effect.name == name)


def test_a_gain_that_beats_its_controls_is_the_tasks() -> None:
    findings = analyse(results({"mnli": 3.0}))
    main = named(findings, "mnli - none")
    assert main.primary and main.p_corrected is not None and main.p_corrected < 0.01
    assert main.low < 3 < main.high
    assert main.counts == {"tasks": 2, "languages": 8, "seeds": 3}
    assert any("mnli scores higher than none" in said for said in findings.conclusions)
    assert "mnli: it helps by its task; it beats none, mnli-masked, mnli-shuffled." in findings.conclusions
    assert [effect.primary for effect in findings.effects].count(True) == 1


def test_a_gain_that_a_control_has_as_well_is_not_the_tasks() -> None:
    findings = analyse(results({"mnli": 3.0, "mnli-masked": 3.0}))
    assert "mnli: it was not shown to help by its task; it was not shown to beat mnli-masked." in findings.conclusions


def test_no_difference_is_claimed_only_where_equivalence_is_shown() -> None:
    (alike,) = [said for said in analyse(results({})).conclusions if said.startswith("H1")]
    assert ("no worthwhile difference" in alike and "within ±1.0" in alike) or "within ±0.5" in alike
    (open_,) = [said for said in analyse(results({}, noise=12.0)).conclusions if said.startswith("H1")]
    assert "no evidence of a difference, and equivalence within ±1.0 or ±0.5 was not shown either" in open_
    assert "an effect would have to be" in open_


def test_english_stands_apart() -> None:
    observations = [
        replace(each, score=each.score + 9) if each.language == "en" and each.arm == "mnli" else each
        for each in results({"mnli": 1.0})
    ]
    findings = analyse(observations)
    assert named(findings, "mnli - none").estimate == pytest.approx(1.0, abs=0.3)
    assert named(findings, "mnli - none, with English").estimate == pytest.approx(2.0, abs=0.3)


def test_tasks_of_the_same_source_stand_apart() -> None:
    observations = [
        replace(each, score=each.score + 8) if each.task == "xnli" and each.arm == "mnli" else each
        for each in results({"mnli": 1.0})
    ]
    findings = analyse(observations, replace(STUDY, same_source=(("mnli", "xnli"),)))
    assert named(findings, "mnli - none").estimate == pytest.approx(1.0, abs=0.3)
    assert named(findings, "mnli - none, same-source tasks").estimate == pytest.approx(9.0, abs=0.3)


def test_exploratory_results_are_not_primary() -> None:
    findings = analyse([replace(each, exploratory=each.arm == "mnli") for each in results({"mnli": 3.0})])
    main = named(findings, "mnli - none")
    assert not main.primary and main.p_corrected is None and "exploratory: not in the frozen plan" in main.notes
    assert "not in the frozen plan, so exploratory: mnli" in findings.warnings


def test_degenerate_runs_count_and_are_left_out_beside() -> None:
    observations = results({"mnli": 2.0}, chance=33.3, english_dev=70.0)
    broken = [
        replace(each, score=33.0, english_dev=34.0) if (each.arm, each.seed, each.model) == ("mnli", 1, "m1") else each
        for each in observations
    ]
    findings = analyse(broken)
    assert named(findings, "mnli - none").estimate < 0
    assert named(findings, "mnli - none, without degenerate runs").estimate == pytest.approx(2.0, abs=0.3)
    table = next(table for table in findings.tables if table.name == "degenerate-runs")
    assert ("m1", "mnli", 2, 6, 33.3) in table.rows
    assert any("2 of 48 runs (4%) are degenerate" in said for said in findings.warnings)


def test_too_little_is_said() -> None:
    observations = [
        each for each in results({"mnli": 1.0}, chance=58.0) if each.seed == 1 and each.language in ("de", "en")
    ]
    warnings = " ".join(analyse(observations).warnings)
    assert "fewer than 3 seeds (m1 has 1 seed, m2 has 1 seed)" in warnings
    assert "1 language besides English" in warnings
    assert "within 3 points of chance, which hides gains: panx[de], panx[en]" in warnings
    assert "no run of this study has a score" in analyse([]).warnings[0]
    assert analyse([]).conclusions == ()


def test_a_score_without_the_other_arms_is_left_out_and_said() -> None:
    observations = [each for each in results({"mnli": 1.0}) if (each.arm, each.language) != ("none", "ur")]
    findings = analyse(observations)
    assert named(findings, "mnli - none").counts["languages"] == 7
    assert "mnli - none: 12 scores without the other arm's, left out" in findings.warnings


def test_a_study_without_contrasts_is_compared_with_no_stages() -> None:
    findings = analyse(results({"mnli": 3.0}), replace(STUDY, contrasts=()))
    assert not named(findings, "mnli - none").primary
    assert named(findings, "mnli-masked - none").estimate == pytest.approx(0.0, abs=0.4)


def test_holm_is_over_the_primary_effects() -> None:
    def effect(name: str, p: float | None, primary: bool) -> Effect:
        return Effect(name, "", primary, 1.0, 0.5, 1.5, p, None, "t")

    found = corrected(
        [effect("a", 0.01, True), effect("b", 0.04, True), effect("c", 0.001, False), effect("d", None, True)]
    )
    assert [each.p_corrected for each in found] == [0.02, 0.04, None, None]


def test_an_effect_that_is_found_but_small_is_said_to_be_small() -> None:
    small = Effect("a", "H1", True, 0.3, 0.2, 0.4, 0.001, 0.002, "t", equivalent={"1.0": True})
    assert "better, though smaller than 1.0 points" in verdict(small, "better")


def test_the_mixed_model_stands_beside_the_bootstrap() -> None:
    findings = contrasts.analyse(STUDY, results({"mnli": 3.0}))
    mixed = named(findings, "mnli - none, mixed model")
    assert mixed.method == "mixed model" and not mixed.primary
    assert mixed.estimate == pytest.approx(named(findings, "mnli - none").estimate, abs=1e-6)
