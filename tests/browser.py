"""A headless Chromium for tests of pages, which the tests of a module share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --no-first-run".split()


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium. Where there is none the tests are skipped, but not in continuous integration."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None and os.environ.get("CI"):
        pytest.fail("no Chromium: continuous integration installs one (.ci/run), as the pages are tested in it")
    if path is None:
        pytest.skip("no Chromium in PATH (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, *, width: int = 1280, **context: object) -> Iterator[Page]:
    """A page in a window of its own; whatever it complains of, and any request that leaves it, fails the test."""
    complaints: list[str] = []
    window = browser.new_context(viewport={"width": width, "height": 900}, **context)  # type: ignore[arg-type]
    page = window.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith("file:") else complaints.append(request.url))
    page.goto(url)
    yield page
    window.close()
    assert not complaints
