"""The layers of the house: imports point down, those inside functions and for type checkers too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HARNESS = ROOT / "harness"
LAYERS = (
    "core types registry data models inference retrieval families,scoring runs training evaluation results "
    "analysis,leaderboard report run studies efficiency api testing,scaffold cli"
)
FLOOR = {name: floor for floor, names in enumerate(LAYERS.split()) for name in names.split(",")}
HEAVY = {"torch", "transformers", "faiss", "numpy", "pandas", "datasets", "evaluate", "pyarrow", "peft"}
"""Third parties whose import takes a tenth of a second or more, or brings one that does."""


def modules() -> dict[str, Path]:
    """Every module of ours by its name."""
    paths = (path for path in sorted(HARNESS.rglob("*.py")) if "templates" not in path.parts)
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imported(node: ast.AST, inside: bool = False, typing: bool = False) -> Iterator[tuple[int, str, bool, bool]]:
    """Line, module, whether inside a function, and whether for type checkers only, of every import below a node."""
    for child in ast.iter_child_nodes(node):
        within = inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        checking = typing or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
        if isinstance(child, ast.ImportFrom) and child.module:
            for alias in child.names:
                full = f"{child.module}.{alias.name}"
                yield child.lineno, full if full in MODULES else child.module, inside, typing
        elif isinstance(child, ast.Import):
            yield from ((child.lineno, alias.name, inside, typing) for alias in child.names)
        yield from imported(child, within, checking)


def own_imports(name: str) -> Iterator[tuple[int, str, bool, bool]]:
    return (found for found in imported(TREES[name]) if found[1].split(".")[0] == "harness")


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else "harness"


def test_what_lies_directly_under_harness_is_a_layer() -> None:
    entries = {path.stem for path in HARNESS.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert entries - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_the_layers_are_written_down_as_they_are_checked(page: str) -> None:
    (written,) = re.findall(r"core < types .*?< cli", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    assert re.sub(r",\s+", ",", written).replace("<", " ").split() == LAYERS.split()


def test_every_package_imports_only_from_layers_below_it() -> None:
    wrong = [
        f"{MODULES[name].relative_to(ROOT)}:{line}: {room(name)} imports {target}"
        for name in MODULES
        if name != "harness"
        for line, target, _, _ in own_imports(name)
        if room(target) != room(name) and FLOOR.get(room(target), len(FLOOR)) >= FLOOR[room(name)]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        name: {target for _, target, _, typing in own_imports(name) if not typing and target != name}
        for name in MODULES
    }
    while leaves := {name for name, targets in graph.items() if not targets & set(graph)}:
        graph = {name: targets for name, targets in graph.items() if name not in leaves}
    used = {target for targets in graph.values() for target in targets}
    assert not graph, f"in circles, or above one: {sorted(set(graph) & used)}"


def weight(name: str, seen: set[str]) -> bool:
    """Whether importing a module imports a heavy third party."""
    if name in seen or name not in MODULES:
        return name.split(".")[0] in HEAVY
    seen.add(name)
    above = [".".join(name.split(".")[:length]) for length in range(1, name.count(".") + 1)]
    found = [target for _, target, inside, typing in imported(TREES[name]) if not inside and not typing]
    return any(weight(target, seen) for target in [*found, *above])


def test_ours_are_imported_late_only_where_that_delays_a_heavy_library() -> None:
    """The command line imports what a command needs when it is called, and so do the entries."""
    wrong = [
        f"{MODULES[name].relative_to(ROOT)}:{line}: {target}"
        for name in MODULES
        if room(name) not in ("cli", "api", "run", "harness")
        for line, target, inside, _ in own_imports(name)
        if inside and not weight(target, set())
    ]
    assert not wrong, "import these at the top of the module:\n" + "\n".join(wrong)


def test_modules_with_an_underscore_are_imported_in_their_own_package_only() -> None:
    wrong = [
        f"{MODULES[name].relative_to(ROOT)}:{line}: {target}"
        for name in MODULES
        for line, target, _, _ in own_imports(name)
        if any(part.startswith("_") for part in target.split(".")) and room(target) != room(name)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_global_registry_is_taken_by_entries_and_the_command_line_only() -> None:
    above = FLOOR["run"]
    wrong = [
        name
        for name in MODULES
        if room(name) != "harness" and FLOOR[room(name)] < above
        for _, target, _, _ in own_imports(name)
        if target == "harness.registry.default"
    ]
    assert not wrong


@pytest.mark.parametrize("name", sorted(set(FLOOR) - {"api", "run"}))
def test_each_package_says_in_a_line_what_lives_there(name: str) -> None:
    said = ast.get_docstring(ast.parse((HARNESS / name / "__init__.py").read_text(encoding="utf-8"))) or ""
    first = said.partition("\n")[0]
    assert 20 < len(first) < 120 and first.endswith("."), f"harness/{name}/__init__.py: {said!r}"


def docstrings() -> Iterator[tuple[str, str]]:
    """Place and text of every string that documents something, attributes included."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield f"{MODULES[name].relative_to(ROOT)}:{node.lineno}", node.value.value


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    asking = re.compile(r"(What|Where|Whether|Who|Whose|Which|How|Why)\b")
    wrong = [f"{place}: {text.splitlines()[0]}" for place, text in docstrings() if asking.match(text.strip())]
    assert not wrong, "\n".join(wrong)


def strings() -> set[str]:
    """Every "module:name" of ours in the code, the plugins and the scaffold's templates."""
    paths = [*MODULES.values(), *(ROOT / "plugins").rglob("*.py"), *HARNESS.rglob("*.tmpl")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    return set(re.findall(r"[\"'](harness\.[\w.]+:[A-Za-z_]\w*)[\"']", text))


@pytest.mark.parametrize("reference", sorted(strings()))
def test_every_object_that_is_named_by_a_string_is_there(reference: str) -> None:
    module, _, name = reference.partition(":")
    assert hasattr(import_module(module), name)
