from __future__ import annotations

import pytest

from virtrigaud_secrets.golang import path


@pytest.mark.parametrize(
    ("text", "cleaned", "base", "directory", "extension"),
    [
        ("", ".", ".", ".", ""),
        ("/", "/", "/", "/", ""),
        ("//", "/", "/", "/", ""),
        ("a", "a", "a", ".", ""),
        ("a/b.tar.gz", "a/b.tar.gz", "b.tar.gz", "a", ".gz"),
        ("/a//b/", "/a/b", "b", "/a/b", ""),
        ("a/../../b", "../b", "b", "..", ""),
        ("/../a", "/a", "a", "/", ""),
        ("a.b/c", "a.b/c", "c", "a.b", ""),
        ("./x", "x", "x", ".", ""),
        (".x", ".x", ".x", ".", ".x"),
        ("a/.", "a", ".", "a", "."),
    ],
)
def test_paths(text: str, cleaned: str, base: str, directory: str, extension: str) -> None:
    assert path.clean(text) == cleaned
    assert path.base(text) == base
    assert path.directory(text) == directory
    assert path.extension(text) == extension


def test_a_path_from_the_root_is_absolute() -> None:
    assert path.is_absolute("/a")
    assert not path.is_absolute("a")
    assert not path.is_absolute("")
