"""harness compare: pairing, refusals, tests and corrections, seeds, output."""

from __future__ import annotations

import json
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import labels_text, nli, rewrite, write_run

import harness
from harness.analysis.comparison._significance import McNemar, bootstrap_p, holm, mcnemar, seed_factor, t_quantile
from harness.analysis.comparison.compare import Comparer, Sampled
from harness.cli.main import main
from harness.core.errors import DataError, UsageError
from harness.results.run_view import view
from harness.results.systems import System
from harness.scoring.bootstrap import Items, joint_sums
from harness.scoring.metrics import get_metric

QUICK = {"resamples": 500}


def squad(answers):
    """SQuAD JSON: two questions a passage."""
    paragraphs = [
        {
            "context": f"passage {i} says {answers[i]} and {answers[i + 1]}",
            "qas": [
                {"id": f"q{k}", "question": "?", "answers": [{"text": answers[k], "answer_start": 0}]}
                for k in (i, i + 1)
            ],
        }
        for i in range(0, len(answers), 2)
    ]
    return json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]})


@pytest.fixture
def two(tmp_path):
    """B is better on XNLI; A and B find other pairs in BUCC; on XQuAD they differ in EM and F1."""
    generator = np.random.default_rng(0)
    units = {"a": {"xnli": {}, "bucc2018": {}, "xquad": {}}, "b": {"xnli": {}, "bucc2018": {}, "xquad": {}}}
    for code in ("en", "sw"):
        gold, a, b = nli(generator, 400, 0.6, 0.8)
        units["a"]["xnli"][code], units["b"]["xnli"][code] = (gold, a), (gold, b)
    pairs = [f"de-{i}\ten-{i}" for i in range(6)]
    units["a"]["bucc2018"]["de"] = (labels_text(pairs), labels_text([*pairs[:2], "de-7\ten-9"]))
    units["b"]["bucc2018"]["de"] = (labels_text(pairs), labels_text([*pairs[:5], "de-8\ten-9", "de-9\ten-9"]))
    words = [f"word{i} here" for i in range(8)]
    gold = squad(words)
    units["a"]["xquad"]["en"] = (gold, json.dumps({f"q{i}": f"word{i}" for i in range(8)}))
    units["b"]["xquad"]["en"] = (gold, json.dumps({f"q{i}": words[i] for i in range(8)}))
    return write_run(tmp_path / "a", units["a"]), write_run(tmp_path / "b", units["b"], seed=2)


def test_values_and_differences_are_those_of_the_scorer(two):
    found = harness.compare(two, **QUICK)
    scores = [json.loads((folder / "record.json").read_text())["units"] for folder in two]
    for code in ("en", "sw"):
        values = [score[f"xnli/{code}/test"]["score"]["metrics"]["accuracy"]["value"] for score in scores]
        line = found.tasks["xnli"].languages[code]
        assert line.scores == pytest.approx(values)
        assert line.differences[0].value == pytest.approx(values[1] - values[0])
        assert line.n == 400
    average = found.tasks["xnli"].average
    assert average.differences[0].value == pytest.approx(
        np.mean([line.differences[0].value for line in found.tasks["xnli"].languages.values()])
    )
    assert average.differences[0].low < average.differences[0].value < average.differences[0].high
    assert average.differences[0].significant


def test_mining_pairs_that_one_run_did_not_find_count_for_the_other(two):
    line = harness.compare(two, tasks=["bucc2018"], **QUICK).tasks["bucc2018"].languages["de"]
    assert line.scores == pytest.approx((100 * 4 / 9, 100 * 10 / 13))
    assert line.n == 9  # six gold pairs and three that are not
    assert line.differences[0].test == "bootstrap"


def test_answers_have_a_score_and_its_parts(two):
    line = harness.compare(two, tasks=["xquad"], **QUICK).tasks["xquad"].languages["en"]
    assert set(line.metrics) == {"exact_match", "f1"}
    assert line.metrics["exact_match"].scores == (0.0, 100.0)
    assert line.metrics["f1"].scores == pytest.approx((200 / 3, 100.0))
    assert line.scores == pytest.approx((100 / 3, 100.0))
    # eight questions, but four passages: no test of four can give less than 2 / 2^4
    assert line.differences[0].p == pytest.approx(0.125)


