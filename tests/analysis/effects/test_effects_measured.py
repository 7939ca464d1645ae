"""Effects of what was measured of models beside their scores: tokens by language, and failures in MultiCheckList."""

from __future__ import annotations

from itertools import product

import pytest

from harness.analysis.effects.checklist_failures import failure_chart, failure_effects, failures
from harness.analysis.effects.gains import Values
from harness.analysis.effects.language_of_intermediate import analyse
from harness.analysis.effects.observations import Observation
from harness.analysis.effects.size_charts import loss_values
from harness.analysis.effects.tokenizers import token_effects, token_table
from harness.types.studies import Arm, Contrast, Study
from harness.types.units import CHECKLIST

FINE = {"de": 1.2, "es": 1.5, "ru": 2.0, "sw": 2.6, "yo": 3.1}


def seen(model: str, arm: str, language: str, seed: int, score: float, **more: object) -> Observation:
    return Observation(model, arm, "xnli", language, seed, score, **more)  # type: ignore[arg-type]


def test_the_slope_on_tokens_is_the_planted_one_whatever_model_and_task_add() -> None:
    observations = [
        seen("m", "none", code, 1, 50.0, factors={"tokens_per_word": far, "lost_tokens": 0.0})
        for code, far in FINE.items()
    ]
    values = Values(
        {
            ("m", task, code, seed): 5.0 + add - 2.0 * FINE[code] + (0.1 if seed == 1 else -0.1)
            for (task, add), code, seed in product({"xnli": 0.0, "panx": 3.0}.items(), FINE, (1, 2))
        }
        | {("m", "xnli", "zh", 1): 40.0}
    )
    [found] = token_effects(values, observations, "gain")
    assert found.name == "gain by tokens a word" and found.estimate == pytest.approx(-2.0)
    assert found.low == pytest.approx(-2.0) and found.counts == {"tasks": 2, "languages": 5}
    assert not [*token_effects(values, [], "gain")]
    [table] = token_table(observations)
    assert ("m", "yo", 3.1, 0.0) in table.rows and not [*token_table([])]


def test_failures_fall_with_size_and_with_the_arm_as_planted() -> None:
    sizes = {"small": 7.0, "large": 8.0}
    passed = {"none": 40.0, "squad": 60.0}
    observations = [
        seen(model, arm, code, seed, passed[arm] + 10.0 * (size - 7) + (code == "de"), perturbation=CHECKLIST)
        for (model, size), arm, code, seed in product(sizes.items(), passed, ("en", "de", "sw"), (1, 2))
    ]
    found = {each.name: each for each in failure_effects(observations, sizes)}
    assert found["MultiCheckList failures, squad less none"].estimate == pytest.approx(-20.0)
    assert found["MultiCheckList failures, none"].estimate == pytest.approx(54.5)  # de 59 and 49, sw 60 and 50
    assert found["MultiCheckList failures by size, none"].estimate == pytest.approx(-10.0)
    assert not any(place[2] == "en" for values in failures(observations).values() for place in values.numbers)
    [chart] = failure_chart(observations, sizes)
    assert {point["series"] for point in chart.points} == set(passed)
    assert not loss_values(observations) and not [*failure_effects([], sizes)]


def test_distances_of_the_study_take_the_place_of_genealogical_ones() -> None:
    far = {"de": 1.0, "fr": 2.0, "ru": 3.0, "sw": 4.0, "zh": 6.0}
    arms = (
        Arm("none"),
        Arm("nli-es", via=("mnli[es]",), factors={"language": "es", "intermediate": "nli"}),
        Arm("nli-en", via=("mnli",), factors={"language": "en", "intermediate": "nli"}),
    )
    contrasts = (Contrast("es - en", "nli-es", "nli-en"),)
    made = Study("far", 1, models=("m",), tasks=("xnli",), arms=arms, contrasts=contrasts)
    observations = [
        seen("m", arm, code, seed, 50.0 - (1.5 * far[code] if arm == "nli-es" else 0.0) + 0.1 * seed)
        for arm, code, seed in product(("none", "nli-es", "nli-en"), far, (1, 2))
    ]
    name = "gain by distance to the intermediate language"
    distances = {"es": {code: value for code, value in far.items() if code != "zh"}}
    own = Study(**{**vars(made), "distances": distances})
    found = analyse(own, observations, mixed=False)
    [slope] = [each for each in found.effects if each.name == name]
    assert slope.estimate == pytest.approx(-1.5) and slope.counts["languages"] == 4
    assert any("pairs of languages that the study's distances have" in said for said in found.warnings)
    plain = analyse(made, observations, mixed=False)
    assert any("distance is genealogical" in said for said in plain.warnings)
    assert next(each for each in plain.effects if each.name == name).estimate != pytest.approx(-1.5)
