"""The writer: whole lines, through rotations, full disks and forks; nobody waits, and what is lost is counted."""

import errno
import json
import logging
import os
import stat
import threading
from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.observability import AuditLog, audit
from virtrigaud_secrets.runtime.accesses import AccessKind, SecretAccess, StoreRead

AT = datetime(2030, 1, 1, tzinfo=UTC)
SALT = b"sixteen bytes or more"


def read(path="a/b"):
    return StoreRead(at=AT, caller="", thread="t", store="SecretStore ns/s", path=path, request_id="r")


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def paths(file):
    return [line["request"]["path"] for line in lines(file)]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "audit.log"


def test_lines_are_appended_and_the_file_is_its_owners(file):
    with AuditLog(file, salt=SALT) as log:
        log.read(read("one"))
        assert log.flush(10)
        assert paths(file) == ["one"]
        log.accessed(SecretAccess(kind=AccessKind.USE, at=AT, caller="", thread="t", manifest="two"))
    assert paths(file) == ["one", "two"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (log.written, log.dropped) == (2, 0)
    with AuditLog(file) as again:
        again.read(read("three"))
    assert paths(file) == ["one", "two", "three"]


def test_nothing_is_opened_before_the_first_line(file):
    with AuditLog(file):
        pass
    assert not file.exists()


@pytest.mark.parametrize("rotate", ["rename", "remove"])
def test_a_file_that_was_rotated_is_begun_anew(file, rotate):
    with AuditLog(file) as log:
        log.read(read("one"))
        assert log.flush(10)
        if rotate == "rename":
            file.rename(file.with_suffix(".1"))
        else:
            file.unlink()
        log.read(read("two"))
        assert log.flush(10)
    assert paths(file) == ["two"]
    if rotate == "rename":
        assert paths(file.with_suffix(".1")) == ["one"]


def test_more_than_may_wait_is_counted_and_told_in_the_next_line(file, monkeypatch):
    go = threading.Event()
    real = audit._FileSink.write

    def held_up(self, waiting):
        go.wait(10)
        real(self, waiting)

    monkeypatch.setattr(audit._FileSink, "write", held_up)
    with AuditLog(file, limit=3) as log:
        log.read(read("first"))
        while log._waiting:
            pass
        for number in range(5):
            log.read(read(str(number)))
        assert log.dropped == 2
        go.set()
        assert log.flush(10)
        log.read(read("last"))
    assert paths(file) == ["first", "0", "1", "2", "last"]
    assert [line.get("dropped") for line in lines(file)] == [None, 2, None, None, None]


def test_a_file_that_cannot_be_written_is_tried_again(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(audit, "RETRY_SECONDS", 0.01)
    directory = tmp_path / "later"
    with AuditLog(directory / "audit.log") as log:
        log.read(read("one"))
        while not caplog.records:
            pass
        directory.mkdir()
        assert log.flush(10)
        log.read(read("two"))
    assert paths(directory / "audit.log") == ["one", "two"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert log.dropped == 0


def test_what_cannot_be_written_until_the_end_is_counted(tmp_path, caplog):
    with AuditLog(tmp_path / "nowhere/audit.log") as log:
        log.read(read())
    assert (log.written, log.dropped) == (0, 1)
    log.read(read())
    assert log.dropped == 2


def test_a_full_disk_tears_no_other_line(file, monkeypatch):
    monkeypatch.setattr(audit, "RETRY_SECONDS", 0.01)
    real, room = os.write, [30]

    def write(descriptor, text):
        if not room:
            return real(descriptor, text)
        left = room.pop()
        if left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        room.append(0)
        return real(descriptor, text[:left])

    monkeypatch.setattr(audit.os, "write", write)
    with AuditLog(file) as log:
        log.read(read("one"))
        log.read(read("two"))
        assert log.flush(10)
    torn, *whole = file.read_text().splitlines()
    assert len(torn) == 30
    assert [json.loads(line)["request"]["path"] for line in whole] == ["one", "two"]
    assert (log.written, log.dropped) == (2, 0)


def test_a_logger(caplog):
    logger = logging.getLogger("test.audit")
    caplog.set_level(logging.INFO, logger="test.audit")
    with AuditLog(logger) as log:
        log.read(read("100%s"))
    (record,) = caplog.records
    assert json.loads(record.getMessage())["request"]["path"] == "100%s"


def test_a_logger_whose_handler_raises_does_not_end_the_writer(caplog):
    class Broken(logging.Filter):
        def filter(self, record):
            raise RuntimeError("canary")

    logger = logging.getLogger("test.broken")
    logger.setLevel(logging.INFO)
    broken = Broken()
    logger.addFilter(broken)
    seen = []
    handler = logging.Handler()
    handler.emit = seen.append
    logger.addHandler(handler)
    with AuditLog(logger) as log:
        log.read(read("one"))
        assert log.flush(10)
        logger.removeFilter(broken)
        log.read(read("two"))
    assert json.loads(seen[0].getMessage())["dropped"] == 1
    assert "canary" not in caplog.text


def test_a_line_that_a_handler_cannot_take_takes_no_other_with_it(caplog):
    go, seen = threading.Event(), []

    class Picky(logging.Filter):
        def filter(self, record):
            go.wait(10)
            if '"path":"bad"' in record.getMessage():
                raise RuntimeError("canary")
            seen.append(json.loads(record.getMessage())["request"]["path"])
            return False

    logger = logging.getLogger("test.picky")
    logger.setLevel(logging.INFO)
    logger.addFilter(Picky())
    with AuditLog(logger) as log:
        for path in ("first", "a", "bad", "b"):
            log.read(read(path))
        go.set()
    assert seen == ["first", "a", "b"]
    assert (log.written, log.dropped) == (3, 1)
    assert "canary" not in caplog.text


def test_what_is_lost_at_the_end_is_said_in_the_log(file, monkeypatch, caplog):
    go = threading.Event()
    monkeypatch.setattr(audit, "CLOSE_SECONDS", 0.01)
    monkeypatch.setattr(audit._FileSink, "write", lambda _, waiting: go.wait(10) and waiting.clear())
    log = AuditLog(file, limit=1)
    log.read(read("first"))
    while log._waiting:
        pass
    for number in range(3):
        log.read(read(str(number)))
    log.close()
    go.set()
    log._thread.join(10)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "the audit is closed with 2 lines or more that were not written yet",
        "the audit is closed, and its last 2 lines were dropped",
    ]


def test_a_line_that_cannot_be_made_is_left_out(file, caplog):
    with AuditLog(file) as log:
        log.read(read(object()))
        log.read(read("two"))
    assert paths(file) == ["two"]
    assert log.dropped == 1


@pytest.mark.parametrize("salt", [b"", b"short"])
def test_a_short_salt_is_refused(file, salt):
    with pytest.raises(ConfigurationError, match="salt"):
        AuditLog(file, salt=salt)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the writer's thread is the point
def test_a_forked_child_writes_its_own_lines_and_no_others(file):
    with AuditLog(file) as log:
        log.read(read("parent"))
        assert log.flush(10)
        child = os.fork()
        if child == 0:
            log.read(read("child"))
            log.close()
            os._exit(0 if (log.written, log.dropped) == (1, 0) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        log.read(read("parent again"))
    assert paths(file) == ["parent", "child", "parent again"]
    assert len({line["auth"]["metadata"]["pid"] for line in lines(file)}) == 2


def test_it_shows_no_salt(file):
    assert "sixteen" not in repr(AuditLog(file, salt=SALT))
