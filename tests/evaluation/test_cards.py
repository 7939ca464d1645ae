"""A checkpoint has a model card, and the runs that score it add their numbers."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import ModelCard
from own_task import PLUGIN, write_data

from harness import EvalOptions, Registry, evaluate


def test_a_run_writes_its_scores_into_the_card_of_the_checkpoint(tmp_path: Path, small_model: Path) -> None:
    (tmp_path / "own.py").write_text(PLUGIN)
    registry = Registry([tmp_path / "own.py"])
    options = EvalOptions(
        data_dir=str(write_data(tmp_path / "data")),
        offline=True,
        device="cpu",
        recipe="tiny",
        overrides={"max_steps": 2},
    )
    run = evaluate(str(small_model), ["mine"], out=tmp_path / "run", options=options, registry=registry)
    (stage,) = run.record["stages"]
    (path,) = (tmp_path / "stages").glob("mine-*/README.md")
    card = ModelCard(path.read_text(encoding="utf-8"))
    assert card.data.language == ["en"] and card.data.pipeline_tag == "text-classification"
    assert card.data.base_model is None  # a folder is no model of the Hub
    assert "CC0 1.0" in card.text and stage["key"] in card.text and str(tmp_path) not in card.content
    found = {entry.metric_args["language"]: entry for entry in card.data.eval_results}
    unit = run.record["units"]["mine/sw/test"]["score"]
    estimate = unit["metrics"]["accuracy"]
    assert set(found) == {"en", "sw"} and found["sw"].metric_value == estimate["value"]
    assert found["sw"].metric_args["low"] == round(estimate["low"], 4) and found["sw"].metric_args["n"] == unit["n"]
    # the card is no part of what the checkpoint is: nothing is trained again, and a card that was removed stays away
    path.unlink()
    again = evaluate(str(small_model), ["mine[sw]"], out=tmp_path / "again", options=options, registry=registry)
    assert again.record["stages"][0]["fingerprint"] == stage["fingerprint"] and not path.exists()
