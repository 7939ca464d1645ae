"""Maps the outputs of a checkpoint's head to the labels of the task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import IntArray
from harness.core.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_SHOWN = 20


def label_order(config: PreTrainedConfig | Any, labels: Sequence[str], *, by_position: bool = False) -> IntArray:
    """For each label of the task, in the task's order, the index of the model's output for it; shape (len(labels),).

    Names are compared with ``config.id2label``: exactly, else without regard to case; nothing is guessed. Outputs that
    the task has no label for are left out. Uninformative names (LABEL_0, LABEL_1, ...) are taken in order only with
    ``by_position`` and as many outputs as labels. :class:`ModelError` where a label has no output.
    """
    names = {int(index): str(name) for index, name in config.id2label.items()}
    if list(names.values()) == list(labels) and list(names) == list(range(len(labels))):
        return np.arange(len(labels))
    if all(re.fullmatch(r"LABEL_\d+", name) for name in names.values()):
        if by_position and len(names) == len(labels):
            return np.arange(len(labels))
        raise ModelError(
            f"the model's outputs are not named ({_list(names.values())}), the task's labels are {_list(labels)}",
            hint="if the outputs are these labels in this order, say --set labels_by_position=true; "
            "better, write the names into id2label of config.json"
            if len(names) == len(labels)
            else f"{len(labels)} outputs would be needed",
        )
    exact = {name: index for index, name in names.items()}
    folded: dict[str, list[int]] = {}
    for index, name in names.items():
        folded.setdefault(name.casefold(), []).append(index)
    order = []
    for label in labels:
        near = folded.get(label.casefold(), [])
        if label in exact:
            order.append(exact[label])
        elif len(near) == 1:
            order.append(near[0])
        else:
            problem = f"{len(near)} outputs are spelt like" if near else "no output is called"
            raise ModelError(
                f"{problem} {label!r}: the model's labels are {_list(names.values())}, the task's are {_list(labels)}",
                hint="choose a checkpoint of this task, or correct id2label and label2id in its config.json",
            )
    return np.array(order, dtype=np.int64)


def _list(names: Any) -> str:
    names = list(names)
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)} in all)" if len(names) > _SHOWN else "")
