"""Scores from files: the official scorer's own values, uncertainty, aggregation, and the command."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from harness.cli.main import main
from harness.core.errors import DataError
from harness.scoring import intervals
from harness.scoring.aggregate import aggregate
from harness.scoring.files import TaskScorer, estimate, item_statistics, score_folders, score_unit
from harness.scoring.formats.answers import Answers
from harness.scoring.formats.labels import Labels
from harness.scoring.formats.pairs import Pairs
from harness.scoring.formats.rankings import Rankings
from harness.scoring.formats.rows import Rows
from harness.scoring.formats.tags import Tags
from harness.scoring.intervals import cluster_sums, percentiles, resampled_sums, wilson
from harness.scoring.metrics import get_metric
from harness.scoring.scores import Estimate, UnitScore
from harness.types.benchmarks import Benchmark

UPOS = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
IOB2 = ("O", *(f"{prefix}-{kind}" for prefix in "BI" for kind in ("PER", "ORG", "LOC")))
SCORERS = {
    name: TaskScorer(name, get_metric(metric), form, labels)
    for name, metric, form, labels in (
        ("pawsx", "accuracy", Labels(), ("0", "1")),
        ("xnli", "accuracy", Labels(), ("contradiction", "entailment", "neutral")),
        ("panx", "ner_f1", Tags(), IOB2),
        ("udpos", "udpos_f1", Tags(), UPOS),
        ("bucc2018", "mining_f1", Pairs(), ()),
        ("tatoeba", "accuracy", Rows(), ()),
        ("xquad", "squad", Answers(), ()),
        ("mlqa", "mlqa", Answers(), ()),
        ("tydiqa", "squad", Answers(), ()),
        ("mewslix", "reciprocal_rank", Rankings(), ()),
    )
}
MEWSLIX = Benchmark("mewslix", 1, "", {"mewslix": tuple("ar de en es fa ja pl ro ta tr uk".split())}, {}, "")
close = pytest.approx


def near(value):
    return pytest.approx(value, abs=1e-9)


@pytest.fixture(scope="session")
def xtreme():
    from harness_plugins.benchmarks import XTREME

    return XTREME


@pytest.fixture(scope="session")
def mock(shared_data):
    return shared_data / "xtreme_mock"


@pytest.fixture
def copy(mock, tmp_path):
    """A writable copy of the official scorer's mock data, without Mewsli-X."""
    for side in ("predictions", "labels"):
        shutil.copytree(mock / side, tmp_path / side, ignore=shutil.ignore_patterns("mewslix"))
    for path in [tmp_path, *tmp_path.rglob("*")]:
        path.chmod(path.stat().st_mode | 0o200)
    return tmp_path


# the official scorer's own values


def test_xtreme_has_all_tasks_languages_and_groups(xtreme):
    sizes = {name: len(codes) for name, codes in xtreme.tasks.items()}
    assert sizes == {
        "pawsx": 7, "xnli": 15, "panx": 40, "udpos": 33, "bucc2018": 4, "tatoeba": 36,
        "xquad": 11, "mlqa": 7, "tydiqa": 9,
    }  # fmt: skip
    assert all(len(set(codes)) == len(codes) for codes in xtreme.tasks.values())
    assert sorted(name for group in xtreme.groups.values() for name in group) == sorted(xtreme.tasks)
    assert len({code for codes in xtreme.tasks.values() for code in codes}) == 40
    assert set(xtreme.tasks["tatoeba"]) == set(xtreme.tasks["panx"]) - {"en", "ms", "my", "yo"}


@pytest.fixture(scope="session")
def official(mock, xtreme):
    return score_folders(mock / "predictions", mock / "labels", xtreme, SCORERS.__getitem__)


@pytest.mark.parametrize(
    ("task", "averages"),
    [
        ("pawsx", {"accuracy": 51.42857142857143}),
        ("xnli", {"accuracy": 30.666666666666668}),
        ("panx", {"f1": 57.50793650793652, "precision": 54.729166666666664, "recall": 62.750000000000014}),
        ("udpos", {"f1": 70.21746048354693, "precision": 71.02232625883823, "recall": 69.54982073976082}),
        ("bucc2018", {"f1": 55.0}),
        ("tatoeba", {"accuracy": 53.611111111111114}),
        ("xquad", {"exact_match": 77.27272727272727, "f1": 79.9586776859504}),
        ("mlqa", {"exact_match": 57.142857142857146, "f1": 81.76870748299321}),
        ("tydiqa", {"exact_match": 88.88888888888889, "f1": 97.22222222222223}),
    ],
)
def test_scores_of_tasks_equal_the_official_scorer(official, task, averages):
    scored = official.tasks[task]
    assert {name: scored.metrics[name].average for name in averages} == near(averages)
    assert scored.score == near(np.mean([averages[name] for name in SCORERS[task].metric.primary]))


