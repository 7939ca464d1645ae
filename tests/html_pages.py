"""What stands in an HTML page of ours: its elements, its charts, and its compressed examples."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from html.parser import HTMLParser
from typing import Any


class Page(HTMLParser):
    """Tags, attributes, links, comments and texts as a browser's tokenizer sees them; contents of scripts by their id."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.policy = ""
        self.comments: list[str] = []
        self.text: list[str] = []
        self.scripts: dict[str, str] = {}
        self._script: str | None = None
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.tags[tag] += 1
        self.attributes |= set(values)
        self.links |= {values[name] or "" for name in ("href", "src") if name in values}
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""
        self._script = values.get("id") or "" if tag == "script" else None

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if self._script is None:
            self.text.append(data)
        else:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def charts(self) -> list[dict[str, Any]]:
        """The charts, as the page draws them."""
        return json.loads(self.scripts["chart-data"])

    def examples(self) -> dict[str, list[Any]]:
        """The examples of each task as [id, language, texts, answers]."""
        tasks = json.loads(self.scripts["example-index"])["tasks"] if "example-index" in self.scripts else []
        return {task["name"]: json.loads(unpacked(self.scripts[f"examples-{i}"])) for i, task in enumerate(tasks)}


def unpacked(text: str) -> str:
    """A compressed part of a page."""
    return gzip.decompress(base64.b64decode(text)).decode("utf-8")
