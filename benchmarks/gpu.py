"""What a GPU achieves with a model of XLM-R large's shape, against its measured ceiling: benchmarks/gpu.md.

Run from the root of the repository::

python -m benchmarks.gpu --out benchmarks/results
python -m benchmarks.gpu --device cpu --tiny
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.gpu_report import estimate, markdown
from benchmarks.gpu_work import BUCC, LARGE, SMALL, WORKLOADS, Workload, build_model
from benchmarks.mining_memory import peak
from benchmarks.report import save

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PARTS = ("ceiling", "evaluation", "training", "mining")
TINY_EXAMPLES, TINY_STEPS = 24, 2


class Clock:
    """Seconds and peak memory of some work on a device, which is waited for before and after."""

    def __init__(self, device: str) -> None:
        self.cuda = device.startswith("cuda")

    def __call__(self, work: Callable[[], Any]) -> tuple[float, float, Any]:
        """Seconds, peak GiB (of the GPU's memory; of the process's, for a processor), and what ``work`` returned."""
        import torch

        if self.cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        started = time.perf_counter()
        found = work()
        if self.cuda:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - started
        held = torch.cuda.max_memory_allocated() if self.cuda else peak()
        return seconds, held / 2**30, found


def ceiling(device: str, size: int, clock: Clock) -> dict[str, float]:
    """TFLOP/s of a product of two square matrices, by precision: the median of ten, after two to warm up."""
    import torch

    found = {}
    for name, kind in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
        left, right = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
        times = [clock(lambda left=left, right=right: left @ right)[0] for _ in range(12)][2:]
        found[name] = 2 * size**3 / statistics.median(times) / 1e12
    return found


def parameters(model: PreTrainedModel, layers: int | None = None) -> int:
    """Parameters of the encoder's layers (of the first ``layers``): 2 operations each for a token."""
    from harness.models.sentence_encoder import encoder_of, layer_count

    encoder = encoder_of(model)
    depth = layer_count(encoder.config)
    inside = sum(
        p.numel() for name, p in encoder.named_parameters() if "embeddings" not in name and "pooler" not in name
    )
    return inside * (depth if layers is None else layers) // depth


def evaluation(workload: Workload, folder: Path, args: argparse.Namespace, clock: Clock) -> dict[str, Any]:
    """The family's whole path, from texts to decoded predictions, as ``harness eval`` takes it."""
    from harness.inference.forward import Forward
    from harness.models.attention import attention_arguments
    from harness.models.load import load_tokenizer
    from harness.models.packing import pack_rows

    family = workload.predictor()
    chosen = attention_arguments(args.attention, folder)
    model = family.load(str(folder), dtype="float32", **chosen).to(args.device).eval()
    if not args.padded:
        pack_rows(model)
    forward = Forward(model, load_tokenizer(folder), args.device, args.dtype, args.batch_tokens)
    for seed, count in ((1, min(args.examples or workload.examples, 256)), (0, args.examples or workload.examples)):
        units = family.join([workload.unit(count, seed)])
        forward.tokens, forward.phases.seconds = 0, {}
        seconds, memory, [prediction] = clock(lambda units=units: list(family.predict(forward, units)))
    layer = prediction.facts.get("layer")
    used = parameters(model, layer if isinstance(layer, int) else None)
    rate = forward.tokens / seconds
    return {
        "tokens": forward.tokens,
        "seconds": seconds,
        "tokens_per_second": rate,
        "tflops": 2 * used * rate / 1e12,
        "memory_gib": memory,
        "phases": {name: round(value, 3) for name, value in forward.phases.seconds.items()},
    }


