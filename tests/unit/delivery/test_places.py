import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from virtrigaud_secrets.delivery.places import PrivateDirectory, open_own_directory, refuse_unsafe_parents
from virtrigaud_secrets.errors import ConfigurationError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


def test_only_its_user_can_look_into_it_and_it_is_gone_afterwards(place: Path) -> None:
    with PrivateDirectory(parent=place) as made:
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o700
        assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
        (made.path / "deep").mkdir()
        (made.path / "deep/file").write_bytes(b"x")
    made.close()
    assert not made.path.exists()


def test_it_is_in_memory_where_the_system_has_such_a_place() -> None:
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("this system has no /dev/shm")
    with PrivateDirectory() as made:
        assert made.path.is_relative_to("/dev/shm")


def test_two_live_side_by_side(place: Path) -> None:
    with PrivateDirectory(parent=place) as first, PrivateDirectory(parent=place) as second:
        assert first.path.exists()
        assert second.path.exists()


PROGRAM = """
import os, signal, sys
from pathlib import Path
from virtrigaud_secrets.delivery import PrivateDirectory
made = PrivateDirectory(parent=Path(sys.argv[1]))
(made.path / "key").write_bytes(b"planted")
print(made.path, flush=True)
{end}
"""


def left_by(place: Path, end: str) -> Path:
    command = [sys.executable, "-c", PROGRAM.format(end=end), str(place)]
    return Path(subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout.strip())


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise RuntimeError"])
def test_it_is_gone_at_exit(place: Path, end: str) -> None:
    assert not left_by(place, end).exists()


def test_what_a_killed_process_left_is_gone_at_the_next_start(place: Path) -> None:
    left = left_by(place, "os.kill(os.getpid(), signal.SIGKILL)")
    assert (left / "key").read_bytes() == b"planted"
    with PrivateDirectory(parent=place):
        assert not left.exists()


def test_a_forked_child_removes_nothing(place: Path) -> None:
    path = left_by(place, "pid = os.fork()\nif not pid: sys.exit()\nos.waitpid(pid, 0)\nassert made.path.exists()")
    assert not path.exists()


class TestOwnDirectory:
    def test_is_made_with_its_mode_whatever_the_umask(self, place: Path) -> None:
        before = os.umask(0o777)
        try:
            os.close(open_own_directory(place / "new", mode=0o750))
        finally:
            os.umask(before)
        assert stat.S_IMODE((place / "new").stat().st_mode) == 0o750

    def test_is_no_link_and_no_file(self, place: Path) -> None:
        (place / "link").symlink_to(place)
        (place / "file").touch()
        for name in ("link", "file"):
            with pytest.raises(ConfigurationError, match="not a directory"):
                open_own_directory(place / name)

    def test_is_written_by_nobody_else(self, place: Path) -> None:
        (place / "open").mkdir()
        (place / "open").chmod(0o770)
        with pytest.raises(ConfigurationError, match="others may write"):
            open_own_directory(place / "open")


class TestParents:
    def test_a_parent_that_others_write_to_is_refused_unless_it_is_sticky(self, place: Path) -> None:
        place.chmod(0o777)
        with pytest.raises(ConfigurationError, match="others may write to its parent"):
            refuse_unsafe_parents(place / "x")
        place.chmod(0o1777)
        refuse_unsafe_parents(place / "x")

    def test_a_grandparent_counts_too(self, place: Path) -> None:
        (place / "a").mkdir(mode=0o700)
        place.chmod(0o770)
        with pytest.raises(ConfigurationError, match="others may write"):
            refuse_unsafe_parents(place / "a/b")

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
    def test_a_parent_of_somebody_else_is_refused(self, place: Path) -> None:
        try:
            os.chown(place, 12345, -1)
        except OSError:
            pytest.skip("this container maps no other user")
        with pytest.raises(ConfigurationError, match="belongs to another user"):
            refuse_unsafe_parents(place / "x")