def test_scores_of_groups_and_overall_equal_the_official_scorer(official):
    assert official.groups == near(
        {
            "classification": 41.04761904761905,
            "tagging": 63.862698495741725,
            "qa": 80.37568011593986,
            "retrieval": 54.30555555555556,
        }
    )
    assert official.overall == near(62.17319850507248)
    assert not official.missing


def test_the_score_of_mewslix_equals_the_official_scorer(mock):
    scored = score_folders(mock / "predictions", mock / "labels", MEWSLIX, SCORERS.__getitem__)
    assert scored.overall == near(14.39025156130419)


def test_scores_of_xtreme_r_tasks_equal_the_official_scorer(mock):
    """The tasks of XTREME-R whose languages are all in the official mock data, with the official values."""
    from functools import partial

    from harness.registry.default import get_registry

    registry = get_registry()
    benchmark = registry.benchmark("xtreme-r")
    golden = {
        "xnli": 30.666666666666668,
        "mlqa": (57.142857142857146 + 81.76870748299321) / 2,
        "tydiqa": (88.88888888888889 + 97.22222222222223) / 2,
        "mewslix": 14.39025156130419,
    }
    selection = {name: benchmark.tasks[name] for name in golden}
    scorer = partial(TaskScorer.of, registry)
    scored = score_folders(mock / "predictions", mock / "labels", benchmark, scorer, selection)
    assert {name: task.score for name, task in scored.tasks.items()} == near(golden)
    assert scored.overall is None and set(scored.groups.values()) == {None} and scored.gap is None
    assert set(scored.missing) == set(benchmark.tasks) - set(golden)


def test_the_average_transfer_gap_is_the_mean_over_tasks_with_an_english_test_set(official):
    """The mean over the seven tasks that have an English test set; retrieval has none."""
    gaps = []
    for task in official.tasks.values():
        values = {code: task.language_score(code) for code in next(iter(task.metrics.values())).languages}
        if "en" in values:
            gaps.append(values.pop("en") - np.mean(list(values.values())))
    assert len(gaps) == 7 and official.gap == near(np.mean(gaps))


def test_scores_as_json_keep_their_documented_structure(official):
    plain = json.loads(json.dumps(official.to_dict(), allow_nan=False))
    assert set(plain) == {
        "benchmark", "overall", "groups", "tasks", "transfer_gap", "average_transfer_gap", "intervals"
    }  # fmt: skip
    assert plain["benchmark"] == "xtreme"
    assert set(plain["tasks"]["xquad"]) == {"score", "metrics"}
    metric = plain["tasks"]["xquad"]["metrics"]["exact_match"]
    assert set(metric) == {"average", "languages"}
    assert metric["average"] == near(np.mean(list(metric["languages"].values())))
    assert plain["intervals"]["xnli"]["accuracy"]["sw"] == close([5.6682, 50.9838], abs=1e-3)


def test_registered_tasks_score_the_mock_data_as_the_official_ones_do(mock, xtreme, official):
    """The tasks' own metrics, formats and label sets, as the registry has them."""
    from functools import partial

    from harness.registry.default import get_registry

    scored = score_folders(mock / "predictions", mock / "labels", xtreme, partial(TaskScorer.of, get_registry()))
    assert scored.to_dict() == official.to_dict()


# uncertainty


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_equal_the_published_table(right, n, low, high):
    """Newcombe (1998), Statistics in Medicine 17, table I, method 3."""
    assert wilson(right / n, n) == close((low, high), abs=5e-5)


def test_accuracy_gets_the_wilson_interval():
    metric = get_metric("accuracy")
    found = estimate(metric, metric.statistics(["a"] * 20, ["a"] * 15 + ["b"] * 5, "en"), None)["accuracy"]
    low, high = wilson(0.75, 20)
    assert (found.low, found.high) == close((100 * low, 100 * high))
    assert found.stderr == close(100 * (0.75 * 0.25 / 20) ** 0.5)


