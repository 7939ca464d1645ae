"""Tables of a measurement: latency, throughput, size, and how finely the tokenizers cut the languages."""

from __future__ import annotations

from collections.abc import Iterator

from harness.efficiency.percentiles import Percentile
from harness.efficiency.ratio import Ratio
from harness.efficiency.result import Efficiency
from harness.report.table import DASH, Cell, Column, PageText, Table, Value, number, report_table
from harness.types.languages import language_name


def efficiency_tables(found: Efficiency) -> Iterator[Table]:
    """All tables; each has a row a model, or a column of each."""
    yield latency_table(found)
    if found.scores:
        yield accuracy_table(found)
    if found.protocol.cells:
        yield throughput_table(found)
    yield size_table(found)
    yield fertility_table(found)


def latency_table(found: Efficiency) -> Table:
    """Milliseconds of a call on one example, and the ratio to the first model."""
    percents = [each.percent for each in found.models[0].latency.total]
    rows: list[list[Cell]] = []
    for model in found.models:
        total = {each.percent: each for each in model.latency.total}
        cells = [_milliseconds(total.get(percent)) for percent in percents]
        ratio = _ratio(model.ratio)
        forward = _milliseconds(model.latency.forward[0])
        rows.append([model.name, *cells, forward, *ratio, model.latency.calls])
    head: list[str | Column] = [
        "model",
        *(number(f"p{percent}") for percent in percents),
        number("forward p50"),
        number("ratio"),
        "against the first",
        number("calls", detail=True),
    ]
    title = f"latency on {found.device} in ms: one example of {found.task}, from text to prediction"
    notes = [
        "brackets: 95% intervals; ratio: of medians, over blocks of calls",
        *found.cautions(),
    ]
    return report_table("latency", title, head, rows, notes)


def accuracy_table(found: Efficiency) -> Table:
    """The score of each run against the median latency of its model."""
    rows: list[list[Cell]] = [
        [run.run, run.model, Value(run.score, run.half_width), _amount(run.milliseconds), "yes" if run.front else "no"]
        for run in found.scores
    ]
    head: list[str | Column] = ["run", "model", number("score"), number("ms"), "on the front"]
    notes = [
        f"score: mean over {', '.join(found.scores[0].languages)}; ms: median latency of its model",
        "on the front: no other run is as quick and as accurate",
    ]
    return report_table("accuracy", f"accuracy on {found.task} and latency", head, rows, notes)


def throughput_table(found: Efficiency) -> Table:
    """Examples a second: a row a length and batch size, a column a model."""
    rows: list[list[Cell]] = []
    reasons: dict[str, None] = {}
    for place, (size, length) in enumerate(found.protocol.cells):
        cells: list[Cell] = []
        for model in found.models:
            cell = model.throughput[place]
            cells.append(_amount(cell.forward if cell.total is None else cell.total))
            if cell.reason:
                reasons[f"{model.name}, {size} x {length}: {cell.reason}"] = None
        rows.append([str(length), size, *cells])
    notes = [
        "natural: from texts, padded to the longest of a batch; others: forward pass alone, on rows of that length"
    ]
    head: list[str | Column] = ["tokens", number("batch"), *(number(model.name) for model in found.models)]
    return report_table("throughput", "throughput: examples a second", head, rows, [*notes, *reasons])


def size_table(found: Efficiency) -> Table:
    """Parameters, operations, memory and energy."""
    rows: list[list[Cell]] = []
    for model in found.models:
        memory, operations = model.memory, model.operations
        rows.append(
            [
                model.name,
                _millions(model.parameters.total),
                _millions(model.parameters.active),
                _millions(model.parameters.embedding),
                _giga(operations.example),
                _mebibytes(model.parameters.bytes),
                _mebibytes(memory.model if memory else None),
                _mebibytes(memory.largest_batch or memory.batch_1 if memory else None),
                _amount(model.latency.joules_an_example),
            ]
        )
    head: list[str | Column] = [
        "model",
        number("parameters"),
        number("active"),
        number("embedding"),
        number("GFLOP"),
        number("weights MiB"),
        number("model MiB"),
        number("peak MiB"),
        number("J"),
    ]
    notes = [
        "GFLOP and J: for an example at batch 1; active: in the layers that the forward pass goes through",
        *_memory_notes(found),
    ]
    for model in found.models:
        deviation = model.operations.deviation
        if deviation is not None and abs(deviation) > 0.01:
            notes.append(f"{model.name}: torch counts other operations, the formula gives {deviation:+.1%}")
    if found.energy is None:
        notes.append("J: this machine does not tell its energy")
    return report_table("size", "size and operations", head, rows, notes)


def fertility_table(found: Efficiency) -> Table:
    """Tokens a word by language, tokens a character where words are not told apart."""
    rows: list[list[Cell]] = []
    for place, code in enumerate(found.languages):
        each = [model.fertility[place] for model in found.models]
        words = each[0].a_word is not None
        values = [one.a_word if words else one.a_character for one in each]
        rows.append([language_name(code), "word" if words else "character", *map(_amount, values)])
    head: list[str | Column] = ["language", "a", *(number(model.name) for model in found.models)]
    return report_table("fertility", "tokens of the tokenizers", head, rows)


def _memory_notes(found: Efficiency) -> Iterator[str]:
    places = {model.memory.on for model in found.models if model.memory}
    if "device" in places:
        yield "model MiB, peak MiB: on the device, peak with the largest batch"
    if "process" in places:
        yield "model MiB: added to the process, where a table that is read from its file counts as far as it was used"
        yield "peak MiB: of the whole process, libraries and tokenizer included, with the largest batch"


def _milliseconds(found: Percentile | None) -> Cell:
    if found is None:
        return None
    low, high = ("" if end is None else digits(end) for end in (found.low, found.high))
    return PageText(f"{digits(found.value)} [{low}, {high}]", order=repr(found.value), number=found.value)


def _ratio(found: Ratio | None) -> tuple[Cell, Cell]:
    if found is None:
        return None, DASH
    spread = "" if found.low is None else f" [{found.low:.2f}, {found.high:.2f}]"
    return PageText(f"{found.value:.2f}{spread}", order=repr(found.value), number=found.value), found.verdict


def _amount(value: float | None) -> Cell:
    return None if value is None else PageText(digits(value), order=repr(value), number=value)


def _millions(value: int) -> Cell:
    return PageText(f"{digits(value / 1e6)}M", order=str(value), number=value)


def _giga(value: float | None) -> Cell:
    return None if value is None else PageText(digits(value / 1e9), order=repr(value), number=value / 1e9)


def _mebibytes(value: int | None) -> Cell:
    return None if value is None else PageText(f"{value / 2**20:,.0f}", order=str(value), number=value / 2**20)


def digits(value: float) -> str:
    """Three significant digits, all of those before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"
