from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ClosedError, ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import References
from virtrigaud_secrets.stores.cluster_api import ClusterAPI, SecretObject
from virtrigaud_secrets.stores.references import KubernetesReferences, open_cluster

PLANTED = "planted-value-7f3a"


class Manifests:
    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive | None:
        return Sensitive("from-manifest") if (namespace, name, key) == ("ns", "here", "a") else None

    def labelled_secret(self, name: str, *, namespace: str) -> tuple[dict[str, str], dict[str, Sensitive]] | None:
        return ({"from": "manifest"}, {"a": Sensitive("v")}) if (namespace, name) == ("ns", "here") else None

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str | None:
        return "from-manifest" if (namespace, name, key) == ("ns", "here", "a") else None

    def service_account_annotations(self, name: str, *, namespace: str) -> dict[str, str] | None:
        return {"from": "manifest"} if (namespace, name) == ("ns", "here") else None


class Cluster:
    """Stands for the cluster's API: Secret and ConfigMap `there` with key `a`, service account `sa`."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.closed = 0

    def __str__(self) -> str:
        return "the cluster API"

    def secret(self, name: str, *, namespace: str) -> dict[str, Sensitive] | None:
        self.asked.append(("secret", namespace, name))
        return {"a": Sensitive(PLANTED)} if name == "there" else None

    def secret_object(self, name: str, *, namespace: str) -> SecretObject | None:
        self.asked.append(("secret", namespace, name))
        data = {"a": Sensitive(PLANTED)}
        return (
            SecretObject(name=name, data=data, labels={"from": "cluster"}, annotations={}) if name == "there" else None
        )

    def secrets(self, *, namespace: str, selector: str = "") -> Iterator[SecretObject]:
        self.asked.append(("secrets", namespace, selector))
        data, notes = {"a": Sensitive(PLANTED)}, {"note": Sensitive("1")}
        yield SecretObject(name="there", data=data, labels={"from": "cluster"}, annotations=notes)

    def config_map(self, name: str, *, namespace: str) -> dict[str, str] | None:
        self.asked.append(("config map", namespace, name))
        return {"a": "from-cluster"} if name == "there" else None

    def service_account_annotations(self, name: str, *, namespace: str) -> dict[str, str] | None:
        self.asked.append(("account", namespace, name))
        return {"from": "cluster"} if name == "there" else None

    def namespace_labels(self, name: str) -> dict[str, str] | None:
        self.asked.append(("namespace", name))
        return {"from": "cluster"} if name == "there" else None

    def service_account_token(
        self, name: str, *, namespace: str, audiences: Sequence[str] = (), lifetime: timedelta | None = None
    ) -> Sensitive | None:
        self.asked.append(("token", namespace, name, tuple(audiences)))
        self.lifetime = lifetime
        return Sensitive("requested") if name == "sa" else None

    def close(self) -> None:
        self.closed += 1


def references(settings: Settings, cluster: Cluster | None = None) -> KubernetesReferences:
    def open_fake(_settings: Settings, _clock: Clock) -> ClusterAPI | None:
        return cast("ClusterAPI | None", cluster)

    return KubernetesReferences(settings, catalog=Manifests(), open_cluster=open_fake)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Outside of any pod."""
    return Settings(service_account_directory=tmp_path)


@pytest.fixture
def pod(settings: Settings) -> Settings:
    (settings.service_account_directory / "token").write_text("projected\n")
    return settings


def test_it_is_what_stores_ask_for(settings: Settings) -> None:
    asked: References = references(settings)
    assert asked.config_map_value("here", "a", namespace="ns") == "from-manifest"


def test_manifests_go_first_and_the_cluster_is_not_asked(settings: Settings) -> None:
    cluster = Cluster()
    asked = references(settings, cluster)
    assert asked.secret_value("here", "a", namespace="ns").reveal() == b"from-manifest"
    assert asked.config_map_value("here", "a", namespace="ns") == "from-manifest"
    assert cluster.asked == []


