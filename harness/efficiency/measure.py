"""Measurement of several models side by side: memory, operations, latency, throughput, and how they compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError, UsageError
from harness.data.access import DataAccess
from harness.efficiency.energy import Meter, meter_of
from harness.efficiency.machine import hardware
from harness.efficiency.memory import Memory, Task, measure_memory
from harness.efficiency.opened import Opened, open_network, open_session
from harness.efficiency.operations import count
from harness.efficiency.pareto import Known, models_of, scored_runs
from harness.efficiency.percentiles import percentiles
from harness.efficiency.protocol import NATURAL, Protocol
from harness.efficiency.ratio import Ratio, ratio_of_medians
from harness.efficiency.result import Efficiency, Fertility, Latency, ModelEfficiency, Throughput
from harness.efficiency.sample import Sample, draw_sample
from harness.efficiency.turns import Block, Call, Turns, order, paired, since
from harness.inference.token_counts import token_counts
from harness.models.attention import attention_of
from harness.models.heads import plain_model
from harness.runs.record import environment
from harness.types.options import EvalOptions

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.results.run_view import RunView

MILLI = 1e3


def measure(
    models: Sequence[str],
    task: str,
    registry: Registry,
    options: EvalOptions,
    protocol: Protocol | None = None,
    *,
    languages: Sequence[str] = (),
    scores: Sequence[RunView] = (),
    memory: bool = True,
    said: Callable[[str], None] = lambda text: None,
) -> Efficiency:
    """Measures models on the texts of a task. Each is compared with the first one.

    Of the ``options``, those count that say how a model is loaded and computed with, and ``data_dir``. A model that is
    given twice is loaded twice, and compared with itself. ``scores`` are runs of the models, whose accuracy is put beside
    their latency. Without ``memory`` no other process is started. ``said`` is told how far it is.

    Raises UsageError for a task that does not fit, for a run of another model and for no model, DataError without data,
    ModelError for a model that cannot be loaded.
    """
    import torch

    protocol = protocol or Protocol()
    if not models:
        raise UsageError("no model is given", hint="harness efficiency MODEL... --task TASK")
    data = DataAccess.of(registry, options.data_dir, offline=options.offline)
    # The number of languages is not known before the sample is drawn: as many examples as a single one would need.
    sample = draw_sample(registry, data, task, languages, protocol.seed, protocol.examples(1))
    most = protocol.examples(len(sample.codes))
    sample = draw_sample(registry, data, task, languages, protocol.seed, most)
    names = distinct(models)
    sessions = [open_session(model, sample, registry, options) for model in models]
    known = [
        Known(model, session.model.fingerprint if session.model else "")
        for model, session in zip(models, sessions, strict=True)
    ]
    models_of(scores, sample.task.name, known)
    needed: list[Memory | None] = [None] * len(models)
    for index, model in enumerate(models if memory else ()):
        said(f"{model}: memory, in a process of its own")
        needed[index] = measure_memory(Task(model, task, tuple(languages), options, protocol, most))
    opened = []
    for name, session in zip(names, sessions, strict=True):
        said(f"{name}: loading")
        opened.append(open_network(name, session, sample, registry))
    counts = [count(each) for each in opened]
    device = opened[0].forward.device
    meter = meter_of(device)
    batches = _Batches(opened, protocol, meter)
    turns = Turns(
        [each.call for each in opened],
        protocol,
        meter,
        around=opened[0].computing,
        said=said,
        after=batches.session,
    ).run()
    found = []
    for index, each in enumerate(opened):
        blocks = [block for block in turns.blocks if block.model == index]
        parameters, operations = counts[index]
        found.append(
            ModelEfficiency(
                name=each.name,
                reference=models[index],
                fingerprint=known[index].fingerprint,
                head=each.head,
                dtype=each.forward.dtype,
                attention=attention_of(plain_model(each.network)),
                parameters=parameters,
                operations=operations,
                latency=latency(blocks),
                throughput=tuple(batches.throughput(index)),
                memory=needed[index],
                fertility=tuple(_fertility(each, sample)),
                ratio=_ratio(turns.blocks, index, protocol, forward=False),
                forward_ratio=_ratio(turns.blocks, index, protocol, forward=True),
            )
        )
    medians = [model.latency.median for model in found]
    return Efficiency(
        task=sample.task.name,
        languages=tuple(sample.codes),
        missing=sample.missing,
        examples=len(sample),
        protocol=protocol,
        hardware=hardware(device),
        environment=environment(),
        threads=torch.get_num_threads(),
        compiled=options.compiled,
        energy=meter.kind or None,
        sessions=tuple(turns.sessions),
        models=tuple(found),
        blocks=tuple(map(_plain, turns.blocks)),
        scores=scored_runs(scores, sample.task.name, known, names, medians),
    )


def distinct(models: Sequence[str]) -> list[str]:
    """The models' names; one that is given twice has a number from its second time on."""
    seen: Counter[str] = Counter()
    found = []
    for model in models:
        seen[model] += 1
        found.append(model if seen[model] == 1 else f"{model} ({seen[model]})")
    return found


