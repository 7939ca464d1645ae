"""A hook of MkDocs: pages beside docs/ become pages of the site, links to sources lead there, and nothing is fetched."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
LINK = re.compile(r"\[([^\]]*)\]\(((?![a-z]+:|#)[^)#\s]+)(#[^)\s]*)?\)")
SHIM = "assets/javascripts/iframe-worker.js"
"""iframe-worker 1.0.4 (MIT, docs/site/iframe-worker): the search of a site that is opened as a file. The theme would
fetch it from the network."""


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that lie beside docs/, and the script that the theme would fetch."""
    for name in BESIDE:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    shim = ROOT / "docs" / "site" / "iframe-worker" / "shim.js"
    files.append(File.generated(config, SHIM, abs_src_path=str(shim)))
    return files


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Takes the script from the site."""
    return _local(output, page.file.url)


def on_post_template(output: str, template_name: str, config: Any) -> str:
    """The same for pages that are made of a template alone (404)."""
    return _local(output, template_name)


def _local(output: str, url: str) -> str:
    up = "../" * url.count("/")
    return output.replace("https://unpkg.com/iframe-worker/shim", f"{up}{SHIM}")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turns links between files of the repository into links between pages of the site."""
    source = page.file.src_uri
    folder = PurePosixPath("" if source in BESIDE else "docs") / PurePosixPath(source).parent

    def rewritten(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        path = (ROOT / folder / target).resolve().relative_to(ROOT).as_posix()
        if not (ROOT / path).exists():
            return match[0]
        inside = {name: name for name in BESIDE} | {"README.md": "index.md"}
        uri = inside.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if uri is not None:
            up = "../" * (len(PurePosixPath(source).parts) - 1)
            return f"[{text}]({up}{uri}{anchor})"
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{path})" if config.repo_url else text

    return LINK.sub(rewritten, markdown)