def test_then_the_cluster_at_every_call(settings: Settings) -> None:
    cluster = Cluster()
    asked = references(settings, cluster)
    assert asked.secret_value("there", "a", namespace="ns").reveal_text() == PLANTED
    assert asked.secret_value("there", "a", namespace="other").reveal_text() == PLANTED
    assert asked.config_map_value("there", "a", namespace="ns") == "from-cluster"
    assert cluster.asked == [("secret", "ns", "there"), ("secret", "other", "there"), ("config map", "ns", "there")]


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_not_found_names_every_place_and_no_value(settings: Settings, kind: str) -> None:
    def message(name: str, key: str, cluster: Cluster | None) -> str:
        asked = references(settings, cluster)
        ask = asked.secret_value if kind == "Secret" else asked.config_map_value
        with pytest.raises(ConfigurationError) as caught:
            ask(name, key, namespace="ns")
        return str(caught.value)

    start = f"{kind} ns/nowhere, key 'a', was not found: it is not among the manifests, and "
    assert message("nowhere", "a", Cluster()) == f"{start}the cluster API has no such {kind}"
    directory = settings.service_account_directory
    assert message("nowhere", "a", None) == (
        f"{start}no cluster API is configured "
        f"(no kubeconfig is set, and {directory} does not hold both token and ca.crt)"
    )
    lacking = message("there", "b", Cluster())
    assert lacking.endswith(f"the cluster API has the {kind}, without that key")
    assert PLANTED not in lacking


def test_auto_takes_the_file_even_where_the_api_could_be_asked(pod: Settings) -> None:
    cluster = Cluster()
    asked = references(pod, cluster)
    assert asked.service_account_token("sa", namespace="ns", audiences=["vault"]).reveal() == b"projected"
    assert cluster.asked == []
    (pod.service_account_directory / "token").write_text("rotated")
    assert asked.service_account_token("sa", namespace="ns").reveal() == b"rotated"


def test_auto_without_a_file_asks_for_the_account(settings: Settings) -> None:
    cluster = Cluster()
    asked = references(settings, cluster)
    assert asked.service_account_token("sa", namespace="ns", audiences=["vault"]).reveal() == b"requested"
    assert cluster.asked == [("token", "ns", "sa", ("vault",))]


def test_token_request_passes_the_file_by(pod: Settings) -> None:
    asked = references(replace(pod, service_account_tokens="token-request"), Cluster())
    assert asked.service_account_token("sa", namespace="ns").reveal() == b"requested"
    assert asked.service_account_token("", namespace="ns").reveal() == b"projected", "only the file proves who we are"


def test_an_account_that_the_cluster_does_not_have(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="the cluster API has no ServiceAccount ns/nobody"):
        references(settings, Cluster()).service_account_token("nobody", namespace="ns")


@pytest.mark.parametrize(
    ("source", "name", "cluster", "expected"),
    [
        ("auto", "sa", False, ["service account ns/sa", "there is no token file", "no cluster API is configured"]),
        ("auto", "", True, ["the pod's own service account", "there is no token file"]),
        ("projected", "sa", True, ["service account ns/sa", "there is no token file", "is `projected`"]),
        ("token-request", "sa", False, ["service account ns/sa", "`token-request`", "no cluster API is configured"]),
    ],
)
def test_without_an_identity_every_place_is_named(
    settings: Settings, source: str, name: str, cluster: bool, expected: list[str]
) -> None:
    chosen = replace(settings, service_account_tokens=source)  # type: ignore[arg-type]  # one of the three
    with pytest.raises(ConfigurationError, match="no token for") as caught:
        references(chosen, Cluster() if cluster else None).service_account_token(name, namespace="ns")
    for part in expected:
        assert part in str(caught.value)
    assert "Run in a pod with a service account, or set a kubeconfig" in str(caught.value)


def test_the_cluster_is_found_late_and_then_kept(settings: Settings) -> None:
    found: list[Cluster | None] = [None, Cluster()]
    asked = KubernetesReferences(
        settings, catalog=Manifests(), open_cluster=lambda _settings, _clock: cast("ClusterAPI | None", found.pop(0))
    )
    with pytest.raises(ConfigurationError):
        asked.secret_value("there", "a", namespace="ns")
    assert asked.secret_value("there", "a", namespace="ns")
    assert asked.secret_value("there", "a", namespace="ns"), "a third search would fail: the list is empty"


