"""Progress of a run or a training on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.cli.console import stderr_console
from harness.core.errors import HarnessError
from harness.core.safe_text import safe
from harness.types.progress import ProgressListener
from harness.types.record import UnitRecord
from harness.types.units import Unit


class TerminalProgress(ProgressListener):
    """Live lines on a terminal, one plain line a finished unit elsewhere; always on standard error."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = stderr_console()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> TerminalProgress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        """A plain line."""
        self._line(text)

    def training(self, task: str) -> Callable[[int, int, float], None]:
        """A bar with the loss."""
        self._line(f"training on {task}")
        bar = self._progress.add_task(f"train {safe(task)}", total=None)

        def tell(step: int, total: int, loss: float) -> None:
            self._progress.update(bar, completed=step, total=total, description=f"train {safe(task)}, loss {loss:.3f}")
            if step >= total:
                self._progress.remove_task(bar)
                self._line(f"trained on {task}: {total} steps, loss {loss:.3f}")

        return tell

    @contextmanager
    def predicting(self, task: str, examples: int) -> Iterator[Callable[[int], None]]:
        """A bar of rows; windows and pieces make more rows than examples."""
        bar = self._progress.add_task(f"predict {safe(task)}", total=examples)
        try:
            yield lambda rows: self._progress.advance(bar, rows)
        finally:
            self._progress.remove_task(bar)

    def unit(self, unit: Unit, entry: UnitRecord, *, cached: bool) -> None:
        """One line: the unit and its main scores."""
        score = entry["score"]
        if score is None:
            shown = "predicted; no gold labels to score against"
        else:
            shown = "  ".join(f"{name} {value['value']:.2f}" for name, value in score["metrics"].items())
        self._line(f"{unit.key:<24} {shown}{'  (kept)' if cached else ''}")

    def failed(self, unit: Unit, error: HarnessError) -> None:
        """One line: the unit and the error."""
        self._line(f"{unit.key:<24} failed: {error}")

    def _line(self, text: str) -> None:
        self._progress.console.print(text)
