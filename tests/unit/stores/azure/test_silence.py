import logging
import threading

import pytest

from virtrigaud_secrets.stores.azure import silence


@pytest.fixture
def logger():
    made = logging.getLogger("azure.test_of_silence")
    silence.cover()
    yield made
    made.filters.clear()


def test_the_sdk_is_quiet_inside_and_only_inside(logger, caplog):
    with caplog.at_level(logging.DEBUG), silence.quiet():
        logger.error("inside")
        logging.getLogger("other.library").error("somebody else")
    logger.error("outside")
    assert [record.getMessage() for record in caplog.records] == ["somebody else", "outside"]


def test_another_thread_is_not_touched(logger, caplog):
    with silence.quiet():
        thread = threading.Thread(target=lambda: logger.error("elsewhere"))
        thread.start()
        thread.join()
    assert [record.getMessage() for record in caplog.records] == ["elsewhere"]


def test_an_error_ends_the_quiet(logger, caplog):
    with pytest.raises(KeyError), silence.quiet():
        raise KeyError
    logger.error("after")
    assert [record.getMessage() for record in caplog.records] == ["after"]


def test_covering_twice_is_covering_once(logger):
    silence.cover()
    assert len(logger.filters) == 1


def test_names_that_only_begin_alike_are_left_alone():
    other = logging.getLogger("azurelike")
    silence.cover()
    assert other.filters == []
