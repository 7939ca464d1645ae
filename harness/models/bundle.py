"""Data and models in one tar file, to be carried to a machine without internet."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from harness.core.border import PASSING, in_words
from harness.core.errors import DataError
from harness.core.hashing import file_sha256
from harness.core.inside import names_inside
from harness.core.version import __version__
from harness.data.locate import SAMPLE_MARKER, Files
from harness.models._deciding import deciding_files
from harness.types.sources import FileData, HubData, Source

if TYPE_CHECKING:
    from harness.models.resolve import ResolvedModel

SCHEMA = "harness-bundle/1"
MANIFEST = "bundle.json"
_BLOCK = 1 << 20
_LARGEST_MANIFEST = 1 << 24
"""Bytes: a hundred thousand files."""


def data_names(found: Iterable[tuple[Source, Files]]) -> dict[str, Path]:
    """Names in a bundle (``data/<owner>/<name>/<config>/<file>``, as a data folder has them) and the files they are."""
    names: dict[str, Path] = {}
    for source, files in found:
        if files.origin == "python":
            raise DataError(
                f"{files.label}: made in Python, with no files to put into a bundle",
                hint="write it to files in a data folder, and let a source name these",
            )
        for number, path in enumerate(files.paths):
            names[f"data/{_name(source, files, number, path)}"] = path
        if files.sample and files.root is not None:
            names[f"data/{SAMPLE_MARKER}"] = files.root / SAMPLE_MARKER
    return names


def _name(source: Source, files: Files, number: int, path: Path) -> str:
    if isinstance(source, HubData) and (files.root is None or not path.is_relative_to(files.root)):
        return f"{source.repo}/{source.config or 'data'}/{source.split}-{number:05d}-of-{len(files.paths):05d}.parquet"
    if files.root is None:
        return path.name
    inside = path.relative_to(files.root).as_posix()
    repo = "" if isinstance(source, FileData) or files.origin == "folder" else source.repo
    return f"{repo}/{inside}" if repo else inside


def model_names(model: ResolvedModel, slug: str) -> dict[str, Path]:
    """Names in a bundle (``models/<slug>/<file>``) of what loading a model reads."""
    return {f"models/{slug}/{name}": model.folder / name for name in deciding_files(model.folder)}


def write_bundle(out: Path, names: Mapping[str, Path], models: Mapping[str, ResolvedModel]) -> None:
    """Writes the tar file as a whole or not at all; the same content gives the same bytes."""
    manifest = {
        "schema": SCHEMA,
        "harness": __version__,
        "models": {
            slug: {"reference": model.reference, "revision": model.revision, "fingerprint": model.fingerprint}
            for slug, model in models.items()
        },
        "files": {name: file_sha256(path) for name, path in sorted(names.items())},
    }
    scratch = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("wb") as stream, tarfile.open(fileobj=stream, mode="w") as tar:
            content = json.dumps(manifest, indent=1).encode()
            tar.addfile(_member(MANIFEST, len(content)), io.BytesIO(content))
            for name, path in sorted(names.items()):
                with path.open("rb") as file:
                    tar.addfile(_member(name, path.stat().st_size), file)
            tar.close()
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}", hint="check the disk and the folder") from None
    finally:
        scratch.unlink(missing_ok=True)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644
    return member


def read_bundle(bundle: Path, folder: Path) -> dict[str, Any]:
    """Unpacks a bundle into ``folder`` (``data/`` and ``models/``) and returns its manifest.

    Nothing is put in place before everything is checked. DataError for a file that is no whole bundle, holds links or
    names outside the folder, or whose content is not what the manifest says, and for other files already there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unbundle-", dir=folder) as scratch:
            with tarfile.open(bundle, "r:") as tar:  # as it was written: a compressed one may unpack to anything
                manifest = _unpack(bundle, tar, Path(scratch))
            _put(manifest["files"], Path(scratch), folder)
            return manifest
    except PASSING:
        raise
    except OSError as error:
        if error.errno is None:  # of a way to compress
            raise DataError(f"{bundle}: not a whole bundle ({error})", hint="copy it again") from None
        where = error.filename or bundle
        raise DataError(f"{where}: {error.strerror or error}", hint="check the path and the disk") from None
    except BaseException as error:  # of tarfile, or of any of the ways to compress
        hint = "copy it again" if _plain(bundle) else "bundles are not compressed: decompress it first, if you trust it"
        raise DataError(f"{bundle}: not a whole bundle ({in_words(error)})", hint=hint) from None


def _plain(bundle: Path) -> bool:
    with bundle.open("rb") as file:
        return not file.read(6).startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"(\xb5/\xfd"))


def _unpack(bundle: Path, tar: tarfile.TarFile, scratch: Path) -> dict[str, Any]:
    manifest: dict[str, Any] | None = None
    seen: set[str] = set()
    for member in tar:
        _check_name(bundle, member.name)
        if not member.isreg() or member.sparse is not None:  # a sparse file claims more than the bundle holds
            raise DataError(
                f"{bundle}: {member.name!r} is not a regular file", hint="bundles hold no links; do not use it"
            )
        source = tar.extractfile(member)
        assert source is not None
        if manifest is None:
            manifest = _manifest(bundle, member, source)
            continue
        if member.name not in manifest["files"] or member.name in seen:
            raise DataError(f"{bundle}: {member.name!r} is not in its manifest, or twice", hint="do not use it")
        target = scratch / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with target.open("xb") as file:
            while block := source.read(_BLOCK):
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != manifest["files"][member.name]:
            raise DataError(f"{bundle}: {member.name} is damaged (its sha256 differs)", hint="copy the bundle again")
        seen.add(member.name)
    if manifest is None or seen != set(manifest["files"]):
        raise DataError(f"{bundle}: not a whole bundle: files are missing", hint="copy it again")
    return manifest


def _manifest(bundle: Path, member: tarfile.TarInfo, source: IO[bytes]) -> dict[str, Any]:
    no_bundle = DataError(
        f"{bundle}: not a bundle: no {MANIFEST} at its start", hint="bundles are written by `harness data bundle`"
    )
    if member.name != MANIFEST or member.size > _LARGEST_MANIFEST:
        raise no_bundle
    try:
        manifest = json.loads(source.read())
    except Exception:
        raise no_bundle from None
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or manifest.get("schema") != SCHEMA:
        raise no_bundle
    return dict(manifest)


def _check_name(bundle: Path, name: str) -> None:
    path = PurePosixPath(name)
    plain = name == path.as_posix() and name.isprintable() and "\\" not in name and ":" not in name
    inside = names_inside(name) and (name == MANIFEST or path.parts[0] in PLACES)
    if not (plain and inside):
        raise DataError(f"{bundle}: the name {name!r} leads out of the folder", hint="do not use this file")


PLACES = ("data", "models")


def _put(names: Iterable[str], scratch: Path, folder: Path) -> None:
    # The marker comes first: nothing of the sample corpus may exist without it.
    names = sorted(names, key=lambda name: not name.endswith(f"/{SAMPLE_MARKER}"))
    for name in names:
        target = folder / name
        if target.exists() and not (target.is_file() and file_sha256(target) == file_sha256(scratch / name)):
            raise DataError(f"{target}: already exists with other content", hint="choose another folder")
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(scratch / name, target)
