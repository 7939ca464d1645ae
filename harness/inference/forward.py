"""One stream of batches through a loaded model: length order, a token budget, and back-off when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import IntArray, OutputRows
from harness.core.border import in_words
from harness.core.errors import ModelError
from harness.inference._prefetch import Given, Made, prefetched
from harness.inference._threads import in_threads
from harness.inference.features import FeatureRows, languages_of_rows, longest_row
from harness.inference.timing import Timings
from harness.models.device import sent
from harness.models.embedder import Embedder
from harness.models.heads import plain_model
from harness.models.padding import padding_of
from harness.models.swapped_adapters import adapters_in, reads_languages
from harness.models.tables import check_positions
from harness.types.defaults import BATCH_TOKENS, CPU_BATCH_TOKENS

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

_LIBRARIES = ("torch", "transformers", "peft")

Step = Callable[["PreTrainedModel", Mapping[str, "torch.Tensor"]], Mapping[str, "torch.Tensor"]]


def batches(
    lengths: IntArray, budget: int, order: IntArray | None = None, *, padding: str = "right"
) -> Iterator[IntArray]:
    """Rows longest first, cut so that each padded batch holds at most ``budget`` tokens (and at least one row).

    ``order`` are the rows to cut, already longest first; by default all of them. With ``padding`` "none" the rows of a
    batch have one length.
    """
    if order is None:
        order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        width = max(int(lengths[order[start]]), 1)
        rows = max(budget // width, 1)
        if padding == "none":
            rows = min(rows, int(np.count_nonzero(lengths[order[start : start + rows]] == lengths[order[start]])))
        yield order[start : start + rows]
        start += rows


@dataclass
class Forward:
    """A model ready to predict: on its device, in eval mode, with its tokenizer and its numeric precision.

    ``budget`` is the number of padded tokens a batch may hold; it is halved, for good, when memory runs out. On a CPU
    batches hold at most :data:`~harness.types.defaults.CPU_BATCH_TOKENS` tokens, and as many as torch has threads are
    computed side by side.
    ``build_index`` is the hook ``harness_build_index``, for families that search; ``phases`` counts seconds.
    ``embedder`` is what the model's folder says of its sentence vectors.
    ``watch`` is told the rows and the outputs of every stream.
    ``padding`` is "none" for a model that reads it (:func:`~harness.models.padding.padding_of`), else "right".
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    device: str
    dtype: str = "fp32"
    budget: int = BATCH_TOKENS
    tokens: int = 0
    progress: Callable[[int], None] = lambda rows: None
    build_index: Callable[..., Any] | None = None
    phases: Timings = field(default_factory=Timings)
    embedder: Embedder = field(default_factory=Embedder)
    watch: Callable[[FeatureRows, Mapping[str, OutputRows]], None] = lambda features, outputs: None
    padding: str = field(init=False)

    def __post_init__(self) -> None:
        """Finds out how rows may be padded, once for each model."""
        self.padding = padding_of(self.model, self.tokenizer)

    @property
    def reads_language(self) -> bool:
        """Tells whether the model needs the language of every row."""
        return reads_languages(self.model)

    @property
    def on_processor(self) -> bool:
        """Tells whether the forward pass takes the same cores as everything else."""
        return self.device.partition(":")[0] == "cpu"

    def tokenised(self, make: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
        """``make`` of everything given, which tokenises: ahead of the forward pass where that runs on another device."""
        pieces = prefetched(make, given, threaded=not self.on_processor)
        done = object()
        while True:
            with self.phases("tokenise"):
                piece = next(pieces, done)
            if piece is done:
                return
            yield piece  # type: ignore[misc]

    def stream(self, features: FeatureRows, step: Step, *, counts: int | None = None) -> dict[str, OutputRows]:
        """Runs ``step`` over all rows; its outputs scattered back to the order of the rows, one array a row.

        Outputs of one shape come as one array, others as a list. The results of a batch are put in their places when
        the next batch is already under way on the device. On a processor several threads call ``step`` at once.
        ``progress`` is told ``counts`` in all, a share for each batch: the examples behind the rows; None: the rows.
        With language adapters, the rows of one adapter are computed after those of another.
        """
        check_positions(plain_model(self.model), longest_row(features) or int(features.lengths[:].max(initial=0)))
        left, scattered = _Left(features.lengths, self.padding, counts), _Scattered(len(features))
        with self.phases("forward"):
            for portion in self._portions(features, left):
                with portion:
                    in_threads(partial(self._compute, features, step, left, scattered), self._at_once(features))
        self.watch(features, scattered.outputs)
        return scattered.outputs

    def _portions(self, features: FeatureRows, left: _Left) -> Iterator[AbstractContextManager[None]]:
        """Leaves rows of one language adapter at a time, which is active within; all rows, for a model without any."""
        swapped = adapters_in(self.model)
        if swapped is None:
            yield nullcontext()
            return
        numbers = languages_of_rows(features)
        if numbers is None:
            raise ModelError(
                "--language-adapters: these rows do not say their language",
                hint="their class needs the method with_languages; Features have it",
            )
        for code, rows in swapped.groups(numbers):
            left.only(rows)
            yield swapped.using(code)

    def _compute(self, features: FeatureRows, step: Step, left: _Left, scattered: _Scattered) -> None:
        """Takes batches until none is left; several threads may do so at the same time."""
        import torch

        # One autocast for all batches: it keeps the weights that it has rounded until it is left.
        with left.abandoned_by_errors(), torch.inference_mode(), self.autocast():
            fetch: Callable[[], None] = lambda: None  # noqa: E731
            while len(rows := left.take(self._tokens_a_batch())):
                try:
                    outputs = self._run(features, rows, step)
                    fetch()
                except (MemoryError, RuntimeError) as error:
                    if not _out_of_memory(error) or len(rows) == 1:
                        raise
                    self._shrink(int(features.lengths[rows].max()) * len(rows))
                    left.give_back(rows)
                    continue
                fetch = partial(self._fetch, left, scattered, rows, outputs)
            fetch()

    def _fetch(self, left: _Left, scattered: _Scattered, rows: IntArray, outputs: _OnTheWay) -> None:
        arrived = outputs.arrived()
        with left.lock:
            scattered.put(rows, arrived)
            self.progress(left.completed(rows))
            self.tokens += int(left.lengths[rows].sum())

    def _tokens_a_batch(self) -> int:
        return min(self.budget, CPU_BATCH_TOKENS) if self.on_processor else self.budget

    def _at_once(self, features: FeatureRows) -> int:
        """Number of batches computed at the same time: on a processor as many as it has threads."""
        import torch

        if not self.on_processor or not _keeps_nothing(self.model):
            return 1  # a GPU queues them itself
        batches_at_least = -(-int(features.lengths.sum()) // self._tokens_a_batch())
        return max(min(torch.get_num_threads(), batches_at_least), 1)

    def _run(self, features: FeatureRows, rows: IntArray, step: Step) -> _OnTheWay:
        """The outputs of these rows, on their way back from the device; floats in single precision."""
        pad = self.tokenizer.pad_token_id
        arrays = features.batch(rows, 0 if pad is None else pad)
        batch = {name: sent(array, self.device) for name, array in arrays.items()}
        with _words_of_compiler():
            outputs = step(self.model, batch)
        return _OnTheWay(
            {name: value.float() if value.is_floating_point() else value for name, value in outputs.items()}
        )

    def autocast(self) -> Any:
        """The precision that the model computes in, as a context."""
        import torch

        if self.dtype == "fp32":
            return nullcontext()
        kind = torch.bfloat16 if self.dtype == "bf16" else torch.float16
        return torch.autocast(torch.device(self.device).type, dtype=kind)

    def _shrink(self, held: int) -> None:
        import torch

        self.budget = min(self.budget, max(held // 2, 1))  # several threads may run out at the same time
        log.warning("out of memory at %d tokens a batch: going on with %d", held, self.budget)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


@contextmanager
def _words_of_compiler() -> Iterator[None]:
    """Turns what ``--compile`` runs into, at the first batch of a shape, into a ModelError."""
    try:
        yield
    except RuntimeError as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        raise ModelError(f"--compile: {in_words(error)}", hint="leave out --compile") from error


def _keeps_nothing(model: PreTrainedModel) -> bool:
    """Tells whether several threads may call the model at once: its layers are of libraries that keep nothing between calls.

    Layers of bitsandbytes and of code that comes with a model may; what ``--compile`` makes is for one thread; and the
    processes of a sharded model must all compute the same batches in the same order.
    """
    if getattr(model, "_compiled_call_impl", None) is not None:
        return False
    return all(type(layer).__module__.partition(".")[0] in _LIBRARIES for layer in (model, *model.modules()))


class _Left:
    """The rows that are in no batch yet, longest first, for threads that take batches of them."""

    def __init__(self, lengths: IntArray, padding: str, counts: int | None = None) -> None:
        self.lengths = lengths
        self._counts = len(lengths) if counts is None else counts
        self._rows_done = 0
        self.padding = padding
        self.lock = Lock()
        self._order = np.argsort(-lengths, kind="stable")

    def only(self, rows: IntArray) -> None:
        """Leaves these rows, of those that are in no batch yet."""
        self._order = rows[np.argsort(-self.lengths[rows], kind="stable")]

    def take(self, budget: int) -> IntArray:
        """The next batch; no rows where none are left."""
        with self.lock:
            rows = next(batches(self.lengths, budget, self._order, padding=self.padding), self._order)
            self._order = self._order[len(rows) :]
            return rows

    def completed(self, rows: IntArray) -> int:
        """Adds these rows to what is done; returns their share of the count. Needs the lock."""
        before, self._rows_done = self._rows_done, self._rows_done + len(rows)
        return self._rows_done * self._counts // len(self.lengths) - before * self._counts // len(self.lengths)

    def give_back(self, rows: IntArray) -> None:
        """Puts rows back, to be taken again in smaller batches."""
        with self.lock:
            self._order = np.concatenate([rows, self._order])
            self._order = self._order[np.argsort(-self.lengths[self._order], kind="stable")]

    @contextmanager
    def abandoned_by_errors(self) -> Iterator[None]:
        """An error, or Ctrl-C, in one thread leaves nothing for the others to take."""
        try:
            yield
        except BaseException:
            with self.lock:
                self._order = self._order[:0]
            raise


class _OnTheWay:
    """Tensors that a GPU copies to the host behind its computation, before it takes up the next batch."""

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        import torch

        self._tensors = {name: value.to("cpu", non_blocking=value.is_cuda) for name, value in tensors.items()}
        devices = {value.device for value in tensors.values() if value.is_cuda}
        self._events = [torch.cuda.current_stream(device).record_event() for device in devices]

    def arrived(self) -> dict[str, NDArray[Any]]:
        """Waits for the copies."""
        for event in self._events:
            event.synchronize()
        return {name: value.numpy() for name, value in self._tensors.items()}


class _Scattered:
    """Outputs of batches put back into the order of the rows."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.outputs: dict[str, OutputRows] = {}

    def put(self, rows: IntArray, values: Mapping[str, NDArray[Any]]) -> None:
        for name, found in values.items():
            column = self.outputs.get(name)
            if column is None:
                column = self.outputs[name] = np.empty((self.rows, *found.shape[1:]), found.dtype)
            if isinstance(column, np.ndarray) and column.shape[1:] != found.shape[1:]:
                column = self.outputs[name] = list(column)  # batches of several widths: a row has that of its batch
            if isinstance(column, np.ndarray):
                column[rows] = found
            else:
                for row, value in zip(rows.tolist(), found, strict=True):
                    column[row] = value


def _out_of_memory(error: BaseException) -> bool:
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
