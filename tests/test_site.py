"""The documentation is a site: built strictly, every page in its place, and nothing fetched from the network."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as ``make site`` builds it: any warning is an error."""
    pytest.importorskip("mkdocs", reason="MkDocs is not installed: pip install '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    beside = {Path("CONTRIBUTING.html"), Path("SECURITY.html"), Path("CHANGELOG.html")}
    kept = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs" / "study_pages").glob("*.html")}
    assert {path.relative_to(site) for path in site.rglob("*.html")} == pages | beside | kept | {Path("404.html")}


def test_the_site_loads_nothing_from_the_network(site: Path) -> None:
    for page in site.rglob("*.html"):
        absolute = page.name == "404.html"  # shown at any address
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"([^\"]*)\"", text)
        loaded += re.findall(
            r"<link[^>]*\srel=\"(?:stylesheet|preload|preconnect|icon)\"[^>]*\shref=\"([^\"]*)\"", text
        )
        loaded += re.findall(
            r"<link[^>]*\shref=\"([^\"]*)\"[^>]*\srel=\"(?:stylesheet|preload|preconnect|icon)\"", text
        )
        assert loaded or page.parent.name == "study_pages"  # whose pages are whole by themselves
        for target in loaded:
            assert not re.match(r"(?:[a-z]+:)?//", target), f"{page.name}: {target}"
            assert absolute or (page.parent / target.partition("?")[0]).is_file(), f"{page.name}: {target}"


def test_links_to_sources_are_no_links_where_no_repository_is_named(site: Path) -> None:
    text = (site / "results.html").read_text(encoding="utf-8")
    assert "peers/transfer.py" in text and 'benchmarks/peers/transfer.py"' not in text
    assert 'href="index.html#limitations"' in (site / "protocol.html").read_text(encoding="utf-8")


def test_the_script_that_is_kept_here_is_the_one_that_was_published() -> None:
    folder = ROOT / "docs" / "site" / "iframe-worker"
    published = "e8e412dbcfea9b7e31b5ffa288d7b6035915e714c542f4176a0cdbe262fc9609"
    assert hashlib.sha256((folder / "shim.js").read_bytes()).hexdigest() == published
    assert "Permission is hereby granted" in (folder / "LICENSE").read_text(encoding="utf-8")


def test_every_term_that_the_glossary_links_has_an_entry_and_terms_are_in_use() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert len(set(terms)) == len(terms) > 40
    elsewhere = " ".join(
        path.read_text(encoding="utf-8").lower() for path in (ROOT / "docs").rglob("*.md") if path.name != "glossary.md"
    )
    assert [term for term in terms if term.lower() not in elsewhere] == []
    assert elsewhere.count("glossary.md#") >= 5