def test_mcnemar_is_used_where_items_are_right_or_wrong(two):
    difference = harness.compare(two, tasks=["xnli[sw]"], **QUICK).tasks["xnli"].languages["sw"].differences[0]
    assert difference.test == "mcnemar"
    a, b = ((folder / "predictions/xnli/test-sw.tsv").read_text().split() for folder in two)
    gold = (two[0] / "labels/xnli/test-sw.tsv").read_text().split()
    only_a = sum(x == g != y for x, y, g in zip(a, b, gold, strict=True))
    only_b = sum(y == g != x for x, y, g in zip(a, b, gold, strict=True))
    assert (difference.mcnemar.only_first, difference.mcnemar.only_second) == (only_a, only_b)
    assert difference.p == difference.mcnemar.mid_p


def test_overall_is_the_mean_over_tasks(two):
    found = harness.compare(two, **QUICK)
    assert found.complete is None
    assert found.overall.differences[0].value == pytest.approx(
        np.mean([task.average.differences[0].value for task in found.tasks.values()])
    )


def test_a_task_averaged_over_its_items_is_compared_over_them(tmp_path):
    """LAReQA's average is over questions: three in English and two in German, of which the second run finds all."""
    runs = []
    for name, found in (("a", ["x", "r"]), ("b", ["r", "x"])):
        units = {}
        for code, count in (("en", 3), ("de", 2)):
            questions = [f"{code}{i}" for i in range(count)]
            ranked = {q: found if code == "de" else ["r"] for q in questions}
            units[code] = tuple(json.dumps(side) for side in ({q: ["r"] for q in questions}, ranked))
        runs.append(write_run(tmp_path / name, {"lareqa": units}))
    task = harness.compare(runs, **QUICK).tasks["lareqa"]
    assert task.languages["de"].differences[0].value == pytest.approx(50)
    assert task.average.scores == pytest.approx((80, 100)) and task.average.differences[0].value == pytest.approx(20)


def test_identical_predictions_are_no_difference(two, tmp_path):
    units = {
        "xnli": {"en": tuple((two[0] / f"{side}/xnli/test-en.tsv").read_text() for side in ("labels", "predictions"))}
    }
    other = write_run(tmp_path / "c", units, seed=3)
    found = harness.compare([two[0], other], **QUICK)
    difference = found.tasks["xnli"].average.differences[0]
    assert (difference.value, difference.low, difference.high, difference.p) == (0, 0, 0, 1)
    assert "bucc2018/de/test" in found.left_out and "only in a" in found.left_out["bucc2018/de/test"]


def test_three_systems_are_held_against_the_first(two, tmp_path):
    generator = np.random.default_rng(0)
    gold, a, b, c = nli(generator, 300, 0.5, 0.6, 0.9)
    folders = [
        write_run(tmp_path / f"s{i}", {"xnli": {"en": (gold, text)}}, seed=i) for i, text in enumerate((a, b, c))
    ]
    line = harness.compare(folders, **QUICK).tasks["xnli"].languages["en"]
    assert [difference.system for difference in line.differences] == ["s1", "s2"]
    ps = [difference.p for difference in line.differences]
    assert [difference.p_holm for difference in line.differences] == pytest.approx(holm(ps))


def change_unit(**values):
    def change(record):
        for unit in record["units"].values():
            unit.update(values)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_unit(data={"fingerprint": "other"}), "xnli/en/test: a and b have different data fingerprints"),
        (change_unit(examples=3), "different numbers of examples"),
        (
            change_unit(task_version=9),
            "different task versions (1, 9): scores of unlike task versions are not compared",
        ),
        (change_unit(provider="else"), "different task plugins"),
    ],
)
def test_unlike_runs_are_refused_in_words(two, change, words):
    rewrite(two[1], change)
    with pytest.raises(DataError, match="have different") as caught:
        harness.compare(two, tasks=["xnli"], **QUICK)
    assert words in str(caught.value) and caught.value.hint


def test_other_labels_are_refused(tmp_path):
    generator = np.random.default_rng(0)
    runs = []
    for name in "ab":
        gold, predicted = nli(generator, 20, 0.5)
        runs.append(write_run(tmp_path / name, {"xnli": {"en": (gold, predicted)}}))
    with pytest.raises(DataError, match="different labels"):
        harness.compare(runs, **QUICK)