def latency(blocks: Sequence[Block]) -> Latency:
    """Percentiles over all calls of a model's blocks, in milliseconds."""
    total = [MILLI * seconds for block in blocks for seconds in block.total]
    forward = [MILLI * seconds for block in blocks for seconds in block.forward]
    joules = [block.joules for block in blocks]
    known = [value for value in joules if value is not None]
    each = sum(known) / len(total) if len(known) == len(joules) and total else None
    return Latency(len(total), percentiles(total), percentiles(forward), each)


def _ratio(blocks: Sequence[Block], index: int, protocol: Protocol, *, forward: bool) -> Ratio | None:
    if index == 0:
        return None
    pairs = list(paired(blocks, index, 0))
    times = [[block.forward if forward else block.total for block in pair] for pair in pairs]
    return ratio_of_medians([one for one, _ in times], [other for _, other in times], protocol.seed)


def _fertility(opened: Opened, sample: Sample) -> Iterator[Fertility]:
    examples = Counter(sample.languages)
    for code in sample.codes:
        counts = token_counts(opened.forward.tokenizer, code, sample.texts(code))
        yield Fertility(code, counts.per_word, counts.per_character, counts.tokens / examples[code])


def _plain(block: Block) -> dict[str, Any]:
    """A block with its times in milliseconds, to a tenth of a microsecond."""
    return {
        "model": block.model,
        "session": block.session,
        "round": block.round,
        "total": [round(MILLI * seconds, 4) for seconds in block.total],
        "forward": [round(MILLI * seconds, 4) for seconds in block.forward],
        "joules": block.joules,
    }


class _Batches:
    """The throughput of the models, a part of it in each session: each batch size at each length, in a drawn order."""

    def __init__(self, opened: Sequence[Opened], protocol: Protocol, meter: Meter) -> None:
        self._opened, self._protocol, self._meter = opened, protocol, meter
        self._calls: dict[tuple[int, int], list[Call]] = {}
        self._joules: dict[tuple[int, int], list[float | None]] = {}
        self._reasons: dict[tuple[int, int], str] = {}

    def session(self, session: int) -> None:
        """Calls until each cell has its share of the seconds, two calls at least; the first one of each is not kept."""
        protocol = self._protocol
        until = protocol.seconds_a_cell * (session + 1) / protocol.sessions
        for cell in order(len(protocol.cells), protocol.seed, session):
            for index in order(len(self._opened), protocol.seed, session * len(protocol.cells) + cell):
                if (index, cell) not in self._reasons:
                    self._measure(index, cell, until)

    def _measure(self, index: int, cell: int, until: float) -> None:
        import torch

        size, length = self._protocol.cells[cell]
        kept = self._calls.setdefault((index, cell), [])
        if len(kept) > 1 and sum(call.total for call in kept) >= until:
            return
        try:
            call = self._call(index, size, length)
            if not kept:
                call(0)
            before = self._meter.joules()
            while len(kept) < 2 or sum(call.total for call in kept) < until:
                kept.append(call(len(kept) * size))
            self._joules.setdefault((index, cell), []).append(since(self._meter, before))
        except (MemoryError, torch.OutOfMemoryError):
            self._reasons[index, cell] = "out of memory"
        except HarnessError as error:
            self._reasons[index, cell] = str(error)

    def _call(self, index: int, size: int, length: int | str) -> Callable[[int], Call]:
        opened = self._opened[index]
        if isinstance(length, str):
            return partial(opened.call, count=size)
        rows = opened.filled(size, length)
        return lambda start: opened.filled_call(rows)

    def throughput(self, index: int) -> Iterator[Throughput]:
        """Yields the findings for a model, in the order of the protocol."""
        for cell, (size, length) in enumerate(self._protocol.cells):
            empty = Throughput(size, length, reason=self._reasons.get((index, cell), ""))
            calls = self._calls.get((index, cell), [])
            if empty.reason or not calls:
                yield empty
                continue
            examples = size * len(calls)
            joules = self._joules[index, cell]
            known = [value for value in joules if value is not None]
            yield replace(
                empty,
                calls=len(calls),
                total=examples / sum(call.total for call in calls) if length == NATURAL else None,
                forward=examples / sum(call.forward for call in calls),
                joules_an_example=sum(known) / examples if len(known) == len(joules) else None,
            )
