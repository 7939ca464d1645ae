"""Makes the pictures of the documentation (``docs/images``) from the real pages, in a headless Chromium.

    harness demo
    python tools/screenshots.py runs/demo/e5-small runs/demo/e5-small-via-mnli --data-dir runs/demo/data \\
        --study runs/size-robustness/smoke/analysis/index.html

The first run gives the report of one run, both together the differences and the examples; the board has the published
rows. Needs the packages playwright and pillow, and Chromium in PATH.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from harness.api import report
from harness.leaderboard.board import build_board
from harness.leaderboard.rows import published_rows
from harness.registry.default import get_registry
from harness.report.pages.board_page import page as board_page

FLAGS = "--no-sandbox --disable-gpu --hide-scrollbars --disable-background-networking --no-first-run".split()
COLOURS = 160
"""Colours of a picture, which keep it small."""


@dataclass(frozen=True)
class Shot:
    """A picture: of which page, from which element on, its size (CSS pixels), light or dark, and what is clicked before."""

    name: str
    page: str
    start: str
    size: tuple[int, int]
    scheme: str = "light"
    clicks: tuple[str, ...] = ()


MAP = "#scores [data-tab]:not([hidden])"
SHOTS = (
    Shot("report", "one", "header", (1180, 1420)),
    Shot("report-dark", "one", "#scores", (1180, 640), "dark"),
    Shot("report-phone", "one", "#scores", (390, 760)),
    Shot("differences", "two", "#scores", (1180, 600), clicks=("#scores [role=tab]:last-child",)),
    Shot("examples", "two", "#examples", (1180, 820), clicks=(f"{MAP} tbody tr:nth-child(2) td:last-child a",)),
    Shot("board", "board", "header", (1180, 1000)),
    Shot("study", "study", "#effects", (1180, 640)),
    Shot("board-charts", "board", "[data-tab]:not([hidden]) .charts", (1180, 450), "dark"),
)


def main() -> None:
    """Writes the pages into a temporary folder, and takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs=2, type=Path, metavar="RUN")
    parser.add_argument("--study", type=Path, help="the page of a study: the picture of it is left out without")
    parser.add_argument("--data-dir", type=Path, help="the data of the runs, for their examples")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        registry = get_registry()
        pages = {
            "one": report(options.runs[:1], "html", data_dir=options.data_dir),
            "two": report(options.runs, "html", data_dir=options.data_dir),
            "board": board_page(build_board(published_rows(registry), "xtreme", registry)),
        }
        if options.study:
            pages["study"] = options.study.read_text(encoding="utf-8")
        for name, text in pages.items():
            Path(folder, f"{name}.html").write_text(text, encoding="utf-8")
        for shot in (shot for shot in SHOTS if shot.page in pages):
            path = options.out / f"{shot.name}.png"
            take(chromium, Path(folder, f"{shot.page}.html").as_uri(), shot, path)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


@contextmanager
def browser() -> Iterator[Browser]:
    """The Chromium of the system."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield found
        found.close()


def take(chromium: Browser, url: str, shot: Shot, path: Path) -> None:
    """Takes one picture, its colours reduced."""
    width, height = shot.size
    window = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme=shot.scheme,
        device_scale_factor=1.4,  # type: ignore[arg-type]
    )
    page = window.new_page()
    page.goto(url)
    for selector in shot.clicks:
        page.locator(selector).last.click()
    settle(page, shot.start)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    window.close()


def settle(page: Page, start: str) -> None:
    """Scrolls to an element and waits until the charts and examples near it are drawn."""
    page.add_style_tag(content="html { scroll-behavior: auto !important; } nav { position: static !important; }")
    for _ in range(2):  # drawing moves what is below
        page.locator(start).first.evaluate("element => scrollBy(0, element.getBoundingClientRect().top - 24)")
        page.wait_for_timeout(1500)


if __name__ == "__main__":
    main()
