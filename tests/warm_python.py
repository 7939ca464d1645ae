"""Python programs in processes of their own, forked from one that has done the slow imports.

Such a process is like any other: its signals, streams, limits and exit code are its own. It only does not import torch
and transformers anew, which takes longer than most of what tests ask of it. A new interpreter is started all the same
where it would differ from a fork: if a function is to be called first, or a variable that is read on import is not as it
was. Tests of the start itself, and of what a command or a plugin imports, do without this module.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SLOW = ("torch", "pyarrow.parquet", "datasets", "transformers", "accelerate", "safetensors.torch")
OURS = ("harness.cli.main", "harness.api", "harness.evaluation.evaluator", "harness.training.train_stage")
READ_ON_IMPORT = ("HF_", "HOME", "LANG", "LC_", "OMP_", "PYTHON", "TRANSFORMERS_", "XDG_")
"""How the names of variables begin that interpreters and libraries read as they start."""
SERVER = "WARM_PYTHON"
"""Names the server's socket, for the processes that a forked one starts."""
NUMBER = struct.Struct("q")
WHOLE = socket.MSG_WAITALL
New = subprocess.Popen
"""Starts new interpreters, whatever stands in its place."""


class Warm(New):
    """``subprocess.Popen``, which forks programs in Python from the server."""

    _asked: socket.socket | None = None

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, pass_fds: Any, cwd: Any,
                       env: Any, *more: Any) -> None:  # fmt: skip
        # more: startupinfo, creationflags, shell, both ends of three pipes, restore_signals, gid, gids, uid, umask, session
        words = [os.fspath(word) for word in args] if isinstance(args, (list, tuple)) else []
        if len(words) > 1 and words[0] == sys.executable and not (executable or preexec_fn or pass_fds or more[2]):
            request = {"words": words[1:], "cwd": str(cwd or Path.cwd()), "session": bool(more[14])}
            ends = more[3:9]
            if self._forked({**request, "env": dict(env or os.environ)}, (ends[0], ends[3], ends[5])):
                self._child_created = True
                self._close_pipe_fds(*ends)
                return
        super()._execute_child(args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *more)

    def _forked(self, request: dict[str, Any], streams: tuple[int, ...]) -> bool:
        asked = socket.socket(socket.AF_UNIX)
        asked.connect(server())
        written = json.dumps(request).encode()
        ours = [number if end == -1 else end for number, end in enumerate(streams)]
        socket.send_fds(asked, [NUMBER.pack(len(written))], ours)
        asked.sendall(written)
        (self.pid,) = NUMBER.unpack(asked.recv(NUMBER.size, WHOLE))
        if self.pid:
            self._asked = asked
        else:
            asked.close()
        return bool(self.pid)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._asked is None:
            return super()._try_wait(wait_flags)
        with selectors.DefaultSelector() as selector:
            selector.register(self._asked, selectors.EVENT_READ)
            if not selector.select(0 if wait_flags & os.WNOHANG else None):
                return 0, 0
        (status,) = NUMBER.unpack(self._asked.recv(NUMBER.size, WHOLE))
        self._asked.close()
        return self.pid, status

    def _internal_poll(self, _deadstate: Any = None, **other: Any) -> Any:
        if self._asked is not None:
            other["_waitpid"] = lambda pid, flags: self._try_wait(flags)
        return super()._internal_poll(_deadstate, **other)


@functools.cache
def server() -> str:
    """The socket of the server; the first call starts it, and it ends with this process."""
    if SERVER in os.environ:
        return os.environ[SERVER]
    path = Path(tempfile.mkdtemp(prefix="warm-")) / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        started = New(
            [sys.executable, __file__, str(path), str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
        )
    atexit.register(started.communicate)  # the server ends with its input, so also if this process is killed
    return str(path)


class Server:
    """Forks a process for each request, and tells who asked how it ended."""

    def __init__(self, path: Path, listener: socket.socket) -> None:
        self.path, self.listener = path, listener
        self.selector = selectors.DefaultSelector()
        self.waiting: dict[int, socket.socket] = {}

    def request(self) -> dict[str, Any]:
        """Returns in each fork, with what it is to do; the server itself ends with the process that started it."""
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is sys.stdin:
                    self.path.unlink()
                    self.path.parent.rmdir()
                    os._exit(0)
                if key.fileobj is not self.listener:
                    self._ended(key.fd, key.data)
                elif request := self._accepted():
                    return request

    def _accepted(self) -> dict[str, Any] | None:
        """The request in a new process, whose number is the answer to it; 0 says that a new interpreter is needed."""
        asked, _ = self.listener.accept()
        length, streams, _, _ = socket.recv_fds(asked, NUMBER.size, 3)
        request: dict[str, Any] = json.loads(asked.recv(NUMBER.unpack(length)[0], WHOLE))
        request["streams"] = streams
        pid = 0
        option = request["words"][0]
        if (option in ("-c", "-m", "-u") or option[0] != "-") and self._alike(request["env"]):
            pid = os.fork()
            if pid == 0:
                for other in (asked, self.listener, self.selector, *self.waiting.values()):
                    other.close()
                return request
            self.selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
            self.waiting[pid] = asked
        asked.sendall(NUMBER.pack(pid))
        for stream in streams:
            os.close(stream)
        return None

    def _alike(self, variables: dict[str, str]) -> bool:
        names = {name for name in {*os.environ, *variables} if name.startswith(READ_ON_IMPORT)}
        return all(os.environ.get(name) == variables.get(name) for name in names)

    def _ended(self, descriptor: int, pid: int) -> None:
        self.selector.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        with self.waiting.pop(pid) as asked, contextlib.suppress(BrokenPipeError):  # who asked is gone
            asked.sendall(NUMBER.pack(status))


def become(request: dict[str, Any], path: str) -> None:
    """Runs the program as a new interpreter would; what it raises ends this process as it ends any other."""
    if request["session"]:
        os.setsid()
    for number, stream in enumerate(request["streams"]):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    tempfile.tempdir = None
    os.environ.clear()
    os.environ.update({**request["env"], SERVER: path})
    signal.signal(signal.SIGINT, signal.default_int_handler)
    option, *words = request["words"]
    if option == "-u":
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(write_through=True)
        option, *words = words
    if option in ("-c", "-m"):
        asked, *words = words
    sys.argv = [option, *words]
    sys.path[0] = {"-c": "", "-m": str(Path.cwd())}.get(option, str(Path(option).parent.absolute()))
    if option == "-c":
        exec(compile(asked, "<string>", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})
    elif option == "-m":
        runpy.run_module(asked, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(option, run_name="__main__")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    subprocess.Popen = Warm
    for name in (*SLOW, *OURS):
        importlib.import_module(name)
    gc.freeze()  # else each fork looks for cycles among what was imported here, copies it by that, and takes a second to end
    become(Server(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))).request(), sys.argv[1])