def training(workload: Workload, folder: Path, args: argparse.Namespace, clock: Clock) -> dict[str, Any]:
    """Optimizer steps of 32 examples, as ``harness train`` takes them, after a few that warm up."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    from harness.models.attention import attention_arguments
    from harness.models.fresh_head import reset_head
    from harness.models.load import load_tokenizer
    from harness.models.packing import pack_rows
    from harness.training._trainer import HeadTask, Trainer
    from harness.types.options import TrainOptions

    family, tokenizer = workload.predictor(), load_tokenizer(folder)
    options = TrainOptions(batch=32, batch_tokens=args.train_tokens, select="last")
    chosen = attention_arguments(args.attention, folder)
    model = family.load(str(folder), ignore_mismatched_sizes=True, dtype="float32", **chosen)
    if not args.padded:
        pack_rows(model)
    if family.fresh_head:  # type: ignore[attr-defined]
        reset_head(model, 0)
    features = family.features(tokenizer, workload.unit(32 * args.steps).examples, training=True)  # type: ignore[attr-defined]
    part = HeadTask("benchmark", family, model, features)  # type: ignore[arg-type]
    AcceleratorState._reset_state()
    accelerator = Accelerator(cpu=args.device == "cpu", mixed_precision={"fp32": "no"}.get(args.dtype, args.dtype))
    for steps in (min(3, args.steps), args.steps):
        with tempfile.TemporaryDirectory() as state:
            trainer = Trainer(
                [part],
                np.zeros(steps, np.int64),
                options,
                accelerator,
                pad_id=tokenizer.pad_token_id or 0,
                state_folder=Path(state) / "state",
                evaluate=None,
                keep=lambda: None,
            )
            seconds, memory, progress = clock(trainer.run)
    rate = trainer.tokens / seconds
    return {
        "tokens": trainer.tokens,
        "seconds": seconds,
        "tokens_per_second": rate,
        "tflops": 6 * parameters(model) * rate / 1e12,
        "memory_gib": memory,
        "loss": progress.losses[-1][1],
    }


def mining(n: int, m: int, d: int, args: argparse.Namespace, clock: Clock) -> dict[str, Any]:
    """Mining two random pools on the device in each precision and by FAISS, and a check against the processor.

    The check: what every way found for 1,000 rows of either side is what an exact search on the processor finds, and
    all ways mine the same pairs. ``cpu_seconds`` is that search's time, scaled up to the whole pools.
    """
    from benchmarks.mining import vectors
    from harness.retrieval.knn import nearest, resolve_backend
    from harness.retrieval.knn_bidirectional import nearest_both_ways
    from harness.retrieval.mining import mine

    pools = argparse.Namespace(foreign=n, english=m, dimension=d, translations=0.05, common=0.0)
    x, y = vectors(pools)
    found: dict[str, Any] = {"foreign": n, "english": m, "dimension": d}
    pairs = {}
    ways: dict[str, dict[str, Any]] = {precision: {"precision": precision} for precision in ("fp32", "bf16")}
    if resolve_backend("auto", args.device) == "faiss":
        ways["faiss"] = {"search": lambda a, b, k: nearest(a, b, k, backend="faiss", device=args.device)}
    for name, how in ways.items():
        mine(x[:2000], y[:2000], device=args.device, **how)
        seconds, memory, mined = clock(lambda how=how: mine(x, y, device=args.device, **how))
        found[name] = {"seconds": seconds, "memory_gib": memory, "pairs": len(mined)}
        pairs[name] = np.stack([mined.foreign, mined.english])
    for name, others in pairs.items():
        assert np.array_equal(others, pairs["fp32"]), f"{name} mined other pairs"
    there, back = nearest_both_ways(x, y, 4, precision="bf16", device=args.device)
    cpu = 0.0
    for queries, pool, neighbours in ((x, y, there), (y, x, back)):
        some = np.random.default_rng(0).permutation(len(queries))[:1000]
        seconds, _, exact = Clock("cpu")(lambda q=queries[some], p=pool: nearest(q, p, 4))
        assert np.array_equal(neighbours.ids[some], exact.ids), "other neighbours than on the processor"
        cpu += seconds * len(queries) / len(some)
    return found | {"cpu_seconds": cpu}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu (default: cuda)")
    parser.add_argument("--dtype", choices=("bf16", "fp16", "fp32"), default="bf16")
    parser.add_argument("--attention", default="auto", help="as for harness eval: sdpa, flash_attention_2, ...")
    parser.add_argument("--padded", action="store_true", help="pad batches that flash attention would take without")
    parser.add_argument("--part", dest="parts", action="append", choices=PARTS[1:], help="only this; repeat")
    parser.add_argument("--family", dest="families", action="append", choices=WORKLOADS, help="only this; repeat")
    parser.add_argument("--batch-tokens", type=int, default=65_536, help="padded tokens in a batch (default: 65,536)")
    parser.add_argument("--train-tokens", type=int, default=16_384, help="in a micro-batch (default: 16,384)")
    parser.add_argument("--examples", type=int, help="examples of each family (default: each has its own number)")
    parser.add_argument("--steps", type=int, default=50, help="optimizer steps that are timed (default: 50)")
    parser.add_argument("--tiny", action="store_true", help="a small model and few examples: does everything run?")
    parser.add_argument("--out", type=Path, help="folder for gpu.json and gpu.md")
    args = parser.parse_args(argv)
    if args.tiny:
        args.examples, args.steps = TINY_EXAMPLES, TINY_STEPS
    return args


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    import torch

    from harness.models.attention import check_attention
    from harness.models.device import choose_device

    choose_device(args.device)
    check_attention(args.attention, args.device, args.dtype)
    clock = Clock(args.device)
    results: dict[str, Any] = {
        "device": torch.cuda.get_device_name(args.device) if clock.cuda else "processor",
        "gpus": torch.cuda.device_count(),
        "torch": torch.__version__,
        "dtype": args.dtype,
        "attention": args.attention,
        "padded": args.padded,
        "ceiling": ceiling(args.device, 256 if args.tiny else 8192, clock),
    }
    parts, families = args.parts or PARTS[1:], args.families or WORKLOADS
    shape = SMALL if args.tiny else LARGE
    with tempfile.TemporaryDirectory(prefix="benchmark-gpu-") as name:
        build_model(Path(name), shape)
        for part, measure in (("evaluation", evaluation), ("training", training)):
            for family in families if part in parts else ():
                workload = WORKLOADS[family]
                if part == "training" and not workload.trained:
                    continue
                results.setdefault(part, {})[family] = measure(workload, Path(name), args, clock)
                print(f"{part} {family}: {results[part][family]['tokens_per_second']:,.0f} tokens/s", file=sys.stderr)
    if "mining" in parts:
        size = (300, 200, 16) if args.tiny else (*BUCC["fr"], LARGE["hidden_size"])
        results["mining"] = mining(*size, args, clock)
    layers, width, inner = (shape[key] for key in ("num_hidden_layers", "hidden_size", "intermediate_size"))
    weights = layers * (4 * width**2 + 2 * width * inner)
    results["estimate"] = estimate(results, results["ceiling"]["fp32" if args.dtype == "fp32" else "bf16"], weights)
    if args.out:
        save(args.out, "gpu", results, markdown(results))
    print(markdown(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