def test_accuracy_of_sentences_is_bootstrapped():
    metric = get_metric("accuracy")
    gold, predicted = [["A"] * 10, ["A"] * 2] * 10, [["A"] * 10, ["B"] * 2] * 10
    found = estimate(metric, metric.statistics(gold, predicted, "en"), None)["accuracy"]
    low, high = wilson(100 / 120, 120)
    assert found.value == close(100 * 100 / 120)
    assert (found.low, found.high) != close((100 * low, 100 * high), abs=0.5)


@pytest.mark.parametrize("wrong", [{1}, {0, 1}, set(range(0, 20, 2))])
def test_the_interval_of_sentences_is_a_bootstrap_where_each_is_all_right_or_all_wrong(wrong):
    """Sentences of unlike lengths are no plain proportion, nor are those of which some are partly right."""
    metric = get_metric("accuracy")
    gold = [["A"] * (2 + number) for number in range(20)]
    for partly in (False, True):
        predicted = [["B"] * len(tags) if number in wrong else tags for number, tags in enumerate(gold)]
        predicted[7] = ["B", *gold[7][1:]] if partly else predicted[7]
        table = metric.statistics(gold, predicted, "en")
        found = estimate(metric, table, None)["accuracy"]
        drawn = percentiles(metric.finish(resampled_sums(table))["accuracy"])
        assert (found.stderr, found.low, found.high) == drawn


