"""A forked process ends, reads and writes as a new interpreter does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from warm_python import New

pytestmark = [
    pytest.mark.usefixtures("warm_python"),
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="processes are forked on Linux only"),
]
LOADED = "import sys; print('torch' in sys.modules)"


def ended(kind: Any, program: str, **options: Any) -> tuple[int, str, str]:
    """How a program ends, what it writes, and the last line of its errors."""
    command = [sys.executable, "-c", program, "word"]
    process = kind(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True, **options)
    written, errors = process.communicate("read")
    return process.returncode, written, errors.rstrip().rpartition("\n")[2]


@pytest.mark.parametrize(
    "program",
    [
        "import os, sys; print(sys.argv, sys.stdin.read(), os.getcwd(), os.environ['ASKED'])",
        "import sys; sys.exit(7)",
        "import sys; sys.exit('no')",
        "1 / 0",
        "import os; os.kill(os.getpid(), 9)",
        "import atexit, sys; atexit.register(print, 'last'); print('first'); sys.exit(3)",
        "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', 'exit(5)']).returncode)",
    ],
)
def test_a_program_ends_as_in_a_new_interpreter(program: str, tmp_path: Path) -> None:
    options = {"cwd": tmp_path, "env": {**os.environ, "ASKED": "for"}}
    assert ended(subprocess.Popen, program, **options) == ended(New, program, **options)


@pytest.mark.parametrize("option", [[], ["-u"]], ids=str)
def test_scripts_and_modules_know_their_names_and_words(option: list[str], tmp_path: Path) -> None:
    (tmp_path / "one_module.py").write_text("import sys; print(__name__, sys.argv, sys.path[0])")
    for words in (["-m", "one_module"], [str(tmp_path / "one_module.py")], ["one_module.py"]):
        command = [sys.executable, *option, *words, "-c", "word"]
        new, forked = (kind(command, stdout=subprocess.PIPE, cwd=tmp_path) for kind in (New, subprocess.Popen))
        assert forked.communicate() == new.communicate() and forked.returncode == new.returncode == 0


def test_it_is_forked_but_where_what_is_read_on_import_differs() -> None:
    assert ended(subprocess.Popen, LOADED) == (0, "True\n", "")
    assert ended(subprocess.Popen, LOADED, env={**os.environ, "HF_HOME": "/other"}) == (0, "False\n", "")
    assert ended(subprocess.Popen, LOADED, preexec_fn=lambda: None) == (0, "False\n", "")


def test_signals_reach_it() -> None:
    for sent in (signal.SIGINT, signal.SIGTERM):
        # as in a terminal: what is started in the background may have been told to ignore the first
        heard = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler)"
        program = f"{heard}; print('there', flush=True); time.sleep(1000)"
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None and process.stdout.readline() == b"there\n" and process.poll() is None
        process.send_signal(sent)
        assert process.wait() == process.poll() == -sent
        process.stdout.close()
