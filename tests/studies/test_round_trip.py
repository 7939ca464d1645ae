"""The control of a round trip, brought as docs/studies.md says: its file is read, and its runs are planned."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from pages import ROOT

from harness.analysis.effects.study_arms import controls_of
from harness.data.access import DataAccess
from harness.registry.registry import Registry
from harness.studies.grid import cells
from harness.studies.stage_plan import check_job, plan_stages
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener


def test_the_plugin_of_the_page_adds_an_arm_that_trains_on_the_users_file(corpus: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n# round_trip\.py\n(.*?)```", page, re.DOTALL)
    assert found is not None
    (tmp_path / "round_trip.py").write_text(found[1], encoding="utf-8")
    registry = Registry([tmp_path / "round_trip.py"])
    registry.check()
    study = replace(registry.study("with-round-trip"), models=("tiny",), tasks=("pawsx[en,es]",), recipe="tiny")
    assert controls_of(study, "nli-es") == ["shuffled", "round-trip"]
    data = tmp_path / "data"
    (data / "round_trip").mkdir(parents=True)
    mnli = registry.intermediate_tasks()["mnli"]
    english = DataAccess(corpus, offline=True).load(mnli, mnli.train)
    rows = [{"premise": each.a, "hypothesis": each.b, "label": each.label} for each in english.examples[:8]]
    (data / "round_trip" / "mnli-es.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    for path in corpus.iterdir():
        (data / path.name).symlink_to(path)
    options = EvalOptions(data_dir=str(data), offline=True, device="cpu")
    [cell] = [each for each in cells(study, tmp_path / "runs", options) if each.arm == "round-trip"]
    job = cell.jobs(registry)[0]
    check_job(job, registry)
    stage = next(plan_stages(job, registry, ProgressListener()).required())
    assert stage.name == "mnli_via_es" and stage.resources["translations_train"]
