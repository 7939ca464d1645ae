"""A command of the harness in a process of its own, forked once the slow imports are done."""

from __future__ import annotations

import importlib
import io
import os
import resource
import selectors
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.torture.verdict import Done

PROCESSOR_SECONDS = 300
"""No command of an attack takes a hundredth of it, whatever else the machine does."""
SLOW = ("numpy", "torch", "pyarrow.parquet", "datasets", "transformers", "accelerate", "safetensors.torch", "jinja2")


def prepare() -> None:
    """Imports what is slow. Nothing is computed in this process: a fork has none of its threads."""
    for name in SLOW:
        importlib.import_module(name)


class Started:
    """A command that was started; ``wait`` says how it ended."""

    def __init__(self, words: Sequence[str], first: Callable[[], object] | None = None) -> None:
        """``first`` is called in the new process before the command."""
        self.words = tuple(words)
        pipes = os.pipe(), os.pipe()  # files could not grow where the disk is full
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                code = self._work(first, [end for _, end in pipes])
            finally:
                os._exit(code)
        for _, end in pipes:
            os.close(end)
        self._ends = [end for end, _ in pipes]

    def wait(self) -> Done:
        """Waits until it has ended."""
        written = dict.fromkeys(self._ends, b"")
        with selectors.DefaultSelector() as selector:
            for end in self._ends:
                selector.register(end, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    part = os.read(key.fd, 1 << 16)
                    written[key.fd] += part
                    if not part:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return Done(self.words, code, *(text.decode("utf-8", "replace") for text in written.values()))

    def _work(self, first: Callable[[], object] | None, ends: Sequence[int]) -> int:
        for number, end in zip((1, 2), ends, strict=True):
            os.dup2(end, number)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(os.fdopen(number, "wb", closefd=False), encoding="utf-8", line_buffering=True)
            for number in (1, 2)
        )
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if first:
            first()
        from harness.cli.main import main

        code = main(self.words)
        sys.stdout.flush()
        sys.stderr.flush()
        return code


def harness(*words: object, first: Callable[[], object] | None = None) -> Done:
    """Runs a command to its end."""
    return Started([str(word) for word in words], first).wait()


def files(folder: Path) -> list[Path]:
    """All files of a folder, by name."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
