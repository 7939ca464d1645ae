"""A copy of a model that is two layers deep: the same configuration, tokenizer and head, with random weights.

It behaves as the model does in everything but what it has learned: which heads it can have, how its rows may be padded,
which inputs it takes. It is made from the small files alone, whatever the size of the model.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models._deciding import deciding_files
from harness.models._sound import read_header
from harness.models.config import load_config

LAYERS = 2
_DEPTHS = (
    *("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    *("encoder_layers", "decoder_layers", "num_decoder_layers"),
)
"""Names that configurations give to their numbers of layers."""
_WEIGHTS = (".safetensors", ".safetensors.index.json")


def shallow_copy(folder: Path, target: Path) -> Path:
    """Writes the copy of the model in ``folder`` into ``target``, which it makes.

    ModelError where the configuration is of no architecture that can be built.
    """
    import torch
    import transformers

    from harness.models.heads import quiet

    for name in deciding_files(folder):
        if name != "config.json" and not name.endswith(_WEIGHTS):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, target / name)
    target.mkdir(parents=True, exist_ok=True)
    found = load_config(folder)
    config = type(found).from_dict(shortened(found.to_dict()))
    architecture = getattr(transformers, (found.architectures or [""])[0], None)
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        what = f"{folder}: a model of type {config.model_type!r} cannot be built from its config.json"
        with border(what, ModelError, hint="something in it does not fit its architecture"):
            made = architecture(config) if architecture else transformers.AutoModel.from_config(config)
            made.float().save_pretrained(target)
    return target


def check_shapes(folder: Path, copy: Path) -> None:
    """ModelError where a tensor in the files of a model has another shape than its configuration gives it in the copy."""
    wanted = {name: entry["shape"] for name, entry in _tensors(copy)}
    for path in sorted(folder.glob("*.safetensors")):
        for name, entry in read_header(path).items():
            if name in wanted and entry["shape"] != wanted[name]:
                stored, said = (" x ".join(f"{size:,}" for size in shape) for shape in (entry["shape"], wanted[name]))
                raise ModelError(
                    f"{path}: {name} is {stored}, and {said} by config.json",
                    hint="the two files are of different models: download the model again",
                )


def _tensors(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in folder.glob("*.safetensors"):
        yield from ((name, entry) for name, entry in read_header(path).items() if name != "__metadata__")


def shortened(config: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a configuration with two layers at most, of different kinds where there are several kinds.

    Lists with an entry for each layer are shortened alike. What counts its layers in other ways keeps them all.
    """
    depths = {name: config[name] for name in _DEPTHS if isinstance(config.get(name), int) and config[name] > LAYERS}
    lists = {name: value for name, value in config.items() if isinstance(value, list) and len(value) in depths.values()}
    other = next(
        (place for value in lists.values() for place in range(len(value)) if value[place] != value[0]), LAYERS - 1
    )
    return {
        **config,
        **dict.fromkeys(depths, LAYERS),
        **{name: [value[0], value[other]] for name, value in lists.items()},
    }
