"""Which files are manifests, and their text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from virtrigaud_secrets.manifests.limits import MAX_FILE_BYTES

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
"""Ends of the names that are read in a directory. A file that is named itself is read whatever its name."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file: its text, or why there is none."""

    file: str
    text: str = ""
    fault: str = ""
    line: int | None = None
    """Line of the fault, from 1."""


def sources(paths: Iterable[Path]) -> Iterator[Source]:
    """The files among `paths` and below them, each once, those of a directory in the order of their names."""
    seen: set[Path] = set()
    for path in paths:
        if path.is_dir():
            files = _below(path)
        elif path.exists():
            files = iter([path])
        else:
            yield Source(str(path), fault="no such file or directory")
            continue
        for file in files:
            # The kubelet mounts files as links into a hidden directory, and loops of links have no other end.
            real = file.resolve()
            if real not in seen:
                seen.add(real)
                yield _read(file)


def _below(directory: Path) -> Iterator[Path]:
    found: list[Path] = []
    visited: set[str] = set()
    for root, directories, names in os.walk(directory, followlinks=True):
        real = os.path.realpath(root)
        if real in visited:
            directories.clear()
            continue
        visited.add(real)
        # Hidden directories are somebody's own: `.git`, and the kubelet's `..data`.
        directories[:] = [name for name in directories if not name.startswith(".")]
        found += [Path(root, name) for name in names if Path(name).suffix in SUFFIXES and not name.startswith(".")]
    return iter(sorted(file for file in found if file.is_file()))


def _read(file: Path) -> Source:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return Source(str(file), fault=f"cannot be read: {error.strerror}")
    if len(raw) > MAX_FILE_BYTES:
        return Source(str(file), fault=f"larger than {MAX_FILE_BYTES // 1024 // 1024} MiB, the most a file may hold")
    zero = raw.find(0)
    if zero >= 0:
        return Source(str(file), fault="not text: it holds a NUL byte", line=raw.count(b"\n", 0, zero) + 1)
    try:
        return Source(str(file), text=raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    return Source(str(file), fault="not UTF-8 text", line=line)
