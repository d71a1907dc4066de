from __future__ import annotations

import os
from pathlib import Path

import pytest

from virtrigaud_secrets.manifests import sources as module
from virtrigaud_secrets.manifests.limits import MAX_FILE_BYTES
from virtrigaud_secrets.manifests.sources import sources


def names(directory: Path, *paths: Path) -> list[str]:
    return [str(Path(source.file).relative_to(directory)) for source in sources(paths or [directory])]


def test_a_directory_and_what_is_below_it(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "d.txt", "sub/e.yaml", ".git/f.yaml", ".hidden.yaml", "g.YAML"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a: 1")

    assert names(tmp_path) == ["a.yml", "b.yaml", "c.json", "sub/e.yaml"]


def test_a_named_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    file = tmp_path / "manifest.txt"
    file.write_text("a: 1")

    assert [source.text for source in sources([file])] == ["a: 1"]


def test_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1")
    (tmp_path / "b.yaml").symlink_to("a.yaml")

    assert names(tmp_path) == ["a.yaml"]
    assert names(tmp_path, tmp_path / "b.yaml", tmp_path) == ["b.yaml"]


def test_a_mounted_config_map(tmp_path: Path) -> None:
    snapshot = tmp_path / "..2024_01_31"
    snapshot.mkdir()
    (snapshot / "a.yaml").write_text("a: 1")
    (tmp_path / "..data").symlink_to(snapshot.name)
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")

    assert names(tmp_path) == ["a.yaml"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text("a: 1")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "self.yaml").symlink_to("self.yaml")
    (tmp_path / "dangling.yaml").symlink_to("nowhere")

    assert names(tmp_path) == ["sub/a.yaml"]


@pytest.mark.parametrize(
    ("raw", "fault", "line"),
    [
        (b"a: 1\nb: \0", "NUL byte", 2),
        (b"a: 1\n\nb: \xff", "not UTF-8", 3),
        (b"a" * (MAX_FILE_BYTES + 1), "larger than 8 MiB", None),
    ],
)
def test_files_that_are_no_text(tmp_path: Path, raw: bytes, fault: str, line: int | None) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(raw)
    (source,) = sources([file])

    assert fault in source.fault
    assert source.line == line
    assert source.text == ""


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1")

    assert [source.text for source in sources([file])] == ["a: 1"]


@pytest.mark.parametrize("name", ["missing", "missing.yaml", "self.yaml", "a\0b"])
def test_what_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "self.yaml").symlink_to("self.yaml")
    (source,) = sources([tmp_path / name])

    assert source.fault == "no such file or directory"


def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.yaml").write_text("a: 1")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(module.Path, "open", refuse)
    (source,) = sources([tmp_path])

    assert source.fault == "cannot be read: Permission denied"


def test_a_pipe_in_a_directory_is_no_manifest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")

    assert names(tmp_path) == []
