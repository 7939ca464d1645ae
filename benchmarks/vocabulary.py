"""``python -m benchmarks.vocabulary``: a training step and its memory at the size of real vocabularies.

    python -m benchmarks.vocabulary --data-dir DATA --model FOLDER --out benchmarks/results

``FOLDER`` is an encoder with XLM-R's vocabulary. Its tokenizer is also that of the shapes of XLM-R base and large, which
have random weights and ``--layers`` layers. Each contestant is a process of its own, and they take turns:

- the harness, which trains the rows of the embeddings that the data can touch,
- the harness as if these could be any, which trains the whole table,
- the Trainer of transformers.

Both of the harness must end in the same bits. A step is the median of the processor seconds of all but the first; memory
is the peak of the process in the steps, in which no state is saved.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.measure import run
from benchmarks.mining_memory import peak
from benchmarks.report import save
from benchmarks.work import BATCH, RATE, training_pairs

SHAPES = {
    "XLM-R base": {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072},
    "XLM-R large": {"hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 4096},
}
CONTESTANTS = ("harness", "harness, whole tables", "Trainer")


def write_shape(folder: Path, shape: Mapping[str, int], layers: int, tokenizer: Path) -> Path:
    """A bare XLM-R of this shape with random weights, and the tokenizer of a model folder."""
    import torch
    from transformers import AutoTokenizer, XLMRobertaConfig, XLMRobertaModel

    tokens = AutoTokenizer.from_pretrained(tokenizer)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        **shape,
        num_hidden_layers=layers,
        vocab_size=len(tokens),
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=tokens.pad_token_id,
    )
    XLMRobertaModel(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


class Measured(BaseException):
    """Ends a training that has shown what it takes; a checkpoint is nobody's."""


def harness(inputs: Mapping[str, Any], folder: str, *, whole: bool) -> dict[str, Any]:
    """A stage of the harness in this process: what its steps take, and the weights it ends in."""
    from harness.cli.main import main
    from harness.training import train_stage
    from harness.training._rows import TouchedRows
    from harness.training._trainer import Trainer

    found: dict[str, Any] = {"steps": [], "rows": 0}
    step = Trainer._step

    def timed(trainer: Trainer, number: int) -> Any:
        started = time.process_time()
        loss = step(trainer, number)
        found["steps"].append(time.process_time() - started)
        found["bytes"] = peak()
        weights = (p for name, p in trainer.modules.named_parameters() if "word_embeddings" in name)
        found["rows"] = max(map(len, weights))
        return loss

    def ended(trainer: Trainer, *, last: bool = False) -> None:
        digest = hashlib.sha256()
        with trainer.tables.whole():
            for value in trainer.modules.state_dict().values():
                digest.update(value.numpy().data)
        found["weights"], found["loss"] = digest.hexdigest(), trainer.progress.losses[-1][1]
        raise Measured

    Trainer._step, Trainer._select = timed, ended  # type: ignore[method-assign]
    if whole:
        train_stage.touched_rows = lambda *parts, **options: TouchedRows()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        command = ["train", "--task", "mnli", "--model", folder, "--data-dir", inputs["data"], "--offline"]
        command += ["--device", "cpu", "--train-limit", str(len(inputs["train"])), "--out", f"{scratch}/out"]
        settings = {"max_steps": inputs["steps"], "batch": inputs["batch"], "lr": inputs["lr"], "select": "last"}
        words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        with suppress(Measured):
            main([*command, *words])
    return found


