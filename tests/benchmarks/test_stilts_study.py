"""The study of STILTs in small: its data are all there, it has the runs that its page shows, and none in secret."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.stilts_study import MODEL, STUDY, VIA, write_data
from harness.data.access import DataAccess
from harness.evaluation.plan import make_plan
from harness.registry.default import get_registry
from harness.studies.grid import cells

PLUGIN = Path(__file__).parents[2] / "benchmarks/stilts_study.py"


def test_it_is_a_study_of_four_stages_and_none_with_three_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(MODEL).mkdir(parents=True)
    study = get_registry([PLUGIN]).study(STUDY.name)
    study.check()
    found = {cell.arm: cell for cell in cells(study, tmp_path)}
    assert {name: cell.via for name, cell in found.items()} == {"none": (), **VIA}
    assert all(cell.seeds == (1, 2, 3) and cell.model == MODEL for cell in found.values())


def test_the_data_of_all_its_tasks_and_stages_are_written(shared_data: Path, tmp_path: Path) -> None:
    write_data(shared_data, tmp_path)
    registry = get_registry([PLUGIN])
    data = DataAccess.of(registry, str(tmp_path), offline=True)
    for name in ("mnli", "squad", "hellaswag"):
        task = registry.intermediate(name)
        assert len(data.load_once(task, task.train, None).examples) >= 640
    planned = make_plan(registry, data, split="test", tasks=STUDY.tasks)
    assert len(planned) == 4 + 4 + 6 + 12 and all(entry.present for entry in planned)
    dev, test = (
        pq.read_table(tmp_path / f"google/xtreme/PAWS-X.de/{name}-00000-of-00001.parquet")
        for name in ("validation", "test")
    )
    assert dev.equals(test)
