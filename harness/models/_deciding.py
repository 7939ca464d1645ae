"""Lists the files of a model folder that decide what the model computes: all but those that are known not to.

A file of an unknown kind counts, so that a change of it is never taken for the same model.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path

PICKLED = ("*.bin", "*.pt", "*.pth")
MODULE_PICKLE = "pytorch_model.bin"
"""The weights of a module of sentence-transformers, where they are not safetensors."""

HARMLESS = (
    # For people.
    *("*.md", "README*", "LICEN[CS]E*", "NOTICE*", "*.pdf", "*.ipynb", "*.html"),
    *("*.png", "*.jpg", "*.jpeg", "*.gif", "*.svg", "*.webp"),
    # Weights in formats that are never loaded: these are safetensors, or are converted to safetensors in another folder.
    *(*PICKLED, "*.ckpt", "*.h5", "*.msgpack", "*.ot", "*.onnx", "*.onnx_data", "*.gguf", "*.tflite", "*.mlmodel"),
    *("*.bin.index.json", "*.h5.index.json", "*.msgpack.index.json"),
    *("onnx/*", "openvino/*", "coreml/*", "original/*"),
    # Traces of training.
    *("trainer_state.json", "training_args.*", "*_results.json", "rng_state*", "*.log", "*.tfevents.*"),
    *("checkpoint-*/*", "runs/*", "logs/*", "wandb/*", "stage.json"),
    # The harness neither generates text nor chats.
    *("generation_config.json", "chat_template.*", "additional_chat_templates/*"),
    # Code in the folder is never run; that of a trusted repository has its own place in the record.
    *("*.py", "__pycache__/*"),
    # Hidden files.
    *(".*", "*/.*"),
)
"""Patterns of paths within the folder, as the Hub's client takes them: ``*`` matches slashes too."""


def deciding_files(folder: Path) -> list[str]:
    """Paths within the folder of the files that decide what its model computes, sorted.

    Subfolders are read only where modules.json (of sentence-transformers) names them; a module's pickled weights count
    where it has no others.
    """
    found = list(folder.iterdir())
    pickled = []
    for module in module_paths(folder):
        inside = list((folder / module).rglob("*"))
        found += inside
        if not any(path.suffix == ".safetensors" for path in inside):
            pickled += [path for path in inside if path.name == MODULE_PICKLE]
    names = {path.relative_to(folder).as_posix() for path in found if path.is_file()}
    names = {name for name in names if not any(fnmatchcase(name, pattern) for pattern in HARMLESS)}
    return sorted(names | {path.relative_to(folder).as_posix() for path in pickled})


def module_paths(folder: Path) -> list[str]:
    """The subfolders that modules.json (of sentence-transformers) names, whether they are there or not."""
    try:
        entries = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        paths = {str(entry["path"]).strip("/") for entry in entries}
    except Exception:  # not there, or not readable for sentence-transformers either
        return []
    return sorted(path for path in paths - {"", "."} if ".." not in Path(path).parts)
