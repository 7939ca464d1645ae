"""The cost model: against a table of designs worked out by hand, torch's own count of operations, and trained stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from training_stages import cpu_stages

from harness.core.errors import ModelError, UsageError
from harness.models.resolve import check_folder
from harness.registry.default import get_registry
from harness.studies.cost import Work, forward_operations, operations, scoring_bytes, seconds, training_bytes
from harness.studies.model_shapes import SHAPES, Shape, shape_in, shape_of
from harness.studies.throughput import assumed_rate, measured_rate
from harness.studies.training_tokens import RowLengths, assumed_work, measured_work, scoring_work
from harness.training.sources import task_of
from harness.types.options import TrainOptions

MODELS = ("xlm-roberta-base", "xlm-roberta-large", "facebook/xlm-roberta-xl", "facebook/xlm-roberta-xxl")
MNLI = Work(trained=392_702 * 43 * 3, length=43)
SQUAD = Work(trained=88_500 * 175 * 2, length=175)
HELLASWAG = Work(trained=159_620 * 100 * 3, length=100)
TARGETS, TEST = Work(trained=171e6, length=130), Work(scored=97e6, length=80)


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (MNLI, (2.6e16, 9.3e16, 8.6e17, 2.9e18)),
        (SQUAD, (1.6e16, 5.8e16, 5.3e17, 1.8e18)),
        (HELLASWAG, (2.5e16, 8.8e16, 8.2e17, 2.8e18)),
        (TARGETS, (9.0e16, 3.2e17, 2.9e18, 1.0e19)),
        (TEST, (1.7e16, 5.9e16, 5.5e17, 1.9e18)),
    ],
)
def test_operations_are_those_of_the_designs(work: Work, expected: tuple[float, ...]) -> None:
    for model, value in zip(MODELS, expected, strict=True):
        assert f"{operations(shape_of(model), work):.1e}" == f"{value:.1e}", model


def test_a_cell_takes_the_hours_and_the_memory_of_the_designs() -> None:
    cells = {}
    for model, recomputed in zip(MODELS, (False, False, True, True), strict=True):
        shape = shape_of(model)
        rate = assumed_rate(shape, "h100")
        assert not rate.measured and "unverified" in rate.source
        times = [seconds(shape, work, rate, recomputed=recomputed) for work in (MNLI, TARGETS, TEST)]
        cells[model] = (sum(times) / 3600, training_bytes(shape, TrainOptions()) / 1e9)
    for model, hours, memory in zip(MODELS, (0.37, 0.65, 4.5, 15), (4.5, 9, 56, 171), strict=True):
        assert cells[model] == (pytest.approx(hours, rel=0.03), pytest.approx(memory, rel=0.02)), model


def test_adapters_and_fewer_bits_take_less_memory() -> None:
    shape = shape_of("facebook/xlm-roberta-xxl")
    lora = TrainOptions(peft="lora", lora_rank=8)
    whole, adapters, bits = (
        training_bytes(shape, TrainOptions()),
        training_bytes(shape, lora),
        training_bytes(shape, lora, "4bit"),
    )
    assert whole > 3.9 * adapters and adapters > 4 * shape.total and bits < 0.6 * shape.total
    # 48 layers of six matrices of rank 8: 8 * (4 * 2 + 2 * 5) * 4096 parameters each
    assert adapters - 4 * shape.total == pytest.approx(16 * 48 * 8 * 18 * 4096, rel=0.01)
    assert scoring_bytes(shape) == 4 * shape.total and scoring_bytes(Shape(0, 0, 0)) == 0


@pytest.mark.parametrize(
    ("name", "config"),
    [
        (
            "xlm-roberta-base",
            {"model_type": "xlm-roberta", "vocab_size": 250_002, "max_position_embeddings": 514, "type_vocab_size": 1},
        ),
        ("google-bert/bert-base-multilingual-cased", {"model_type": "bert", "vocab_size": 119_547}),
        (
            "microsoft/mdeberta-v3-base",
            {
                "model_type": "deberta-v2", "vocab_size": 251_000, "hidden_size": 768, "num_hidden_layers": 12,
                "num_attention_heads": 12, "intermediate_size": 3072, "relative_attention": True, "position_buckets": 256,
                "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": "p2c|c2p",
                "position_biased_input": False, "type_vocab_size": 0,
            },
        ),
        ("google/mt5-small", {"model_type": "mt5", "vocab_size": 250_112}),
        (
            "google/t5-v1_1-base",
            {
                "model_type": "t5", "d_model": 768, "num_layers": 12, "num_heads": 12, "d_kv": 64, "d_ff": 2048,
                "vocab_size": 32_128, "feed_forward_proj": "gated-gelu",
            },
        ),
    ],
)  # fmt: skip
def test_known_shapes_are_those_that_transformers_builds(name: str, config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert shape_of(str(tmp_path)) == shape_of(name) == SHAPES[name]


def test_the_shapes_have_the_published_sizes() -> None:
    """As the models' papers and pages give them, in millions; those of T5 count the table of the output, too."""
    for name, millions in [
        ("xlm-roberta-base", 278), ("xlm-roberta-large", 560), ("facebook/xlm-roberta-xl", 3_480),
        ("facebook/xlm-roberta-xxl", 10_700), ("bert-base-multilingual-cased", 178), ("roberta-large", 355),
        ("microsoft/deberta-v3-base", 184), ("intfloat/multilingual-e5-small", 118), ("sentence-transformers/LaBSE", 471),
    ]:  # fmt: skip
        assert shape_of(name).total / 1e6 == pytest.approx(millions, rel=0.01), name
    mt5 = shape_of("google/mt5-xxl")
    assert (mt5.total + 250_112 * 4096) / 1e9 == pytest.approx(13, rel=0.01)
    assert shape_of("baseline:majority") == Shape(0, 0, 0)
    with pytest.raises(ModelError, match="org/unheard-of: its size is not known before it is downloaded"):
        shape_of("org/unheard-of")


