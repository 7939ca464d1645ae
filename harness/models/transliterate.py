"""Transliteration within the tokenizer: rules that rewrite one script in another before anything else sees the text.

They become part of the normaliser in tokenizer.json, so that whatever uses the model later reads all text alike, and
tokens still point into the text as it was written (Chau & Smith 2021 transliterate the files instead).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from harness.core.errors import DataError, ModelError, UsageError, did_you_mean
from harness.core.files import read_text
from harness.models._copied import copy_with_tokenizer
from harness.models.load import load_tokenizer

HEADER = ("source", "target", "before")
"""Columns of a table: what is replaced, by what, and (if not empty) only where this follows."""


@dataclass(frozen=True)
class Rule:
    """One replacement: of ``source`` by ``target``, wherever it is, or only right before ``before``."""

    source: str
    target: str
    before: str = ""

    def normaliser(self) -> dict[str, Any]:
        """The rule as tokenizer.json spells it."""
        pattern = {"String": self.source}
        if self.before:
            pattern = {"Regex": f"{_literal(self.source)}(?={_literal(self.before)})"}
        return {"type": "Replace", "pattern": pattern, "content": self.target}


@dataclass(frozen=True)
class Transliteration:
    """A table of rules by name. They are applied one after the other, each to what those before have left."""

    name: str
    rules: tuple[Rule, ...]

    def apply(self, text: str) -> str:
        """The text in the other script, as a tokenizer with these rules sees it."""
        from tokenizers import Regex, normalizers

        rules = (rule.normaliser() for rule in self.rules)
        made = [
            normalizers.Replace(Regex(rule["pattern"]["Regex"]), rule["content"])
            if "Regex" in rule["pattern"]
            else normalizers.Replace(rule["pattern"]["String"], rule["content"])
            for rule in rules
        ]
        return str(normalizers.Sequence([normalizers.NFKC(), *made]).normalize_str(text))


def transliteration(name: str, folders: Sequence[Path] = ()) -> Transliteration:
    """The table ``transliterate/<name>.tsv`` of the first data folder that has one, or that of the harness.

    UsageError for an unknown name, DataError, with the line, for a table that cannot be used.
    """
    own = files(__package__) / "transliterations"
    found = next((path for folder in folders if (path := folder / "transliterate" / f"{name}.tsv").is_file()), None)
    if found is not None:
        return Transliteration(name, tuple(_rules(read_text(found), str(found))))
    known = sorted(entry.name.removesuffix(".tsv") for entry in own.iterdir() if entry.name.endswith(".tsv"))
    if name not in known:
        raise UsageError(
            f"option transliterate: no table called {name!r}",
            hint=did_you_mean(name, known) or f"there are {', '.join(known)}; yours: DATA_DIR/transliterate/{name}.tsv",
        )
    return Transliteration(name, tuple(_rules((own / f"{name}.tsv").read_text(encoding="utf-8"), f"{name}.tsv")))


def transliterate(model: Path, tables: Sequence[Transliteration], folder: Path) -> None:
    """Writes the model in ``model`` to ``folder``, with a tokenizer that transliterates by these tables, in order.

    Text is brought into the normal form NFKC first. The weights are those of the model. ModelError for models whose tokens
    are letters or bytes, and for tokenizers whose class makes a normaliser of its own.
    """
    tokenizer = load_tokenizer(model)
    if not tokenizer.is_fast:
        raise ModelError(
            f"{model}: its tokens are letters, found by Python: they cannot be transliterated",
            hint="a model with a vocabulary of pieces, such as XLM-R or mBERT",
        )
    own = json.loads(tokenizer.backend_tokenizer.to_str())["normalizer"]
    rules = {"type": "Sequence", "normalizers": [*normalisers(tables), *_parts(own)]}
    copy_with_tokenizer(model, tokenizer, {"normalizer": rules}, folder)
    written = load_tokenizer(folder)
    if not transliterates(written, tables):
        raise ModelError(
            f"{model}: its kind of tokenizer ({type(written).__name__}) makes a normaliser of its own",
            hint="transliterate works for BERT, XLM-R and other models whose tokenizer.json is taken as it is",
        )


def transliterates(tokenizer: Any, tables: Sequence[Transliteration]) -> bool:
    """Tells whether a tokenizer begins with the rules of these tables."""
    if not tokenizer.is_fast:
        return False
    spec = json.loads(tokenizer.backend_tokenizer.to_str())["normalizer"]
    rules = normalisers(tables)
    return _parts(spec)[: len(rules)] == rules


def normalisers(tables: Sequence[Transliteration]) -> list[dict[str, Any]]:
    """The rules of the tables as tokenizer.json spells them, after the normal form."""
    return [{"type": "NFKC"}, *(rule.normaliser() for table in tables for rule in table.rules)]


def _parts(normaliser: dict[str, Any] | None) -> list[dict[str, Any]]:
    if normaliser is None:
        return []
    return list(normaliser["normalizers"]) if normaliser["type"] == "Sequence" else [normaliser]


def _rules(text: str, where: str) -> Iterator[Rule]:
    known: dict[tuple[str, str], int] = {}
    header = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split("\t")
        if not header:
            if tuple(cells) not in (HEADER, HEADER[:2]):
                raise DataError(
                    f"{where}:{number}: the header 'source\\ttarget' or 'source\\ttarget\\tbefore' expected"
                )
            header = True
            continue
        rule = _rule(cells, f"{where}:{number}")
        if (first := known.setdefault((rule.source, rule.before), number)) != number:
            raise DataError(f"{where}:{number}: {rule.source!r} is replaced in line {first} already")
        yield rule
    if not known:
        raise DataError(f"{where}: no rules in it", hint="a line 'source\\ttarget' for each letter")


def _rule(cells: list[str], where: str) -> Rule:
    if not 2 <= len(cells) <= 3 or not cells[0]:
        raise DataError(f"{where}: a source, a tab and a target expected, not {chr(9).join(cells)!r}")
    for text in (cells[0], *cells[2:]):
        if (normal := unicodedata.normalize("NFKC", text)) != text:
            raise DataError(f"{where}: {text!r} never comes up, as text is in the form NFKC first: write {normal!r}")
    return Rule(*cells)


def _literal(text: str) -> str:
    """A text as a regular expression of the tokenizers library."""
    return "".join(letter if letter.isalnum() or ord(letter) > 127 else f"\\{letter}" for letter in text)