def test_closed_it_answers_nothing_and_has_closed_the_cluster(pod: Settings) -> None:
    cluster = Cluster()
    asked = references(pod, cluster)
    asked.secret_value("there", "a", namespace="ns")
    asked.close()
    asked.close()
    assert cluster.closed == 1
    for ask in (asked.secret_value, asked.config_map_value):
        with pytest.raises(ClosedError):
            ask("here", "a", namespace="ns")
    with pytest.raises(ClosedError):
        asked.service_account_token("", namespace="ns")


def test_open_cluster_reads_files_and_sends_nothing(pod: Settings) -> None:
    assert open_cluster(pod, SystemClock()) is None
    (pod.service_account_directory / "ca.crt").write_text("authority")
    opened = open_cluster(replace(pod, request_timeout=timedelta(seconds=1)), SystemClock())
    assert opened is not None
    assert str(opened).startswith("the cluster API at https://kubernetes.default.svc (service account directory ")
    opened.close()


def test_how_long_a_token_lives_is_passed_on(settings: Settings) -> None:
    asked = references(settings, cluster := Cluster())
    asked.service_account_token("sa", namespace="ns")
    assert cluster.lifetime is None
    asked.service_account_token("sa", namespace="ns", lifetime=timedelta(hours=1))
    assert cluster.lifetime == timedelta(hours=1)


def test_secrets_of_the_cluster_by_label(settings: Settings) -> None:
    asked = references(settings, cluster := Cluster())
    found = asked.cluster_secrets("app in (a,b)", namespace="ns")
    assert list(found) == ["there"]
    assert (found["there"].labels, found["there"].annotations) == ({"from": "cluster"}, {"note": "1"})
    assert PLANTED not in repr(found)
    assert cluster.asked == [("secrets", "ns", "app in (a,b)")]
    assert references(settings).cluster_secrets("", namespace="ns") == {}
    asked.close()
    with pytest.raises(ClosedError):
        asked.cluster_secrets("", namespace="ns")


def test_a_secret_with_its_labels_is_sought_like_a_value(settings: Settings) -> None:
    asked = references(settings, cluster := Cluster())
    written = asked.labelled_secret("here", namespace="ns")
    assert (written.labels, written.data["a"].reveal_text()) == ({"from": "manifest"}, "v")
    assert cluster.asked == []
    found = asked.labelled_secret("there", namespace="ns")
    assert (found.labels, found.data["a"].reveal_text()) == ({"from": "cluster"}, PLANTED)
    assert PLANTED not in repr(found)
    with pytest.raises(ConfigurationError, match=r"Secret ns/nowhere was not found.*has no such Secret"):
        asked.labelled_secret("nowhere", namespace="ns")
    with pytest.raises(ConfigurationError, match="no cluster API is configured"):
        references(settings).labelled_secret("there", namespace="ns")
    asked.close()
    with pytest.raises(ClosedError):
        asked.labelled_secret("here", namespace="ns")


def test_annotations_come_from_the_manifests_then_from_the_cluster(settings: Settings) -> None:
    cluster = Cluster()
    asked = references(settings, cluster)
    assert asked.service_account_annotations("here", namespace="ns") == {"from": "manifest"}
    assert cluster.asked == []
    assert asked.service_account_annotations("there", namespace="ns") == {"from": "cluster"}
    assert asked.service_account_annotations("nowhere", namespace="ns") == {}
    assert references(settings).service_account_annotations("there", namespace="ns") == {}


def test_labels_of_a_namespace_come_from_the_cluster(settings: Settings) -> None:
    asked = references(settings, Cluster())
    assert asked.namespace_labels("there") == {"from": "cluster"}
    assert asked.namespace_labels("nowhere") is None
    assert references(settings).namespace_labels("there") is None
    asked.close()
    with pytest.raises(ClosedError):
        asked.namespace_labels("there")
