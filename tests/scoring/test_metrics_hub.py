"""Metrics of Hugging Face evaluate as ours, and ours as theirs."""

from __future__ import annotations

import pytest

from harness.core.errors import PluginError
from harness.scoring.metrics import as_evaluate, get_metric
from harness.scoring.metrics.base import AdditiveMetric

SCRIPT = """
import datasets
import evaluate


class Share(evaluate.Metric):
    def _info(self):
        features = {"predictions": datasets.Value("TYPE"), "references": datasets.Value("TYPE")}
        return evaluate.MetricInfo(description="", citation="", features=datasets.Features(features))

    def _compute(self, predictions, references, scale=1.0):
        share = sum(a == b for a, b in zip(predictions, references)) / len(references)
        return {"share": float(scale) * share, "seen": len(references), "kind": type(references[0]).__name__}
"""


@pytest.fixture
def scripted(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))

    def write(dtype):
        folder = tmp_path / dtype / "share"
        folder.mkdir(parents=True)
        (folder / "share.py").write_text(SCRIPT.replace("TYPE", dtype), encoding="utf-8")
        return f"evaluate:{folder}"

    return write


def test_a_metric_on_integers_gets_label_strings_as_integers(scripted):
    metric = get_metric(scripted("int64"))
    assert not isinstance(metric, AdditiveMetric)
    assert metric.primary == ("share",)
    values = metric.compute(["entailment", "neutral", "neutral"], ["entailment", "neutral", "contradiction"], "sw")
    assert values == {"share": pytest.approx(2 / 3), "seen": 3}


def test_a_metric_on_strings_gets_strings_and_arguments(scripted):
    name = scripted("string")
    assert get_metric(f"{name}?scale=100").compute(["a", "b"], ["a", "a"], "en")["share"] == 50.0
    assert get_metric(f"{name}#seen").primary == ("seen",)


def test_a_metric_of_the_hub_is_called_by_its_name_alone_or_with_its_owner():
    for name in ("evaluate:f1?average=macro", "evaluate:somebody/f1", "evaluate:somebody/f1/"):
        assert get_metric(name).primary == ("f1",)


def test_a_primary_result_that_is_not_returned_is_a_plugin_error(scripted):
    name = scripted("string")
    with pytest.raises(PluginError, match="'nothing'") as caught:
        get_metric(f"{name}#nothing").compute(["a"], ["a"], "en")
    assert caught.value.hint == f"name the primary result: {name}#share"


def test_a_metric_that_is_not_found_is_a_plugin_error(tmp_path):
    with pytest.raises(PluginError, match="failed"):
        get_metric(f"evaluate:{tmp_path / 'none.py'}").compute(["a"], ["a"], "en")


@pytest.mark.parametrize(
    ("name", "predictions", "references", "language", "expected"),
    [
        ("accuracy", ["a", "b"], ["a", "a"], "en", {"accuracy": 50.0}),
        ("accuracy", [3, 1], [3, 1], "en", {"accuracy": 100.0}),
        ("udpos_f1", [["NOUN", "VERB", "VERB"]], [["NOUN", "NOUN", "VERB"]], "en", {"f1": 0.0}),
        ("mlqa", ["der Hund"], [["Hund"]], "de", {"exact_match": 100.0}),
        ("squad", ["308 points", "x"], [["308"], ["x", "y"]], "en", {"exact_match": 50.0}),
        ("mining_f1", [True, False], [True, True], "en", {"precision": 100.0, "recall": 50.0}),
        ("reciprocal_rank", [["Q1", "Q2"]], [["Q2"]], "en", {"map@20": 50.0}),
    ],
)
def test_our_metrics_work_as_evaluate_metrics(name, predictions, references, language, expected):
    import evaluate

    metric = as_evaluate(name)
    assert isinstance(metric, evaluate.Metric)
    values = metric.compute(predictions=predictions, references=references, language=language)
    assert {key: values[key] for key in expected} == pytest.approx(expected)


def test_of_several_kinds_of_labels_the_first_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    both = "[datasets.Features(features), datasets.Features({n: datasets.Value('string') for n in features})]"
    script = SCRIPT.replace("TYPE", "int64").replace("features=datasets.Features(features)", f"features={both}")
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "kinds.py").write_text(
        script.replace('"seen": len(references)', '"integers": float(isinstance(references[0], int))'), encoding="utf-8"
    )
    found = get_metric(f"evaluate:{tmp_path / 'kinds'}#integers").compute(["yes", "no"], ["yes", "no"], "en")
    assert found == {"share": 1.0, "integers": 1.0}


def test_the_results_that_there_are_stand_in_the_error(scripted):
    with pytest.raises(PluginError, match="returns share, seen, not 'nothing'"):
        get_metric(f"{scripted('string')}#nothing").compute(["a"], ["a"], "en")


def test_a_metric_of_ours_brings_its_description():
    assert "Share of labels that are right" in as_evaluate("accuracy").description
