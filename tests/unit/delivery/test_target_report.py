from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.errors import StoreUnavailableError


def test_words_are_esos() -> None:
    """ESO §2.11."""
    assert (report.SYNCED.status, report.SYNCED.reason, report.SYNCED.message) == (
        "True",
        "SecretSynced",
        "secret synced",
    )
    failures = [
        report.NOT_RESOLVED,
        report.NOT_DELETED,
        report.ORPHANS_LEFT,
        report.NOT_WRITTEN,
        report.IMMUTABLE,
        report.OWNED_BY_ANOTHER_CONTROLLER,
        report.OWNED_BY_ANOTHER,
    ]
    assert {(one.status, one.reason) for one in failures} == {("False", "SecretSyncedError")}
    assert [one.message for one in failures] == [
        "could not get secret data from provider",
        "could not delete secret",
        "could not delete orphaned secrets",
        "could not update secret",
        "could not update secret, target is immutable",
        "failed to take ownership of target secret",
        "target is owned by another ExternalSecret",
    ]


def test_an_event_says_the_cause() -> None:
    event = report.failure_event(StoreUnavailableError("no answer", path="a/b"))
    assert (event.type, event.reason, event.message) == ("Warning", "UpdateFailed", "no answer [path a/b]")
