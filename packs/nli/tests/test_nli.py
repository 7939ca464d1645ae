"""The tasks keep the contract of the harness, on made rows in the form of the published files."""

from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness_nli.data import AFRICA, AMERICAS, INDIA, read
from harness_nli.gap import render
from harness_nli.plugin import NLI_WORLD, mean_of_languages

from harness import DataError, get_registry
from harness.testing.pytest_plugin import Contract

ROWS = {
    "premise": ["He came home."] * 12,
    "hypothesis": ["He left.", "He came.", "He ate."] * 4,
    "label": [2, 0, 1] * 4,
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a dozen pairs of each source."""
    for name in (
        "nyu-mll/glue/mnli/train",
        "nyu-mll/glue/mnli/validation_matched",
        "nala-cub/americas_nli/aym/validation",
        "nala-cub/americas_nli/oto/test",
        "Divyanshu/indicxnli/ta/test",
    ):
        path = tmp_path / f"{name}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(ROWS), path)
    for config in ("eng", "hau"):
        path = tmp_path / "masakhane" / "afrixnli" / "data" / config / "test.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f'"He said ""{i}""."\tHe spoke.\t{i % 3}' for i in range(12)]
        path.write_text("\n".join(["premise\thypothesis\tlabel", *lines, ""]), encoding="utf-8")
    return tmp_path


def test_contract(harness_contract: Contract, data: Path) -> None:
    outcomes = harness_contract("nli_world", data_dir=data)
    assert {o.subject for o in outcomes if o.check == "labels"} == {
        f"task {name}" for name in ("americasnli", "afrixnli", "indicxnli")
    }


def test_a_row_of_each_form_becomes_a_pair() -> None:
    pair = read({"_row": 3, "premise": "a", "hypothesis": "b", "label": "neutral"})
    assert (pair.id, pair.a, pair.b, pair.label) == ("3", "a", "b", "neutral")


def test_the_benchmark_has_all_languages_and_one_stage() -> None:
    assert [len(codes) for codes in NLI_WORLD.tasks.values()] == [15, 10, 18, 11]
    assert set(NLI_WORLD.tasks["americasnli"]) == set(AMERICAS) and set(NLI_WORLD.tasks["afrixnli"]) == set(AFRICA)
    assert NLI_WORLD.tasks["indicxnli"] == INDIA
    registry = get_registry()
    stages = {NLI_WORLD.train.get(name, (registry.task(name).train,)) for name in NLI_WORLD.tasks}
    assert stages == {("mnli",)}
    assert registry.languages()["oto"].name == "Otomi"


def test_the_gap_of_a_group_is_counted_from_the_english_of_xnli() -> None:
    def units(**values: float) -> SimpleNamespace:
        return SimpleNamespace(
            units={code: SimpleNamespace(score=SimpleNamespace(value=v)) for code, v in values.items()}
        )

    run = SimpleNamespace(
        name="r", tasks={"xnli": units(en=80.0, sw=60.0), "afrixnli": units(en=70.0, sw=50.0, am=40.0)}
    )
    lines = render([run]).splitlines()
    assert lines[1:3] == ["r\tEnglish\txnli\t1\t80.0\t", "r\tall\tall\t3\t50.0\t30.0"]
    assert "r\tscript\tLatn\t2\t55.0\t25.0" in lines and "r\tscript\tEthi\t1\t40.0\t40.0" in lines
    assert "r\tfamily\tNiger-Congo\t2\t55.0\t25.0" in lines
    assert "r\tresource class\t2\t2\t55.0\t25.0" in lines and "r\tresource class\tunknown\t1\t40.0\t40.0" in lines
    with pytest.raises(DataError, match="English of XNLI"):
        render([SimpleNamespace(name="r", tasks={})])


def test_the_overall_score_counts_every_language_of_every_task_once() -> None:
    def task(*values: float) -> SimpleNamespace:
        languages = {str(place): SimpleNamespace(value=value) for place, value in enumerate(values)}
        return SimpleNamespace(primary=("accuracy",), metrics={"accuracy": SimpleNamespace(languages=languages)})

    assert mean_of_languages({"xnli": task(90.0), "americasnli": task(40.0, 30.0, 40.0)}) == 50.0
