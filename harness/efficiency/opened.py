"""A model that is opened to be measured: calls on examples of a task, and batches of rows that are filled with tokens."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import ModelError, UsageError
from harness.core.offline import without_network
from harness.efficiency.sample import Sample
from harness.efficiency.turns import Call
from harness.families.base import HeadFamily
from harness.inference.features import Features, with_languages
from harness.inference.forward import Forward
from harness.inference.session import Compute, Session, open_model
from harness.inference.tokenization import RowTemplate, tokenise
from harness.models.device import sent
from harness.models.heads import model_inputs, plain_model
from harness.models.reference import parse_model
from harness.models.resolve import Access
from harness.models.tables import check_positions
from harness.registry.registry import load_part
from harness.types.options import EvalOptions, build

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from harness.registry.registry import Registry


@dataclass(frozen=True)
class Opened:
    """A model with the head of a task. ``head`` is the checkpoint's "own", or a "random" one, which takes as long."""

    name: str
    session: Session
    family: HeadFamily
    forward: Forward
    head: str
    sample: Sample

    @property
    def network(self) -> PreTrainedModel:
        """The network, ready to predict."""
        return self.forward.model

    def call(self, start: int, count: int = 1) -> Call:
        """Predicts ``count`` examples of the sample in one batch, from their texts: its seconds.

        The device is waited for before and after the forward pass.
        """
        unit = self.sample.unit(range(start, start + count))
        begun = time.perf_counter()
        features = self.family.features(self.forward.tokenizer, unit.examples, training=False)
        features = self.family.in_languages(self.forward, features, [unit])
        batch = self._batch(features, np.arange(len(features)))
        self.wait()
        ready = time.perf_counter()
        outputs = self.family.outputs(self.network, batch)
        self.wait()
        computed = time.perf_counter()
        arrays = {name: _host(value) for name, value in outputs.items()}
        self.family.decode(features, arrays, unit.examples)
        return Call(time.perf_counter() - begun, computed - ready)

    def filled_call(self, rows: Features) -> Call:
        """Computes a batch of rows that are there already: its seconds, which are all of the forward pass."""
        batch = self._batch(rows, np.arange(len(rows)))
        inputs = model_inputs(self.network, batch)
        self.wait()
        begun = time.perf_counter()
        self.network(**inputs)
        self.wait()
        seconds = time.perf_counter() - begun
        return Call(seconds, seconds)

    def filled(self, size: int, length: int) -> Features:
        """``size`` rows of ``length`` tokens each, special ones included: running text of the sample.

        ModelError where that is more than the model takes.
        """
        tokenizer = self.forward.tokenizer
        check_positions(plain_model(self.network), length)
        template = RowTemplate.of(tokenizer, 1)
        room = template.room(tokenizer, length)
        texts = [text for code in self.sample.codes for text in self.sample.texts(code)]
        values = tokenise(tokenizer, texts)[0].values
        values = np.tile(values, -(-room // max(len(values), 1)) + 1)
        starts = np.arange(size, dtype=np.int64) * room % (len(values) - room)
        ids, types = template.rows(values, starts[:, None], np.full((size, 1), room, np.int64))
        segments = types if "token_type_ids" in tokenizer.model_input_names else None
        rows = Features(ids, np.arange(size), segments=segments)
        return with_languages(rows, self.sample.codes[:1] * size) if self.forward.reads_language else rows  # type: ignore[return-value]

    def rows(self, count: int) -> tuple[dict[str, torch.Tensor], np.ndarray[Any, Any]]:
        """The batch of the first ``count`` examples, and the numbers of tokens in its rows."""
        unit = self.sample.unit(range(count))
        features = self.family.features(self.forward.tokenizer, unit.examples, training=False)
        features = self.family.in_languages(self.forward, features, [unit])
        rows = np.arange(len(features))
        return self._batch(features, rows), np.asarray(features.lengths[rows])

    def _batch(self, features: Any, rows: np.ndarray[Any, Any]) -> dict[str, torch.Tensor]:
        pad = self.forward.tokenizer.pad_token_id
        arrays: Mapping[str, Any] = features.batch(rows, 0 if pad is None else pad)
        return {name: sent(array, self.forward.device) for name, array in arrays.items()}

    def wait(self) -> None:
        """Waits until the device has done what it was given."""
        import torch

        if self.forward.device.startswith("cuda"):
            torch.cuda.synchronize(torch.device(self.forward.device))
        elif self.forward.device == "mps":
            torch.mps.synchronize()

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Computes without gradients, in the precision that was asked for.

        It is entered once a session: automatic casts keep the weights that they have rounded until it is left.
        """
        import torch

        with torch.inference_mode(), self.forward.autocast():
            yield


def open_session(model: str, sample: Sample, registry: Registry, options: EvalOptions) -> Session:
    """Opens a model's folder and its tokenizer. UsageError for a task whose family predicts without a head."""
    family = family_of(sample, registry)
    compute = Compute.of(options, registry)
    with without_network(options.offline):
        session = open_model(parse_model(model), Access.of(options, registry), compute)
    return session.with_tokenizer(family.tokenizer_settings())


def open_network(name: str, session: Session, sample: Sample, registry: Registry) -> Opened:
    """Loads the network with the head of the sample's task, its own where the checkpoint has one."""
    family = family_of(sample, registry)
    network, head = _network(session, family)
    return Opened(name, session, family, session.forward(network), head, sample)


def family_of(sample: Sample, registry: Registry) -> HeadFamily:
    """The family of the task; UsageError where it has no head, so that no call on one example is its own."""
    task = sample.task
    kind = load_part(registry.family(task.family), "implementation")
    if not (isinstance(kind, type) and issubclass(kind, HeadFamily)) or kind.needs_dev or kind.joins:
        raise UsageError(
            f"--task {task.name}: the family {task.family} does not predict example by example under a head",
            hint="choose a task of classification, tagging, multiple choice or question answering",
        )
    return kind(task.labels, build(kind.Options, task.options))


def _network(session: Session, family: HeadFamily) -> tuple[PreTrainedModel, str]:
    try:
        network = session.network(family.load, head=family.head_parameters)
    except ModelError:
        return session.network(family.load, ignore_mismatched_sizes=True), "random"
    return network, "own" if family.head_parameters(network) else "none"


def _host(value: torch.Tensor) -> Any:
    return (value.float() if value.is_floating_point() else value).cpu().numpy()
