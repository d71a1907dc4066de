from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import ClusterSecret, SecretTarget
from virtrigaud_secrets.errors import AccessDeniedError, ClosedError, ConfigurationError, NotOwnedError
from virtrigaud_secrets.settings import Settings

TARGET = SecretTarget(name="s", namespace="ns")
ONE = Bundle({"a": b"1"})
TWO = Bundle({"a": b"2"})


def test_it_writes_once(cluster: Any) -> None:
    with ClusterSecret(TARGET, cluster=cluster) as secret:
        assert secret.write(ONE)
        assert not secret.write(ONE)
        assert secret.write(TWO)
    assert cluster.kept["s"]["data"] == {"a": "Mg=="}


def test_a_failure_is_raised(cluster: Any) -> None:
    pod = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "x", "controller": True}
    cluster.put("s", metadata={"ownerReferences": [pod]})
    with (
        ClusterSecret(TARGET, cluster=cluster) as secret,
        pytest.raises(NotOwnedError, match="owned by ExternalSecret x"),
    ):
        secret.write(ONE)


def test_it_follows_until_it_is_closed(cluster: Any, by_hand: Any) -> None:
    subscription = by_hand(ONE)
    with ClusterSecret(TARGET, cluster=cluster) as secret:
        secret.follow(subscription)
        assert cluster.kept["s"]["data"] == {"a": "MQ=="}
        subscription.rotate(TWO)
        assert cluster.kept["s"]["data"] == {"a": "Mg=="}
    subscription.rotate(ONE)
    assert cluster.kept["s"]["data"] == {"a": "Mg=="}
    assert not cluster.closed


def test_a_rotation_that_cannot_be_written_is_logged_and_the_next_is_tried(
    cluster: Any, by_hand: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> None:
        raise AccessDeniedError("RBAC")

    subscription = by_hand(ONE)
    with ClusterSecret(TARGET, cluster=cluster) as secret, caplog.at_level(logging.WARNING):
        secret.follow(subscription)
        cluster.before["replace"] = [refused]
        subscription.rotate(TWO)
        assert "the Secret ns/s was not renewed" in caplog.text
        subscription.rotate(Bundle({"a": b"3"}))
    assert cluster.kept["s"]["data"] == {"a": "Mw=="}


def test_closed_is_closed(cluster: Any) -> None:
    secret = ClusterSecret(TARGET, cluster=cluster)
    secret.close()
    secret.close()
    with pytest.raises(ClosedError, match="ns/s"):
        secret.write(ONE)


def test_without_a_cluster_it_says_where_it_looked(tmp_path: Path) -> None:
    settings = Settings(service_account_directory=tmp_path)
    with pytest.raises(ConfigurationError, match="no Secret can be written: no cluster API is configured"):
        ClusterSecret(TARGET, settings=settings)


def test_its_own_connection_is_closed_with_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_text("")
    secret = ClusterSecret(TARGET, settings=Settings(service_account_directory=tmp_path))
    secret.close()
    with pytest.raises(ClosedError):
        secret.write(ONE)


def test_it_shows_which_secret(cluster: Any) -> None:
    assert repr(ClusterSecret(TARGET, cluster=cluster)) == "<ClusterSecret ns/s>"