def trainer(inputs: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The Trainer in this process."""
    from transformers import TrainerCallback

    from benchmarks.peers.library import trainer_training

    found: dict[str, Any] = {"steps": []}

    class Watch(TrainerCallback):  # type: ignore[misc]
        started = 0.0

        def on_step_begin(self, *given: Any, **more: Any) -> None:
            self.started = time.process_time()

        def on_step_end(self, *given: Any, **more: Any) -> None:
            found["steps"].append(time.process_time() - self.started)
            found["bytes"] = peak()

    losses = trainer_training(dict(inputs), folder, callbacks=[Watch()])["losses"]
    return found | {"loss": statistics.mean(losses)}


def contestant(name: str, inputs: Path, folder: str, out: Path) -> None:
    """Runs one contestant in this process and writes what it took."""
    work = json.loads(inputs.read_text(encoding="utf-8"))
    found = trainer(work, folder) if name == "Trainer" else harness(work, folder, whole="whole" in name)
    out.write_text(json.dumps(found), encoding="utf-8")


def measure(model: Path, inputs: Path, repeats: int, threads: int) -> dict[str, list[dict[str, Any]]]:
    """All contestants in turns; AssertionError where the two of the harness end in other bits."""
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTESTANTS}
    for turn in range(repeats):
        for name in CONTESTANTS:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
                out = Path(scratch) / "out.json"
                words = ["--contestant", name, "--inputs", str(inputs), "--model", str(model), "--out", str(out)]
                run([sys.executable, "-m", "benchmarks.vocabulary", *words], threads)
                turns[name].append(json.loads(out.read_text(encoding="utf-8")))
            step = statistics.median(turns[name][-1]["steps"][1:])
            print(f"{model.name} {turn + 1}/{repeats} {name}: {step:.2f} s a step", file=sys.stderr)
    prints = {found["weights"] for name in CONTESTANTS[:2] for found in turns[name]}
    assert len(prints) == 1, f"{model.name}: the rows and the whole table were not trained to the same bits"
    return turns


def markdown(results: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]], vocabulary: int) -> str:
    """A row a contestant: processor seconds a step, over those of the harness, peaks of memory, and the state."""
    lines = [
        "| model | contestant | rows trained | cpu seconds a step | over harness | peak MiB | over harness |",
        "|---" * 7 + "|",
    ]
    for model, turns in results.items():
        steps = {name: [statistics.median(found["steps"][1:]) for found in each] for name, each in turns.items()}
        memory = {name: [found["bytes"] / 2**20 for found in each] for name, each in turns.items()}
        for name, each in turns.items():
            cells = [f"{each[0].get('rows', vocabulary):,}"]
            for costs, form in ((steps, ".2f"), (memory, ",.0f")):
                ratio = statistics.median(a / b for a, b in zip(costs[name], costs["harness"], strict=True))
                cells += [f"{statistics.median(costs[name]):{form}}", f"{ratio:.2f}"]
            lines.append(f"| {model} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vocabulary", description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of an encoder with XLM-R's vocabulary")
    parser.add_argument("--data-dir", type=Path, help="data in the Hub's layout (default: the sample corpus)")
    parser.add_argument("--shape", action="append", choices=["model", *SHAPES], help="repeat (default: all)")
    parser.add_argument("--layers", type=int, default=2, help="of the shapes of XLM-R (default: 2)")
    parser.add_argument("--examples", type=int, default=3000, help="training pairs, whose tokens are trained")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2, help="turns of all contestants (default: 2)")
    parser.add_argument("--threads", type=int, default=1, help="threads for linear algebra (default: 1)")
    parser.add_argument("--out", type=Path, help="folder for vocabulary.json and vocabulary.md")
    parser.add_argument("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--inputs", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.contestant:
        contestant(args.contestant, args.inputs, str(args.model), args.out)
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-vocabulary-") as name:
        folder = Path(name)
        data = args.data_dir
        if data is None:
            from harness.data.sample import write_sample_corpus

            data = folder / "sample"
            write_sample_corpus(data)
        train, labels = training_pairs(data, args.examples)
        inputs = folder / "training.json"
        work = {"train": train, "labels": labels, "steps": args.steps, "batch": BATCH, "lr": RATE}
        inputs.write_text(json.dumps(work | {"data": str(data.resolve())}), encoding="utf-8")
        vocabulary = int(json.loads((args.model / "config.json").read_text(encoding="utf-8"))["vocab_size"])
        results = {}
        for shape in args.shape or ("model", *SHAPES):
            name, model = args.model.resolve().name, args.model
            if shape in SHAPES:
                name, model = f"{shape}, {args.layers} layers", folder / "shape"
                write_shape(model, SHAPES[shape], args.layers, args.model)
            results[name] = measure(model, inputs, args.repeats, args.threads)
            shutil.rmtree(folder / "shape", ignore_errors=True)
        text = markdown(results, vocabulary)
        if args.out:
            save(args.out, "vocabulary", results, text)
        print(text)


if __name__ == "__main__":
    main()