def test_other_splits_are_refused_in_words(tmp_path):
    gold, a, b = nli(np.random.default_rng(0), 20, 0.5, 0.5)
    first = write_run(tmp_path / "a", {"xnli": {"en": (gold, a)}})
    second = write_run(tmp_path / "b", {"xnli": {"en": (gold, b)}}, split="dev")
    with pytest.raises(UsageError, match=r"different splits \(a: test, b: dev\)"):
        harness.compare([first, second], **QUICK)


def test_a_version_that_is_not_installed_is_refused(two):
    for folder in two:
        rewrite(folder, change_unit(task_version=0))
    with pytest.raises(DataError, match="version 0 of xnli, but version 1 is installed"):
        harness.compare(two, tasks=["xnli"], **QUICK)


def test_predictions_changed_after_scoring_are_refused(two):
    path = two[0] / "predictions/xnli/test-en.tsv"
    path.write_text(path.read_text().replace("neutral", "entailment", 1))
    with pytest.raises(DataError, match=r"test-en.tsv: not the file that was scored"):
        harness.compare(two, tasks=["xnli[en]"], **QUICK)


def seeds(tmp_path, name, generator, gold, chance, count=3, **changes):
    names = ["contradiction", "entailment", "neutral"]
    folders = []
    for seed in range(count):
        right = generator.random(len(gold)) < chance
        text = labels_text(names[(g + (not r)) % 3] for g, r in zip(gold, right, strict=True))
        units = {"xnli": {"en": (labels_text(names[g] for g in gold), text)}}
        folders.append(write_run(tmp_path / f"{name}{seed}", units, seed=seed, **changes))
    return folders


def test_seeds_are_runs_of_one_system(tmp_path):
    generator = np.random.default_rng(1)
    gold = generator.integers(0, 3, 300)
    a, b = (seeds(tmp_path, name, generator, gold, chance) for name, chance in (("a", 0.5), ("b", 0.8)))
    found = harness.compare([a, b], **QUICK)
    line = found.tasks["xnli"].languages["en"]
    assert found.systems[0].seeds == (0, 1, 2) and found.systems[0].name == "a0,a1,a2"
    values = [
        json.loads((folder / "record.json").read_text())["units"]["xnli/en/test"]["score"]["metrics"]["accuracy"][
            "value"
        ]
        for folder in a
    ]
    assert line.scores[0] == pytest.approx(np.mean(values))
    assert line.seed_deviations[0] == pytest.approx(np.std(values, ddof=1))
    assert line.differences[0].test == "bootstrap" and line.differences[0].mcnemar is None
    assert not any("one training seed" in note for note in found.notes)


def test_runs_of_other_settings_are_not_seeds_of_one_system(tmp_path):
    generator = np.random.default_rng(1)
    gold = generator.integers(0, 3, 30)
    a = seeds(tmp_path, "a", generator, gold, 0.5)
    b = seeds(tmp_path, "b", generator, gold, 0.5, options={"via": ["mnli"]})
    with pytest.raises(UsageError, match=r"not seeds of one system: option via differs \(\[\], \[\"mnli\"\]\)"):
        harness.compare([[a[0], b[1]], a[1]], **QUICK)
    with pytest.raises(UsageError, match="the same run twice"):
        harness.compare([[a[0], a[0]], b[1]], **QUICK)
    copy = seeds(tmp_path, "c", np.random.default_rng(1), gold, 0.5, count=1)
    rewrite(copy[0], lambda record: record.update(units=json.loads((a[0] / "record.json").read_text())["units"]))
    with pytest.raises(UsageError, match="one training"):
        harness.compare([[a[0], copy[0]], b[1]], **QUICK)


def test_intervals_over_seeds_cover_and_those_of_one_seed_do_not():
    """Two systems of one true accuracy, whose runs are lucky or not by the seed."""
    generator = np.random.default_rng(7)
    metric = get_metric("accuracy")
    n, hits, single = 200, [], []
    for _ in range(150):
        runs = []
        for _ in range(10):
            chance = 0.7 + 0.04 * generator.standard_normal()
            runs.append((generator.random(n) < chance).astype(float))
        for kept, chosen, systems in ((hits, runs, 5), (single, runs[4:6], 1)):
            statistics = np.stack([np.stack([run, np.ones(n)], 1) for run in chosen], 1)
            items = Items(metric, [str(i) for i in range(n)], statistics.reshape(n, -1))
            sums = joint_sums([items], "t", 400)[0].reshape(400, len(chosen), 2)
            sampled = Sampled(
                metric.finish(statistics.sum(0))["accuracy"], metric.finish(sums)["accuracy"], (np.arange(n),)
            )
            record = view({}, "")
            comparer = Comparer([System(name, (record,) * systems) for name in "ab"], 400)
            found = comparer.line(sampled).differences[0]
            kept.append(found.low <= 0 <= found.high)
    assert np.mean(hits) > 0.9
    assert np.mean(single) < 0.85


