"""Sources of data in words."""

from __future__ import annotations

from harness.types.tasks import DatasetsData, FileData, Source, Where


def described(source: Source, commit: str = "") -> str:
    """Describes a source in one line, at a commit if there is one: ``google/xtreme/XNLI/test@0123456789ab[language=sw]``."""
    if isinstance(source, FileData):
        return source.files[0] + (f" and {len(source.files) - 1} more" if len(source.files) > 1 else "")
    revision = source.revision or commit[:12]
    if isinstance(source, DatasetsData):
        text = _files_or_function(source) + (f"@{revision}" if revision and source.repo else "")
        return text + _condition(source.where)
    text = "/".join(filter(None, (source.repo, source.config, source.split))) + (f"@{revision}" if revision else "")
    return text + _condition(source.where)


def _condition(where: Where | None) -> str:
    if where is None:
        return ""
    return f"[{where.column}" + (f"={where.equals}]" if where.equals is not None else f"^={where.startswith}]")


def _files_or_function(source: DatasetsData) -> str:
    if source.load is not None:
        made = getattr(source.load, "func", source.load)  # of functools.partial
        return f"{made.__module__}.{getattr(made, '__qualname__', type(made).__name__)}"
    first = "/".join(filter(None, (source.repo, source.files[0])))
    return first + (f" and {len(source.files) - 1} more" if len(source.files) > 1 else "")
