"""Every benchmark at a tiny size: both sides run, and give the same answers."""

from __future__ import annotations

from argparse import Namespace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import mining
from benchmarks.measure import Cost, against, run, shares, summary
from benchmarks.paths import PEERS, Contestant, agreement, check, contestants
from benchmarks.report import PHASES, markdown
from benchmarks.work import TINY, Size, prepare, scaled
from harness.cli.main import main
from harness.data.sample import write_sample_corpus


@pytest.fixture(scope="module")
def prepared(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("benchmark")
    write_sample_corpus(folder / "sample", size="tiny")
    return folder, prepare(folder, folder / "sample", minilm, TINY)


def in_this_process(contestant: Contestant) -> None:
    """What the command would do, without starting Python again (but for every language where XTREME does)."""
    _, _, module, *words = contestant.command
    if module == "harness.cli":
        assert main(words) == 0
    elif module.endswith("by_language"):
        import_module(module).main(*words)
    else:
        import_module("benchmarks.peers").main(import_module(module).PEERS, words)


@pytest.mark.parametrize("path", PEERS)
def test_both_sides_do_the_same_work(path: str, prepared: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, work = prepared
    ours = None
    agreed = {}
    for contestant in contestants(path, work, folder, tmp_path, half=False):
        library = contestant.name.replace("-", "_")
        if library in ("sentence_transformers", "mteb") and find_spec(library) is None:
            continue
        in_this_process(contestant)
        answers = contestant.answers()
        ours = ours or answers
        agreed[contestant.name] = check(path, contestant, ours, answers)
        if contestant.name.startswith("harness"):
            phases = contestant.phases()
            assert ({"train"} if path == "training" else {"load", "model", "forward"}) <= phases.keys() <= set(PHASES)
    assert {"harness fp32", "xtreme"} <= agreed.keys()
    if path != "training":
        assert agreed["xtreme"]["same"] == agreed["xtreme"]["of"] > 0


def test_answers_of_a_peer_that_differ_stop_the_benchmark(tmp_path: Path) -> None:
    peer = Contestant("xtreme", [], dict)
    assert check("qa", peer, {"de": ["a", "b"]}, {"de": ["a", "b"]}) == {"same": 2, "of": 2}
    for other in ({"de": ["a", "c"]}, {"de": ["a"]}, {"fr": ["a", "b"]}):
        with pytest.raises(AssertionError):
            check("qa", peer, {"de": ["a", "b"]}, other)
    with pytest.raises(AssertionError):
        check("training", peer, {"losses": [1.0]}, {"losses": [1.2]})
    assert agreement({"de": [["O", "B"]]}, {"de": [["O"]]}) == (1, 2)


def test_ratios_are_taken_turn_by_turn() -> None:
    costs = {"harness fp32": [Cost(1, 2, 3), Cost(10, 20, 3)], "peer": [Cost(2, 8, 5), Cost(30, 40, 6)]}
    table = summary(costs, "harness fp32")
    assert table["peer"]["ratio"]["wall"] == against([2, 30], [1, 10]) == {"median": 2.5, "min": 2, "max": 3}
    assert table["harness fp32"]["ratio"]["cpu"]["max"] == 1
    entry = {name: row | {"same": 1, "of": 2} for name, row in table.items()}
    entry["harness fp32"]["phases"] = shares([1, 10], [{"load": 0.5, "new": 0.6}, {"load": 5.0}])
    machine = {"processor": "p", "threads": 1, "torch": "t", "transformers": "r"}
    page = markdown(
        {
            "machine": machine,
            "model": "m",
            "repeats": 2,
            "paths": {"qa": {"contestants": entry, "left_out": {"x": "why"}}},
        }
    )
    assert page.count("| qa |") == 4 and "2.50 (2.00-3.00)" in page
    assert "| contestant | load data | rest | new |" in page and "| qa | harness fp32 | 50 | 45 | 5 |" in page


def test_a_process_is_measured_and_its_failure_told() -> None:
    import sys

    from benchmarks.measure import Failed

    cost = run([sys.executable, "-c", "print(1)"], 1)
    assert cost.wall > 0 and cost.cpu > 0 and cost.memory > 1
    held = np.ones(200 << 17)  # 200 MiB of ours, which are not the command's
    assert cost.memory < 100 and run([sys.executable, "-c", "print(1)"], 1).memory < held.nbytes / 2**20 / 2
    with pytest.raises(Failed, match="no good"):
        run([sys.executable, "-c", "raise SystemExit('no good')"], 1)


def test_sizes_of_a_smaller_benchmark_are_scaled_down() -> None:
    assert scaled(1.0) == Size()
    assert scaled(0.1).classification == (15, 20) and scaled(0.1).training == 2


def test_mining_finds_what_faiss_finds() -> None:
    pytest.importorskip("faiss")
    foreign, english = mining.vectors(Namespace(foreign=300, english=200, dimension=16, translations=0.3, common=0.0))
    ours = mining.with_harness("bf16", 1 << 20)(foreign, english, 4)
    assert set(map(tuple, ours.tolist())) == set(map(tuple, mining.with_faiss(foreign, english, 4).tolist()))
    assert len(np.unique(ours[:, 0])) == len(ours)