@pytest.mark.parametrize("kind", ["xlm-roberta", "bert", "mt5"])
def test_operations_are_those_that_torch_counts(kind: str, tmp_path: Path) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoConfig, AutoModel

    sizes = {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 512}
    if kind == "mt5":
        sizes = {"d_model": 128, "num_layers": 3, "num_heads": 2, "d_kv": 64, "d_ff": 256}
    config: Any = AutoConfig.for_model(kind, vocab_size=500, attn_implementation="eager", **sizes)
    config.save_pretrained(tmp_path)
    model = AutoModel.from_config(config, attn_implementation="eager")
    rows, length = 4, 96
    ids = torch.randint(5, 500, (rows, length))
    inputs = {"input_ids": ids, **({"decoder_input_ids": ids} if kind == "mt5" else {})}
    with FlopCounterMode(display=False) as forward:
        output = model(**inputs).last_hidden_state
    with FlopCounterMode(display=False) as backward:
        output.sum().backward()
    shape = shape_in(tmp_path)
    counted = forward.get_total_flops()
    assert rows * length * forward_operations(shape, length) == pytest.approx(counted, rel=0.03)
    trained = operations(shape, Work(trained=rows * length, length=length))
    assert trained == pytest.approx(counted + backward.get_total_flops(), rel=0.03)


def test_work_adds_up() -> None:
    both = Work(trained=10, scored=30, length=5) + Work(trained=60, length=15, assumed=True)
    assert both == Work(trained=70, scored=30, length=11, assumed=True)
    assert both + Work() == both == Work() + both


def test_assumed_work_follows_the_official_sizes_and_the_options() -> None:
    registry = get_registry()
    mnli, squad = registry.intermediate("mnli"), registry.intermediate("squad")
    work = assumed_work([mnli], TrainOptions(epochs=3, select="last"))
    assert work is not None and work.assumed and work.length == 43
    assert work.trained == pytest.approx(51e6, rel=0.01) and work.scored == 9_815 * 43
    found = assumed_work([squad], TrainOptions(epochs=2))
    assert found is not None and found.trained == pytest.approx(31e6, rel=0.01)
    small = assumed_work([mnli], TrainOptions(epochs=3, train_size=4096))
    assert small is not None and small.trained == 3 * 4096 * 43
    fixed = assumed_work([mnli], TrainOptions(max_steps=100, train_size=4096))
    assert fixed is not None and fixed.trained == 100 * 32 * 43
    often = assumed_work([mnli], TrainOptions(max_steps=100, evaluate_every=10, eval_limit=500))
    assert often is not None and often.scored == 10 * 500 * 43
    together = assumed_work([mnli, squad], TrainOptions(epochs=1, sampling="proportional"))
    assert together is not None and together.trained == pytest.approx(392_702 * 43 + 87_599 * 177, rel=0.02)
    assert assumed_work([registry.intermediate("ccg")], TrainOptions()) is None


def test_measured_work_and_rates_are_those_of_a_trained_stage(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    stages = cpu_stages(get_registry(), "tiny", corpus, overrides={"epochs": 2, "batch": 8, "evaluate_every": 6})
    stages.root = tmp_path / "stages"
    stage = stages.last(["mnli+squad"], check_folder(small_model, str(small_model)))
    lengths = RowLengths()
    work = measured_work(stage, lengths)
    assert not work.assumed and set(lengths.by_family) == {"classification", "span_qa"}
    shape = shape_of(str(small_model))
    assert measured_rate(shape, stages.root) is None
    summary = stages.train(stage).summary
    assert work.trained == pytest.approx(summary["tokens"], rel=0.02)
    assert measured_work(stage, lengths) == work
    rate = measured_rate(shape, stages.root)
    assert rate is not None and rate.measured and rate.source == f"measured on 1 stage in {stages.root}"
    assert seconds(shape, Work(trained=work.trained, length=work.length), rate) == pytest.approx(
        summary["seconds"], rel=0.1
    )
    other = measured_rate(shape_of("xlm-roberta-base"), stages.root)
    assert other is not None and f"of a model with {shape.parameters:,} parameters" in other.source
    summary_file = next(stages.root.glob("*/stage.json"))
    summary_file.write_text(summary_file.read_text().replace('"tokens": ', '"tokens": 1'))
    assert measured_rate(shape, stages.root) is None


def test_test_sets_cost_by_their_rows() -> None:
    from harness.evaluation.plan import PlannedUnit
    from harness.types.units import Unit

    xnli = task_of(get_registry(), "xnli", None)
    planned = [
        PlannedUnit(Unit("xnli", code, "test"), xnli, xnli.languages[code]["test"], None) for code in ("en", "sw")
    ]
    assert scoring_work(planned) == Work(scored=2 * 5010 * 43, length=43, assumed=True)
    assert scoring_work(planned, limit=100).scored == 2 * 100 * 43


def test_an_unknown_device_is_an_error() -> None:
    with pytest.raises(UsageError, match="no rate is known of the device 'h10'") as caught:
        assumed_rate(SHAPES["tiny"], "h10")
    assert caught.value.hint is not None and "h100" in caught.value.hint
