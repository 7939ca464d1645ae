"""Jobs and results: plain JSON both ways, keys, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import DataError, UnitsFailed, UsageError
from harness.studies.job import Job, JobFiles, JobResources, JobResult, read_job, read_result, write_result
from harness.types.options import EvalOptions
from harness.types.units import PERTURBATIONS

WORDS = st.lists(st.text(max_size=8), max_size=3).map(tuple)
PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
OPTIONS = st.builds(
    EvalOptions,
    split=st.sampled_from(["test", "dev"]),
    via=WORDS,
    select_on=WORDS,
    perturb=st.lists(st.sampled_from(PERTURBATIONS), unique=True).map(tuple),
    train=st.sampled_from(["auto", "never"]),
    overrides=st.dictionaries(st.text(max_size=8), PLAIN, max_size=3),
    limit=st.none() | st.integers(1),
    quant=st.sampled_from(["", "8bit", "4bit"]),
    compiled=st.booleans(),
    data_dir=st.none() | st.text(max_size=8),
)
FIELDS: dict[str, Any] = {
    "name": st.text(max_size=8),
    "model": st.text(max_size=8),
    "out": st.text(max_size=8),
    "benchmark": st.none() | st.text(max_size=8),
    "tasks": WORDS,
    "languages": WORDS,
    "options": OPTIONS,
    "seed": st.none() | st.integers(0),
    "needs": WORDS,
    "resources": st.builds(JobResources, st.integers(0, 8)),
    "plugins": WORDS,
    "disabled": WORDS,
}
JOBS = st.builds(Job, kind=st.just("evaluation"), **FIELDS) | st.builds(
    Job, kind=st.just("stage"), stage=st.text("0123456789abcdef", min_size=1), **FIELDS
)
JOB = Job("one", "evaluation", "tiny", "runs/one", tasks=("xnli",), options=EvalOptions(via=("mnli",)), seed=1)


@given(JOBS)
def test_a_job_is_the_same_after_json_and_so_is_its_key(job: Job) -> None:
    read = Job.from_json(job.to_json())
    assert read == job and read.key == job.key


@settings(max_examples=20)  # each writes a file, and waits for the disk
@given(st.builds(JobResult, st.text(), st.integers(0, 255), st.text(), paths=st.dictionaries(st.text(), st.text())))
def test_a_result_is_the_same_after_its_file(tmp_path_factory: pytest.TempPathFactory, result: JobResult) -> None:
    path = tmp_path_factory.getbasetemp() / "result.json"
    write_result(path, result)
    assert read_result(path) == result


def test_the_key_is_of_what_a_job_does() -> None:
    same = [replace(JOB, name="two"), replace(JOB, needs=("a",)), replace(JOB, resources=JobResources(devices=4))]
    other = [replace(JOB, seed=2), replace(JOB, out="runs/two"), replace(JOB, options=EvalOptions())]
    assert {job.key for job in same} == {JOB.key}
    assert len({JOB.key, *(job.key for job in other)}) == 4
    assert replace(JOB, kind="stage", stage="abc").key == "abc"


def test_the_seed_is_an_override_like_that_of_the_command_line() -> None:
    assert JOB.seeded.overrides == {"seed": 1} and replace(JOB, seed=None).seeded == JOB.options


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "harness-job/2"}, "schema 'harness-job/2', 'harness-job/1' expected"),
        ({"kind": "party"}, "kind: 'evaluation' or 'stage' expected, not 'party'"),
        ({"kind": "stage"}, "names the key of a stage if its kind is 'stage'"),
        ({"seed": True}, "seed: a whole number expected, not True"),
        ({"tasks": "xnli"}, "tasks: a list expected, not 'xnli'"),
        ({"tasks": [1]}, "tasks: a text expected, not 1"),
        ({"modle": "tiny"}, "unknown field 'modle'"),
        ({"options": {"limit": "ten"}}, "options: limit: a whole number expected, not 'ten'"),
        ({"options": {"split": 1}}, "options: split: a text expected, not 1"),
        ({"options": {"train": "sometimes"}}, "options: --train 'sometimes'"),
        ({"options": {"overrides": []}}, "options: overrides: an object expected"),
        ({"resources": 3}, "resources: an object expected, not 3"),
    ],
)
def test_a_file_that_is_no_job_is_refused_by_field(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps({**json.loads(JOB.to_json()), **change}), encoding="utf-8")
    with pytest.raises(DataError) as raised:
        read_job(path)
    assert str(raised.value).startswith(f"{path}: ") and said in str(raised.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"schema": "harness-job/1"}'])
def test_the_torn_text_of_a_job_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"job: (not a job|the field 'name' is missing)"):
        Job.from_json(text)


def test_an_option_that_json_cannot_hold_is_refused() -> None:
    job = replace(JOB, options=EvalOptions(overrides={"lr": float("nan")}))
    with pytest.raises(UsageError, match="'one' cannot be written: nan"):
        job.to_json()


def test_a_torn_or_edited_result_is_none(tmp_path: Path) -> None:
    path = JobFiles.of(JOB, tmp_path).result
    write_result(path, JobResult(JOB.key, 4, "no data"))
    path.write_text(path.read_text().replace('"exit_code": 4', '"exit_code": 0'))
    assert read_result(path) is None
    path.write_text("{")
    assert read_result(path) is None
    path.unlink()
    assert read_result(path) is None


def test_a_result_is_done_where_its_run_is_there_and_an_error_of_its_kind_elsewhere() -> None:
    assert JobResult("k").done and JobResult("k", UnitsFailed.exit_code).done
    failed = JobResult("k", 4, "no data", "fetch it")
    error = failed.error("one: ")
    assert not failed.done
    assert (type(error), str(error), error.hint, error.exit_code) == (DataError, "one: no data", "fetch it", 4)
    assert JobResult("k", 99, "odd").error().exit_code == 1