def test_clusters_are_drawn_whole():
    """Questions of one paragraph stand and fall together: ten copies of each carry no more information than one."""
    metric = get_metric("squad")
    gold, predicted = [["x"]] * 40, ["x"] * 25 + ["y"] * 15
    single = metric.statistics(gold, predicted, "en")
    tenfold = np.repeat(single, 10, axis=0)
    alone = estimate(metric, single, list(range(40)))["f1"]
    clustered = estimate(metric, tenfold, [row // 10 for row in range(400)])["f1"]
    apart = estimate(metric, tenfold, None)["f1"]
    assert clustered == alone
    assert apart.stderr < clustered.stderr / 2
    assert estimate(metric, single, list(range(40)))["exact_match"] == alone


def test_statistics_of_a_cluster_are_the_sums_of_its_items():
    table = np.arange(8.0).reshape(4, 2)
    assert cluster_sums(table, [5, 0, 5, 0]).tolist() == [[2 + 6, 3 + 7], [0 + 4, 1 + 5]]


def test_bootstrap_agrees_with_theory_and_repeats():
    generator = np.random.default_rng(1)
    right = (generator.random(400) < 0.7).astype(float)
    table = np.stack([right, np.ones(400)], axis=1)
    sums = resampled_sums(table)
    assert sums.shape == (1000, 2)
    assert (sums[:, 1] == 400).all()
    stderr, low, high = percentiles(100 * sums[:, 0] / sums[:, 1])
    p = right.mean()
    assert stderr == close(100 * (p * (1 - p) / 400) ** 0.5, rel=0.1)
    assert (low, high) == close(tuple(100 * bound for bound in wilson(p, 400)), abs=0.7)
    assert np.array_equal(sums, resampled_sums(table))


def test_bootstrap_in_slices_is_the_same(monkeypatch):
    table = np.random.default_rng(2).integers(0, 5, size=(50, 3)).astype(float)
    whole = resampled_sums(table)
    monkeypatch.setattr(intervals, "_CELLS", 333)
    assert np.array_equal(resampled_sums(table), whole)


def test_one_item_has_no_interval():
    metric = get_metric("squad")
    found = estimate(metric, metric.statistics([["x"]], ["x"], "en"), [0])
    assert found["f1"] == Estimate(100.0)


def test_unit_scores_survive_json(mock):
    score = SCORERS["mlqa"].score(mock / "predictions", mock / "labels", "de")
    again = UnitScore.from_dict(json.loads(json.dumps(score.to_dict())))
    assert again == score


def test_statistics_of_items_sum_to_the_score_of_their_unit(mock):
    scorer = SCORERS["udpos"]
    paths = [scorer.format.path(mock / side, "udpos", "de") for side in ("predictions", "labels")]
    aligned, table = item_statistics(scorer.metric, scorer.format, "de", *paths, UPOS)
    assert len(aligned.ids) == len(table)
    whole = scorer.score(mock / "predictions", mock / "labels", "de")
    assert float(scorer.metric.finish(table.sum(axis=0))["f1"]) == near(whole.metrics["f1"].value)


@pytest.mark.parametrize("task", ["panx", "udpos"])
def test_the_chunk_scores_of_a_unit_are_those_of_seqeval_and_its_interval_that_of_the_sums(mock, monkeypatch, task):
    """What the library says is what is reported: a number put in its place comes out, and nothing else changes."""
    from seqeval.metrics import sequence_labeling

    before = SCORERS[task].score(mock / "predictions", mock / "labels", "de").metrics
    monkeypatch.setattr(sequence_labeling, "precision_recall_fscore_support", lambda *a, **k: (0.5, 0.25, 0.125, 1))
    after = SCORERS[task].score(mock / "predictions", mock / "labels", "de").metrics
    assert {name: after[name].value for name in ("precision", "recall", "f1")} == {
        "precision": 50.0, "recall": 25.0, "f1": 12.5,
    }  # fmt: skip
    assert after["accuracy"] == before["accuracy"]
    assert [(e.low, e.high, e.stderr) for e in after.values()] == [(e.low, e.high, e.stderr) for e in before.values()]


def test_metrics_without_statistics_have_values_on_their_own_scale(tmp_path, monkeypatch):
    metric = get_metric("evaluate:accuracy")
    monkeypatch.setattr(metric, "compute", lambda gold, predicted, language: {"accuracy": 0.5})
    for name in ("p.tsv", "l.tsv"):
        (tmp_path / name).write_text("0\n1\n")
    score = score_unit("qqp", metric, Labels(), "en", tmp_path / "p.tsv", tmp_path / "l.tsv", ())
    assert score.metrics == {"accuracy": Estimate(0.5, 0.0, 0.5, 0.5, scale="0-1")} and score.items is None


# aggregation

PAIR = Benchmark("b", 1, "", {"x": ("en", "sw", "de"), "y": ("sw",)}, {"g": ("x", "y"), "h": ("y",)}, "")


def unit(**values):
    return UnitScore(10, {name: Estimate(value) for name, value in values.items()})


def test_averages_and_transfer_gaps_equal_values_computed_by_hand():
    scores = {
        "x": {"en": unit(em=90.0, f1=96.0), "sw": unit(em=50.0, f1=60.0), "de": unit(em=70.0, f1=90.0)},
        "y": {"sw": unit(acc=40.0)},
    }
    scored = aggregate(PAIR, scores, {"x": ("em", "f1"), "y": ("acc",)})
    assert scored.tasks["x"].metrics["em"].average == close(70)
    assert scored.tasks["x"].metrics["f1"].average == close(82)
    assert scored.tasks["x"].score == close(76)
    assert scored.tasks["x"].gap == close({"em": 30, "f1": 21, "score": 25.5})
    assert scored.tasks["x"].language_score("sw") == close(55)
    assert scored.tasks["y"].gap == {}
    assert scored.overall == close(58)
    assert scored.groups == close({"g": 58, "h": 40})


def test_a_task_may_be_averaged_over_items():
    """Languages weigh as many items as they have, the whole and what is there of it alike; the gap knows no items."""
    few, many = UnitScore(10, {"map": Estimate(90.0)}), UnitScore(30, {"map": Estimate(50.0)})
    scores = {"x": {"en": few, "sw": many, "de": many}}
    scored = aggregate(PAIR, scores, {"x": ("map",)}, by_item=["x"]).tasks["x"]
    assert scored.score == close((900 + 1500 + 1500) / 70) and scored.gap["map"] == close(40)
    partial = aggregate(PAIR, {"x": {"en": few, "sw": many}}, {"x": ("map",)}, by_item=["x"]).tasks["x"]
    assert partial.score is None and partial.partial == close(60)


def test_nothing_is_averaged_over_missing_languages():
    scored = aggregate(
        PAIR,
        {"x": {"en": unit(acc=90.0), "sw": unit(acc=50.0)}, "y": {"sw": unit(acc=40.0)}},
        {"x": ("acc",), "y": ("acc",)},
    )
    assert scored.tasks["x"].score is None
    assert scored.tasks["x"].metrics["acc"].average is None
    assert scored.tasks["x"].partial == close(70)
    assert scored.tasks["x"].gap == {}
    assert scored.missing == {"x": ("de",)}
    assert scored.overall is None
    assert scored.groups == {"g": None, "h": 40.0}
    plain = scored.to_dict()
    assert plain["missing"] == {"x": ["de"]}
    assert plain["tasks"]["x"]["metrics"]["acc"] == {
        "average": None,
        "partial": close(70),
        "languages": {"en": 90.0, "sw": 50.0},
    }


def test_languages_outside_the_benchmark_do_not_count():
    scored = aggregate(PAIR, {"y": {"sw": unit(acc=40.0), "en": unit(acc=90.0)}}, {"y": ("acc",)})
    assert scored.tasks["y"].score == 40.0
    assert set(scored.tasks) == {"y"}


def test_a_selection_has_no_overall_score():
    chosen = Benchmark("", 0, "selected tasks", {"y": ("sw",)}, {}, "")
    scored = aggregate(chosen, {"y": {"sw": unit(acc=40.0)}}, {"y": ("acc",)})
    assert (scored.benchmark, scored.overall, scored.tasks["y"].score) == (None, None, 40.0)


# folders


def test_every_listed_language_must_be_there(copy, xtreme):
    (copy / "predictions" / "xnli" / "test-sw.tsv").unlink()
    (copy / "labels" / "panx" / "test-en.tsv").unlink()
    with pytest.raises(DataError, match="2 files") as caught:
        score_folders(copy / "predictions", copy / "labels", xtreme, SCORERS.__getitem__)
    assert str(copy / "predictions" / "xnli" / "test-sw.tsv") in str(caught.value)
    assert str(copy / "labels" / "panx" / "test-en.tsv") in str(caught.value)


def test_files_and_hidden_folders_beside_the_tasks_are_none_of_them(copy, xtreme):
    before = score_folders(copy / "predictions", copy / "labels", xtreme, SCORERS.__getitem__)
    for side in ("predictions", "labels"):
        (copy / side / "README.md").write_text("how they were made")
        (copy / side / ".git").mkdir()
    assert score_folders(copy / "predictions", copy / "labels", xtreme, SCORERS.__getitem__) == before


def test_a_task_on_one_side_only_is_left_out_with_a_warning(copy, xtreme):
    shutil.rmtree(copy / "predictions" / "xnli")
    shutil.rmtree(copy / "labels" / "mlqa")
    (copy / "predictions" / "xnil").mkdir()
    scored = score_folders(copy / "predictions", copy / "labels", xtreme, SCORERS.__getitem__)
    assert scored.overall is None
    assert scored.groups["classification"] is None
    assert scored.groups["tagging"] == near(63.862698495741725)
    assert set(scored.missing) == {"xnli", "mlqa"}
    assert any(warning.startswith("xnli: no predictions") for warning in scored.warnings)
    assert any(warning.startswith("mlqa: no labels") for warning in scored.warnings)
    assert any("xnil" in warning for warning in scored.warnings)


def test_nothing_in_common_is_an_error(tmp_path, xtreme):
    for side in ("predictions", "labels"):
        (tmp_path / side).mkdir()
    with pytest.raises(DataError, match="no task of xtreme"):
        score_folders(tmp_path / "predictions", tmp_path / "labels", xtreme, SCORERS.__getitem__)
    with pytest.raises(DataError, match="no such folder"):
        score_folders(tmp_path / "none", tmp_path / "labels", xtreme, SCORERS.__getitem__)


# the command


def score(capsys, *arguments):
    code = main(["score", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_score_command_prints_nothing_but_json_when_asked(mock, capsys):
    code, out, err = score(capsys, "--predictions", mock / "predictions", "--labels", mock / "labels", "--json")
    assert code == 0
    assert json.loads(out)["overall"] == near(62.17319850507248)
    assert "mewslix" in err


def test_the_score_command_prints_tables_by_task_and_language(mock, capsys):
    arguments = ["--predictions", mock / "predictions", "--labels", mock / "labels"]
    code, out, _ = score(capsys, *arguments, "--benchmark", "xtreme")
    assert code == 0
    assert "overall xtreme: 62.2" in out
    assert any(line.split()[:3] == ["udpos", "33", "70.2"] for line in out.splitlines())
    assert any(line.split()[0] == "yo" for line in out.splitlines() if line.strip())


def test_command_narrows_to_tasks_and_languages(mock, capsys):
    arguments = ["--predictions", mock / "predictions", "--labels", mock / "labels", "--json"]
    code, out, _ = score(capsys, *arguments, "--task", "pawsx", "--task", "xnli[sw,en]")
    found = json.loads(out)
    assert code == 0
    assert found["tasks"]["pawsx"]["score"] == near(51.42857142857143)
    assert found["tasks"]["xnli"]["score"] is None
    assert set(found["tasks"]["xnli"]["metrics"]["accuracy"]["languages"]) == {"en", "sw"}
    assert found["overall"] is None
    assert "panx" in found["missing"]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (lambda root: (root / "predictions/xnli/test-sw.tsv").unlink(), 4, "xnli/test-sw.tsv"),
        (lambda root: (root / "predictions/udpos/test-th.tsv").write_bytes(b"NOUN\n\xff\n"), 4, "test-th.tsv:2"),
        (lambda root: (root / "predictions/mlqa/test-de.json").write_text('{"a":'), 4, "test-de.json:1"),
        (lambda root: shutil.rmtree(root / "labels"), 4, "no such folder"),
    ],
)
def test_the_score_command_names_wrong_files(copy, capsys, change, code, message):
    change(copy)
    found, out, err = score(capsys, "--predictions", copy / "predictions", "--labels", copy / "labels", "--json")
    assert (found, out) == (code, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--predictions", "p"],
        ["run", "--labels", "l"],
        ["--predictions", "p", "--labels", "l", "--benchmark", "xtrem"],
        ["--predictions", "p", "--labels", "l", "--task", "xnl"],
    ],
)
def test_the_score_command_names_wrong_usage(capsys, arguments):
    code, out, err = score(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "error: " in err


def write_record(folder, **values):
    (folder / "record.json").write_text(json.dumps({"schema": "harness-record/1", **values}))


def test_command_scores_a_run_as_far_as_it_is(copy, capsys):
    write_record(copy, benchmark="xtreme", options={"split": "test"})
    (copy / "predictions" / "xnli" / "test-sw.tsv").unlink()
    (copy / "labels" / "tatoeba" / "test-de.tsv").unlink()
    code, out, err = score(capsys, copy, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["overall"] is None
    assert found["missing"] == {"xnli": ["sw"], "tatoeba": ["de"]}
    assert found["groups"]["qa"] == near(80.37568011593986)
    assert found["tasks"]["xnli"]["score"] is None
    assert "tatoeba: predicted but without labels, not scored: de" in err
    code, out, _ = score(capsys, copy)
    assert code == 0
    assert "missing: xnli[sw]  tatoeba[de]" in out


def test_command_scores_a_run_without_a_benchmark(copy, capsys):
    write_record(copy, benchmark=None, options={"split": "test"})
    for side in ("predictions", "labels"):
        for folder in (copy / side).iterdir():
            if folder.name not in ("xnli", "pawsx"):
                shutil.rmtree(folder)
    code, out, _ = score(capsys, copy, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["benchmark"], found["overall"], found["groups"]) == (None, None, {})
    assert found["tasks"]["xnli"]["score"] == near(30.666666666666668)
    _, out, _ = score(capsys, copy, "--benchmark", "xtreme", "--json")
    assert json.loads(out)["groups"]["classification"] == near(41.04761904761905)


def test_command_scores_the_split_of_the_run(copy, capsys):
    write_record(copy, benchmark=None, options={"split": "dev"})
    assert score(capsys, copy)[0] == 4
    for side in ("predictions", "labels"):
        path = copy / side / "pawsx" / "test-de.tsv"
        path.rename(path.with_name("dev-de.tsv"))
    code, out, _ = score(capsys, copy, "--json")
    assert code == 0
    assert list(json.loads(out)["tasks"]) == ["pawsx"]


def test_the_score_command_refuses_a_folder_without_a_record(tmp_path, capsys):
    code, _, err = score(capsys, tmp_path)
    assert code == 4
    assert "record.json" in err
