"""Names of files that somebody else has written: do they stay in the folder that they are relative to?"""

from __future__ import annotations

from pathlib import PureWindowsPath


def names_inside(name: str) -> bool:
    """Tells whether a name leads to something in its folder, on any system: it is not absolute and has no ``..``.

    Slashes and backslashes both part folders. A link in the folder can still lead out of it.
    """
    path = PureWindowsPath(name)
    return bool(path.parts) and not path.anchor and ".." not in path.parts and "\0" not in name
