from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.events import Event, EventKind
from virtrigaud_secrets.observability.logs import LEVELS, EventLog, text_of

AT = datetime(2030, 1, 1, tzinfo=UTC)


def event(kind: EventKind = EventKind.ERROR, **fields: object) -> Event:
    return Event(kind=kind, at=AT, **fields)


def test_a_line_holds_what_is_known_and_nothing_else():
    whole = event(
        name="vc", namespace="team", path="db/creds/a", lease="0a1b", remaining=3.25, attempt=2, reason="it is sealed"
    )
    assert text_of(whole) == "error team/vc: db/creds/a, lease 0a1b, 3.2 s left, attempt 2, it is sealed"
    assert text_of(event(EventKind.CLOSED)) == "closed"
    login = event(EventKind.TOKEN_REPLACED, store="SecretStore team/bao")
    assert text_of(login) == "token-replaced SecretStore team/bao"


@pytest.mark.parametrize("kind", EventKind)
def test_each_kind_has_its_level(kind, caplog):
    caplog.set_level(logging.DEBUG, logger="test.levels")
    EventLog(logging.getLogger("test.levels")).on_event(event(kind))
    (record,) = caplog.records
    assert record.levelno == LEVELS.get(kind, logging.INFO)
    assert record.event.kind is kind


def test_what_a_logger_does_not_want_is_not_written():
    logger = logging.getLogger("test.quiet")
    logger.setLevel(logging.ERROR)
    seen: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = seen.append
    logger.addHandler(handler)
    EventLog(logger).on_event(event(EventKind.RENEWED))
    EventLog(logger).on_event(event(EventKind.EXPIRED))
    assert [record.levelno for record in seen] == [logging.ERROR]
