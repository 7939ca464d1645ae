"""What a small text model learns from captions of made scenes: its slots, after training with the right pictures or others.

Run from the root of the repository::

    python -m benchmarks.captioning --out runs/captioning

The model has the shape of ``tiny`` and random weights. Slots are scored on dev, on combinations of kind and colour that no
training caption has, and in languages whose captions were not trained on. The table is printed.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import EvalOptions, UnitExamples, get_metric, get_registry, readers, train
from harness.data.scenes.write import write_scenes
from harness.families.captioning import Captioning
from harness.inference.forward import Forward
from harness.models.load import load_tokenizer
from harness.models.tiny import tiny_tokenizer, train_tokenizer

SPLITS = (("dev", "en"), ("composition", "en"), ("dev", "de"))


def random_model(folder: Path, place: Path, pieces: bool) -> Path:
    """Writes a model of four layers of 128 with random weights, unless it is there.

    A word of the English and German captions in ``place`` is a token, so that the number of masks does not tell a word; or, in
    ``pieces``, several tokens of the tokenizer of ``tiny``.
    """
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    if not (folder / "config.json").exists():
        tokens = tiny_tokenizer() if pieces else train_tokenizer(_words(place), vocabulary=2000)
        tokens.save_pretrained(folder)
        torch.manual_seed(0)
        config = XLMRobertaConfig(
            vocab_size=len(tokens),
            hidden_size=128,
            num_hidden_layers=4,
            num_attention_heads=4,
            intermediate_size=384,
            max_position_embeddings=514,
            type_vocab_size=1,
        )
        XLMRobertaForMaskedLM(config).save_pretrained(folder)
    return folder


def _words(place: Path) -> Iterator[str]:
    """The words of captions, without what stands next to them."""
    for code in ("en", "de"):
        for row in readers.captions(code)(place / "dev" / "captions.jsonl"):
            yield " ".join(re.findall(r"\w+", row["caption"]))


def slots(folder: Path, place: Path, split: str, code: str, most: int) -> dict[str, float]:
    """The scores of a checkpoint that has kept its tower, on captions of a split in a language."""
    rows = readers.captions(code)(place / split / "captions.jsonl")
    examples = [each for row in rows if (each := readers.captioned(row)) is not None][:most]
    tower = json.loads((folder / "config.json").read_text(encoding="utf-8"))["image_tower"]
    kept = {"tower": tower["kind"], "prefix": tower["length"], "patch": tower["patch"], "image_size": tower["size"]}
    family = Captioning((), Captioning.Options(max_length=64, tower_at_inference="kept", **kept))
    forward = Forward(family.load(str(folder)).eval(), load_tokenizer(folder), "cpu")
    [found] = family.predict(forward, [UnitExamples("scenes", code, split, examples)])
    gold = [
        {"caption": each.caption, "language": each.language, "others": list(each.others), "facts": each.facts}
        for each in examples
    ]
    return get_metric("scene_slots").compute(gold, found.predictions, code)


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains what is not there yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8000, help="scenes to train on")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--dev", type=int, default=800, help="captions that are scored, at most")
    parser.add_argument("--stage", action="append", help="default: scenes@kept and scenes@mismatched@kept")
    parser.add_argument("--pieces", action="store_true", help="the tokenizer of tiny, which splits words")
    parser.add_argument("--evaluate-every", type=int, default=500)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another option of the stage")
    given = parser.parse_args(arguments)
    place = given.out / "data" / "scenes"
    if not place.exists():
        write_scenes(given.out / "data", given.count)
    model = random_model(given.out / ("pieces" if given.pieces else "words"), place, given.pieces)
    overrides: Mapping[str, Any] = {
        "max_steps": given.steps,
        "batch": 32,
        "lr": 1e-3,
        "max_length": 64,
        "evaluate_every": given.evaluate_every,
        "eval_limit": 200,
        **dict(each.split("=", 1) for each in given.set),
    }
    options = EvalOptions(
        data_dir=str(given.out / "data"), offline=True, device="cpu", recipe="tiny", overrides=overrides
    )
    for stage in given.stage or ("scenes@kept", "scenes@mismatched@kept"):
        trained = train(str(model), stage, out=given.out / stage, options=options, registry=get_registry())
        print(f"{stage}: {trained.summary['seconds']:.0f} s, {trained.summary['image_tower']}", flush=True)
        for split, code in SPLITS:
            found = slots(trained.folder, place, split, code, given.dev)
            numbers = ", ".join(f"{name} {value:.1f}" for name, value in found.items())
            print(f"  {split} {code}: {numbers}", flush=True)


if __name__ == "__main__":
    main()
