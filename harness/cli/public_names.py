"""The public names for type checkers: ``python -m harness.cli.public_names > harness/__init__.pyi``."""

from __future__ import annotations

from importlib import import_module

_PACKAGE = import_module("harness")
INTRODUCTION = "# Written by `make docs` from the table in __init__.py.\n\n"


def stub() -> str:
    """The whole stub: an import of every public name from its module, and ``__all__``."""
    imports = [f"from {module} import {name} as {name}" for module, name in _places()]
    names = "\n".join(f'    "{name}",' for name in _PACKAGE.__all__)
    return INTRODUCTION + "\n".join(imports) + f"\n\n__all__ = [\n{names}\n]\n"


def _places() -> list[tuple[str, str]]:
    """Module and name, sorted as the formatter sorts them."""
    return sorted((module, name) for module, names in _PACKAGE._NAMES_OF.items() for name in names.split())


if __name__ == "__main__":
    print(stub(), end="")