def test_the_bootstrap_rejects_true_null_hypotheses_rarely():
    generator = np.random.default_rng(8)
    metric = get_metric("ner_f1")
    rejected = []
    for _ in range(300):
        gold = generator.poisson(2.0, 120)
        runs = []
        for _ in range(2):
            right = generator.binomial(gold, 0.6)
            runs.append(np.stack([right, right + generator.poisson(0.4, 120), gold, gold, gold], axis=1).astype(float))
        items = Items(metric, [str(i) for i in range(120)], np.concatenate(runs, axis=1))
        sums = joint_sums([items], "t", 500)[0].reshape(500, 2, 5)
        f1 = metric.finish(sums)["f1"]
        rejected.append(bootstrap_p(f1[:, 1] - f1[:, 0], 120) < 0.05)
    assert 0.01 < np.mean(rejected) < 0.10


@pytest.mark.parametrize(
    ("only_first", "only_second", "exact", "mid"),
    [
        (1, 9, 22 / 1024, 12 / 1024),
        (0, 5, 2 / 32, 1 / 32),
        (1, 1, 1.0, 0.75),
        (0, 0, 1.0, 1.0),
        (9, 1, 22 / 1024, 12 / 1024),
    ],
)
def test_mcnemar_equals_values_computed_by_hand(only_first, only_second, exact, mid):
    found = mcnemar(only_first, only_second)
    assert (found.exact, found.mid_p) == pytest.approx((exact, mid))


def test_systems_that_are_right_on_the_same_items_do_not_differ():
    assert mcnemar(0, 0) == McNemar(0, 0, 1.0, 1.0)


@settings(deadline=None)  # scipy is slow to import
@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mcnemar_is_the_binomial_test(only_first, only_second):
    binomtest = pytest.importorskip("scipy.stats").binomtest
    found = mcnemar(only_first, only_second)
    total = only_first + only_second
    if total:
        # scipy gives 0 for what is below some 1e-250: whole numbers decide there
        assert found.exact == pytest.approx(binomtest(only_first, total).pvalue, rel=1e-6, abs=1e-200)
        tail = sum(comb(total, k) for k in range(min(only_first, only_second) + 1))
        assert found.exact == pytest.approx(min(float(Fraction(2 * tail, 2**total)), 1), rel=1e-6, abs=1e-300)
    assert 0 <= found.mid_p <= found.exact


def test_holm_equals_values_computed_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_holm_lies_between_nothing_and_bonferroni(values):
    corrected = holm(values)
    order = np.argsort(values, kind="stable")
    assert all(p <= q <= min(p * len(values), 1) + 1e-12 for p, q in zip(values, corrected, strict=True))
    assert (np.diff(np.array(corrected)[order]) >= 0).all()


def test_the_bootstrap_p_is_never_nothing():
    assert bootstrap_p(np.ones(999), 100) == pytest.approx(2 / 1000)
    assert bootstrap_p(np.ones(999), 3) == 0.25
    assert bootstrap_p(np.zeros(999), 0) == 1.0


def test_the_bootstrap_p_is_twice_the_share_beyond_zero_on_either_side():
    differences = np.array([-1.0] * 30 + [0.0] * 9 + [1.0] * 960)
    assert bootstrap_p(differences, 100) == bootstrap_p(-differences, 100) == pytest.approx(2 * (30 + 9 + 1) / 1000)
    assert bootstrap_p(-np.ones(999), 100) == pytest.approx(2 / 1000)


