import os
import stat
from pathlib import Path

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import directory as module
from virtrigaud_secrets.delivery.directory import DATA, RETENTION, Directory
from virtrigaud_secrets.errors import ClosedError, ConfigurationError
from virtrigaud_secrets.testing import ManualClock

ONE = Bundle({"username": b"u1\n", "password": b"p1"})
TWO = Bundle({"username": b"u2", "known_hosts": b"k"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / "credentials"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def shown(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir() if not file.name.startswith("..")}


def versions(path: Path) -> set[str]:
    return {file.name for file in path.iterdir() if file.name.startswith("..") and not file.is_symlink()}


def test_looks_as_the_kubelet_mounts_a_secret(path: Path) -> None:
    with Directory(path) as directory:
        assert directory.write(ONE)
        assert shown(path) == {"username": b"u1", "password": b"p1"}
        assert (path / "username").readlink() == Path(f"{DATA}/username")
        (version,) = versions(path)
        assert (path / DATA).readlink() == Path(version)


def test_modes_hold_whatever_the_umask(path: Path) -> None:
    before = os.umask(0o077)
    try:
        with Directory(path, mode=0o440) as directory:
            directory.write(ONE)
    finally:
        os.umask(before)
    assert mode(path / "username") == 0o440
    assert mode(path) == mode(path / DATA) == 0o750


def test_files_are_0600_in_0700_unless_told_otherwise(path: Path) -> None:
    with Directory(path) as directory:
        directory.write(ONE)
    assert (mode(path / "password"), mode(path), mode(path / DATA)) == (0o600, 0o700, 0o700)


@pytest.mark.parametrize("bad", [0o666, 0o620, 0o044, 0o1600])
def test_a_mode_that_lets_others_write_is_refused(path: Path, bad: int) -> None:
    with pytest.raises(ConfigurationError, match="mode of files"):
        Directory(path, mode=bad)


def test_the_next_version_takes_its_place_as_a_whole(path: Path) -> None:
    with Directory(path) as directory:
        directory.write(ONE)
        assert directory.write(TWO)
        assert shown(path) == {"username": b"u2", "known_hosts": b"k\n"}
    assert len(versions(path)) == 1


def test_a_reader_that_has_found_a_version_still_reads_all_of_it(path: Path) -> None:
    clock = ManualClock()
    with Directory(path, clock=clock) as directory:
        directory.write(ONE)
        old = (path / DATA).resolve()
        directory.write(TWO)
        assert (old / "password").read_bytes() == b"p1"
        clock.advance(RETENTION)
        directory.write(ONE)
        assert not old.exists()


def test_old_versions_go_without_another_write(path: Path) -> None:
    clock = ManualClock()
    with Directory(path, clock=clock) as directory:
        directory.write(ONE)
        directory.write(TWO)
        assert len(versions(path)) == 2
        clock.advance(RETENTION)
        directory._sweep()
        assert len(versions(path)) == 1
        assert shown(path)["username"] == b"u2"


def test_however_fast_they_come_old_versions_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VERSIONS", 3)
    with Directory(path, clock=ManualClock()) as directory:
        for number in range(10):
            directory.write(Bundle({"a": b"%d" % number}))
        assert len(versions(path)) == 4


def test_the_same_again_touches_nothing(path: Path) -> None:
    with Directory(path) as directory:
        directory.write(ONE)
        before = (path / DATA).readlink()
        assert not directory.write(ONE)
        assert (path / DATA).readlink() == before
    with Directory(path) as directory:
        assert not directory.write(ONE)


@pytest.mark.parametrize("harm", ["remove link", "change file", "change mode"])
def test_what_was_harmed_is_written_anew(path: Path, harm: str) -> None:
    with Directory(path) as directory:
        directory.write(ONE)
        if harm == "remove link":
            (path / "password").unlink()
        elif harm == "change file":
            (path / "password").write_bytes(b"other")
        else:
            (path / "password").chmod(0o644)
        assert directory.write(ONE)
        assert shown(path)["password"] == b"p1"
        assert mode(path / "password") == 0o600


def test_files_of_others_are_left_alone_and_not_replaced(path: Path) -> None:
    path.mkdir(mode=0o700)
    (path / "own").write_bytes(b"theirs")
    (path / "password").write_bytes(b"theirs")
    with Directory(path) as directory:
        with pytest.raises(ConfigurationError, match="password is in the way"):
            directory.write(ONE)
        directory.write(Bundle({"username": b"u"}))
    assert (path / "own").read_bytes() == (path / "password").read_bytes() == b"theirs"


def test_a_failed_write_leaves_the_old_files_and_nothing_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Directory(path) as directory:
        directory.write(ONE)
        before = sorted(path.iterdir())

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fchmod", full)
        with pytest.raises(OSError, match="No space"):
            directory.write(TWO)
        monkeypatch.undo()
        assert sorted(path.iterdir()) == before
        assert shown(path) == {"username": b"u1", "password": b"p1"}


def test_what_a_killed_process_left_is_removed_and_its_last_version_stays(path: Path) -> None:
    with Directory(path) as directory:
        directory.write(ONE)
    (path / "..2026_01_01_00_00_00.dead").mkdir()
    (path / "..2026_01_01_00_00_00.dead/password").write_bytes(b"old")
    (path / "..data_tmp").symlink_to("nowhere")
    with Directory(path):
        assert shown(path) == {"username": b"u1", "password": b"p1"}
        assert len(versions(path)) == 1
        assert not (path / "..data_tmp").is_symlink()


def test_one_writer_at_a_time(path: Path) -> None:
    with Directory(path), pytest.raises(ConfigurationError, match="another process or another Directory"):
        Directory(path)
    Directory(path).close()


def test_unsafe_places_are_refused(path: Path) -> None:
    path.parent.chmod(0o777)
    with pytest.raises(ConfigurationError, match="others may write to its parent"):
        Directory(path)
    Directory(path, allow_unsafe_parents=True).close()
    path.parent.chmod(0o700)
    link = path.parent / "link"
    link.symlink_to(path)
    with pytest.raises(ConfigurationError, match="not a directory"):
        Directory(link)
    path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="others may write to it"):
        Directory(path)


def test_a_parent_that_is_missing_is_told(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be made: No such file"):
        Directory(path / "deeper")


def test_follows_a_subscription_until_it_is_closed(path: Path, by_hand) -> None:
    source = by_hand(ONE)
    with Directory(path) as directory:
        directory.follow(source)
        source.rotate(TWO)
        assert shown(path)["username"] == b"u2"
    source.rotate(ONE)
    assert shown(path)["username"] == b"u2"
    with pytest.raises(ClosedError):
        directory.write(ONE)


def test_remove_leaves_nothing(path: Path) -> None:
    directory = Directory(path)
    directory.write(ONE)
    directory.remove()
    directory.close()
    assert not path.exists()


def test_its_text_shows_the_path_only(path: Path) -> None:
    with Directory(path) as directory:
        directory.write(ONE)
        assert repr(directory) == f"<Directory {path}>"
