"""The harness beside a plain Trainer script: both read the same excerpt, and the test of equivalence is the textbook's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file
from scipy import stats

from benchmarks.peers.transfer import normal, overlap
from benchmarks.transfer import TARGETS, Target, equivalence, excerpt, one_row, without_chance

pytestmark = pytest.mark.usefixtures("warm_python")


def test_equivalence_is_two_welch_tests_against_the_margins() -> None:
    ours, theirs = [61.0, 63.5, 62.0], [60.0, 62.0, 63.0]
    found = equivalence(ours, theirs, margin=3.0)
    below = stats.ttest_ind(np.add(ours, 3.0), theirs, equal_var=False, alternative="greater").pvalue
    above = stats.ttest_ind(np.subtract(ours, 3.0), theirs, equal_var=False, alternative="less").pvalue
    assert found.difference == pytest.approx(0.5)
    assert found.p == pytest.approx(max(below, above))
    assert equivalence(ours, np.add(ours, 9.0).tolist(), margin=3.0).p > 0.99
    assert equivalence([50.0, 50.0], [50.0, 50.0], margin=3.0).p == 0


def test_the_detectable_margin_is_confirmed_four_times_in_five() -> None:
    rng = np.random.default_rng(1)
    samples = rng.normal(0, 1, (2000, 2, 6))
    margin = (stats.t.ppf(0.95, 10) + stats.t.ppf(0.9, 10)) * (1 / 3) ** 0.5
    confirmed = sum(equivalence(*each.tolist(), margin=margin).p < 0.05 for each in samples)
    assert 0.76 < confirmed / 2000 < 0.88
    needed = [equivalence(*each.tolist(), margin=margin).detectable for each in samples]
    assert np.mean(needed) == pytest.approx(margin, rel=0.05)


def test_the_excerpt_has_the_first_rows_of_every_language(shared_data: Path, tmp_path: Path) -> None:
    excerpt(shared_data, tmp_path, rows=3, train_rows=4)
    xnli = pq.read_table(tmp_path / "google/xtreme/XNLI/test-00000-of-00001.parquet")["language"].to_pylist()
    assert {code: xnli.count(code) for code in xnli} == {"de": 3, "en": 3, "sw": 3, "zh": 3}
    tydiqa = pq.read_table(tmp_path / "google/xtreme/tydiqa/validation-00000-of-00001.parquet")["id"].to_pylist()
    assert sorted({name.partition("-")[0] for name in tydiqa}) == [
        "english", "finnish", "indonesian", "korean", "swahili"
    ]  # fmt: skip
    assert len(tydiqa) == 15
    assert pq.read_metadata(tmp_path / "nyu-mll/glue/mnli/train-00000-of-00001.parquet").num_rows == 4


# XQuAD's contexts are too long for one row of the small tokenizer, and TyDiQA takes the same way.
SHORT = [replace(target, lr=1e-3, epochs=2, warmup=2) for target in TARGETS if target.task != "xquad"]


@pytest.mark.parametrize("target", SHORT, ids=lambda target: target.task)
def test_without_chance_the_trainer_arrives_at_the_same_model_and_scores(
    target: Target, shared_data: Path, small_model: Path, tmp_path: Path
) -> None:
    excerpt(shared_data, tmp_path / "data", rows=20, train_rows=40, fits=one_row(small_model))
    ours, theirs = without_chance(target, small_model, tmp_path / "data", 5, tmp_path)
    own = tmp_path / f"{target.task}-5"
    before, trained = (load_file(next((own / at).glob("*/model.safetensors"))) for at in ("start/stages", "stages"))
    reference = load_file(own / "trained" / "model.safetensors")
    assert trained.keys() == reference.keys()
    moved = {name: float((trained[name] - before[name]).abs().max()) for name in trained}
    most = max(moved.values())
    # A softmax ignores what is added to all its terms, so that some biases have no gradient but rounding.
    learned = [name for name in trained if moved[name] > most / 2 and name != "qa_outputs.bias"]
    assert len(learned) > 0.8 * len(trained)
    apart = max(float((trained[name] - reference[name]).abs().max()) for name in learned)
    assert apart < 0.01 * most, (apart, most)
    languages = {"xnli": 4, "panx": 14, "udpos": 9, "tydiqa": 5}
    assert len(ours) == languages[target.task] and ours == pytest.approx(theirs, abs=1e-9)


def test_the_plain_script_scores_answers_as_squad_does() -> None:
    assert normal("The  Cat, sat!") == "cat sat"
    assert overlap("the black cat", "a black dog") == pytest.approx(0.5)
    assert overlap("", "the") == 1.0