def test_quantiles_of_the_t_distribution_equal_scipy():
    stdtrit = pytest.importorskip("scipy.special").stdtrit
    for freedom in (*range(1, 30), 100):
        assert t_quantile(freedom) == pytest.approx(stdtrit(freedom, 0.975), rel=1e-3)
    assert seed_factor(3, 4) == pytest.approx((3 / 2) ** 0.5 * 2.776 / 1.96, rel=1e-3)


def run(capsys, *arguments):
    code = main(["compare", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_the_compare_command_prints_tables_by_task_and_language(two, capsys):
    code, out, err = run(capsys, *two, "--resamples", 200)
    assert code == 0
    assert "b against a, by task (means over languages)" in out
    assert "xnli by language (accuracy)" in out
    assert "mcnemar" in out and "one training seed: a, b" in err
    line = next(line for line in out.splitlines() if line.startswith("xnli "))
    assert line.split()[1].startswith("+")  # the effect comes first


def test_the_compare_command_prints_nothing_but_json_when_asked(two, capsys):
    code, out, _ = run(capsys, *two, "--json", "--task", "xnli", "--resamples", 200)
    plain = json.loads(out)
    assert code == 0 and plain["schema"] == "harness-comparison/1" and plain["baseline"] == "a"
    assert set(plain["tasks"]) == {"xnli"}
    difference = plain["tasks"]["xnli"]["languages"]["sw"]["differences"][0]
    assert {"system", "value", "stderr", "low", "high", "p", "p_holm", "test", "mcnemar"} == set(difference)


def test_the_compare_command_prints_markdown_with_names_escaped(two, capsys):
    rewrite(two[1], lambda record: record.update(partial=["<b>|`x`"]))
    code, out, _ = run(capsys, *two, "--markdown", "--task", "xnli", "--resamples", 200)
    assert code == 0
    rows = [line for line in out.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows[:3]}) == 1
    assert "&lt;b&gt;&#124;\\`x\\`" in out and "<b>" not in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["A"], 2, "nothing to compare"),
        (["A", "nowhere"], 4, "not a run folder"),
        (["A", "B", "--json", "--markdown"], 2, "not both"),
        (["A", "B", "--task", "pawsx"], 2, "pawsx"),
        (["A", "A"], 2, "given twice"),
    ],
)
def test_mistakes_in_the_compare_command_are_named_with_their_exit_code(two, capsys, arguments, code, words):
    names = {"A": two[0], "B": two[1]}
    got, _, err = run(capsys, *(names.get(word, word) for word in arguments))
    assert got == code and words in err


def test_a_folder_of_seeds_stands_for_them(tmp_path, capsys):
    generator = np.random.default_rng(0)
    gold = generator.integers(0, 3, 80)
    for name, chance in (("a", 0.5), ("b", 0.8)):
        for seed, folder in enumerate(seeds(tmp_path, name, generator, gold, chance, count=2)):
            (tmp_path / name).mkdir(exist_ok=True)
            folder.rename(tmp_path / name / f"seed-{seed}")
        (tmp_path / name / "seeds.json").write_text('{"seeds": [0, 1]}')
    found = harness.compare([tmp_path / "a", tmp_path / "b"], **QUICK)
    assert [(system.name, system.seeds) for system in found.systems] == [("a", (0, 1)), ("b", (0, 1))]
    apart = harness.compare([[tmp_path / name / f"seed-{seed}" for seed in (0, 1)] for name in "ab"], **QUICK)
    assert found.tasks["xnli"].average.scores == apart.tasks["xnli"].average.scores
    assert main(["report", str(tmp_path / "a")]) == 0
    assert "Over seeds" in capsys.readouterr().out
    for torn in ("", "[]", '{"seeds": 1}', '{"seeds": ["../x"]}'):
        (tmp_path / "a" / "seeds.json").write_text(torn)
        assert main(["report", str(tmp_path / "a")]) == 4
        assert "seeds.json: not a summary" in capsys.readouterr().err


def test_comma_joined_seeds_on_the_command_line(tmp_path, capsys):
    generator = np.random.default_rng(1)
    gold = generator.integers(0, 3, 60)
    a, b = (seeds(tmp_path, name, generator, gold, chance, count=2) for name, chance in (("a", 0.5), ("b", 0.8)))
    code, out, _ = run(capsys, f"{a[0]},{a[1]}", f"{b[0]},{b[1]}", "--resamples", 200)
    assert code == 0 and "b0,b1 against a0,a1" in out and "(sd " in out
