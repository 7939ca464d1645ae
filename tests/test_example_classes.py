"""No module asks which class an example is of, apart from the family, the format and the attributes of that class."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from harness.types import examples as module
from harness.types.examples import Example

ROOT = Path(__file__).resolve().parent.parent
CLASSES = {name for name, kind in vars(module).items() if isinstance(kind, type) and issubclass(kind, Example)} - {
    "Example"
}
THEIR_OWN = ("harness/types", "harness/families", "harness/scoring/formats")
"""The classes themselves, and those that read their fields: the family and the format of each."""
ELSEWHERE = {
    "harness/analysis/checklist/families.py": "looks for families that take the questions that the checklist makes",
}


def asked(source: str) -> Iterator[int]:
    """Lines that name a class of examples otherwise than to build one, in an annotation, or to declare a plugin's value.

    A name in quotes counts where something is compared with it or looked up by it.
    """
    tree = ast.parse(source)
    fine: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            fine.add(id(node.func))
            if isinstance(node.func, ast.Name) and node.func.id in ("Family", "Attribute", "attribute"):
                fine |= {id(each) for part in (*node.args, *node.keywords) for each in ast.walk(part)}
        elif isinstance(node, ast.Subscript):
            fine |= {id(each) for each in ast.walk(node.slice)}
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            fine |= {id(each) for each in ast.walk(node.annotation)}
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            fine |= {id(each) for each in ast.walk(node.returns)}
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name in CLASSES and id(node) not in fine and not _bound_otherwise(node, tree, name):
            yield node.lineno
        for key in _keys(node):
            if isinstance(key, ast.Constant) and key.value in CLASSES:
                yield key.lineno


def _keys(node: ast.AST) -> list[ast.expr]:
    """Values that this node compares with, or by which a set or a table is looked up."""
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Dict):
        return [key for key in node.keys if key is not None]
    return node.elts if isinstance(node, ast.Set) else []


def _bound_otherwise(node: ast.AST, tree: ast.AST, name: str) -> bool:
    """Tells whether the name is that of something else: nothing of the examples is imported under it."""
    if isinstance(node, ast.Attribute):
        return not (isinstance(node.value, ast.Name) and node.value.id in ("harness", "examples"))
    imports = (each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom))
    return not any(
        each.module in ("harness", "harness.types.examples") and name in {alias.name for alias in each.names}
        for each in imports
    )


def test_no_module_switches_on_a_class_of_examples() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in ("harness", "plugins", "leaderboards")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(THEIR_OWN)
        and path.relative_to(ROOT).as_posix() not in ELSEWHERE
        for line in asked(path.read_text(encoding="utf-8"))
    ]
    assert found == [], "let the class say it (harness/types/examples.py) instead of asking which class it is"


def test_exceptions_are_needed() -> None:
    assert all(list(asked((ROOT / path).read_text(encoding="utf-8"))) for path in ELSEWHERE)


def test_every_way_to_ask_for_a_class_is_found() -> None:
    head = "from harness.types.examples import Pair, Query, Tagged\nfrom harness.types import examples\n"
    switches = [
        "isinstance(example, Pair)",
        "isinstance(example, (Pair, Query))",
        "isinstance(example, examples.Pair)",
        "issubclass(kind, Pair | Query)",
        "type(example) is Tagged",
        "kinds & {Pair}",
        "SENTENCES = (Pair, Tagged)",
        "TABLE = {Pair: 1}",
        "type(example).__name__ == 'Pair'",
        "SHAPES = {frozenset({'Sentence', 'GoldPair'}): 1}",
        "match example:\n    case Pair():\n        pass",
    ]
    assert [source for source in switches if not list(asked(head + source))] == []
    plain = [
        "Pair('1', 'a', 'b', None)",
        "def f(one: Pair, rest: list[Query]) -> Tagged: ...",
        "found: list[Pair] = []",
        "class Own(Sequence[Pair]): ...",
        "Attribute('length', (Pair,), 'mine:length')",
        "Family('mine', examples=(Pair, Query))",
    ]
    assert [source for source in plain if list(asked(head + source))] == []
