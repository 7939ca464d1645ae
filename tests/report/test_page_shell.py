"""The shell of the pages: the libraries in them are those that are published, and equal reports are equal pages."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path

from html_pages import Page

from harness.api import report

VENDOR = resources.files("harness.report.pages").joinpath("vendor")
PLAIN = Path(__file__).parents[1] / "golden" / "report" / "runs" / "plain"


def test_every_library_has_its_checksum_version_and_licence() -> None:
    table = VENDOR.joinpath("README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:3] == "| `"]
    assert {row[0].strip("`") for row in rows} == {path.name for path in VENDOR.iterdir() if path.name.endswith(".js")}
    for file, _, version, _, licence, checksum in rows:
        content = VENDOR.joinpath(file.strip("`")).read_bytes()
        assert hashlib.sha256(content).hexdigest() == checksum.strip("`"), file
        assert f"v{version}".encode() in content[:200]
        (name,) = re.findall(r"`(LICENSE\.\w+)`", licence)
        assert b"Copyright" in VENDOR.joinpath(name).read_bytes()


def test_equal_runs_make_equal_pages() -> None:
    assert report([PLAIN], "html") == report([PLAIN], "html")


def test_a_page_can_go_without_examples() -> None:
    page = Page(report([PLAIN], "html", examples=0))
    assert not page.examples() and not any(link.startswith("#examples") for link in page.links)
    assert Page(report([PLAIN], "html")).examples()
