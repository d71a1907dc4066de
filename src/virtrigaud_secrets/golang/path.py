"""Go's `path`: slash-separated names, judged as text. On Unix `path/filepath` gives the same for all of these.

Nothing here looks at a file system.
"""

from __future__ import annotations


def clean(path: str) -> str:
    """The shortest equal path: no empty, `.` or inner `..` element; `.` for an empty one."""
    rooted = path.startswith("/")
    kept: list[str] = []
    for element in path.split("/"):
        if element in {"", "."}:
            continue
        if element != "..":
            kept.append(element)
        elif kept and kept[-1] != "..":
            kept.pop()
        elif not rooted:
            kept.append(element)
    return ("/" if rooted else "") + "/".join(kept) or "."


def base(path: str) -> str:
    """The last element, `.` for an empty path and `/` for one of slashes only."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def directory(path: str) -> str:
    """All but the last element, cleaned."""
    head, slash, _ = path.rpartition("/")
    return clean(head + slash)


def extension(path: str) -> str:
    """From the last dot of the last element on; empty if there is none."""
    _, dot, tail = path.rpartition("/")[2].rpartition(".")
    return dot + tail if dot else ""


def is_absolute(path: str) -> bool:
    """Whether it begins with a slash."""
    return path.startswith("/")
