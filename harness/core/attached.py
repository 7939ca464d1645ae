"""Processes that end with the one that started them."""

from __future__ import annotations

import os
import signal
import threading


def stopped_with_input() -> None:
    """Interrupts this process, as Ctrl-C does, as soon as its standard input is closed or the process holding it ends.

    Called by the main thread. Ctrl-C is made to work, even if the process that started this one ignores it or has blocked it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    main = threading.get_ident()

    def watch() -> None:
        while os.read(0, 1):
            pass
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()
