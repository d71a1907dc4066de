"""What a sync survives: servers that go, others that write at the same time, a leader that stalls, kill -9."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.operations.sync.election import Terms
from virtrigaud_secrets.stores.cluster_access import read_kubeconfig
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS, LEASES, SECRETS, ClusterObjects
from virtrigaud_secrets.testing.guide_setup import CREATE_LOGIN, DROP_LOGIN
from virtrigaud_secrets.testing.servers import KubernetesAPI, OpenBao, PostgreSQL

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Eventually = Callable[..., None]
QUICK = Terms(
    duration=timedelta(seconds=3), renew_deadline=timedelta(seconds=2), retry_period=timedelta(milliseconds=300)
)


@pytest.fixture
def own_cluster(require: Callable[[str], None]) -> Iterator[KubernetesAPI]:
    """An API server that a test may stop."""
    require(KubernetesAPI.missing_reason())
    with KubernetesAPI() as cluster:
        yield cluster


@pytest.fixture
def own_openbao(require: Callable[[str], None]) -> Iterator[OpenBao]:
    """A store that a test may stop."""
    require(OpenBao.missing_reason())
    with OpenBao(durable=True) as server:
        yield server


def test_an_api_server_that_restarts(
    own_cluster: KubernetesAPI,
    openbao: OpenBao,
    make_world: Callable[..., Any],
    eventually: Eventually,
) -> None:
    world = make_world(own_cluster, openbao)
    world.put("app", password="first")
    world.manifest("app", refreshInterval="1s")
    with world.running(terms=QUICK) as running:
        eventually(lambda: world.value("app") == "first")
        own_cluster.process.kill()
        world.put("app", password="second")
        time.sleep(4)  # longer than the lease
        assert not running.sync.leads()
        assert running.sync.live()
        own_cluster.restart()
        eventually(lambda: world.value("app") == "second", 60)
        world.manifest("later")
        eventually(lambda: world.value("later") == "second", 60)


def put(world: Any, password: str) -> bool:
    """Whether the store took it: unsealed, it becomes active a moment later."""
    try:
        world.put("app", password=password)
    except LocalServerError:
        return False
    return True


def test_a_store_that_goes_deletes_nothing(
    eso_cluster: KubernetesAPI, own_openbao: OpenBao, make_world: Callable[..., Any], eventually: Eventually
) -> None:
    world = make_world(eso_cluster, own_openbao)
    world.put("app", password="first")
    world.manifest("app", refreshInterval="1s", target={"deletionPolicy": "Delete"})
    with world.running():
        eventually(lambda: world.value("app") == "first")
        own_openbao.stop()
        eventually(lambda: world.ready("app") == "False SecretSyncedError")
        assert world.value("app") == "first"
        own_openbao.restart()
        eventually(lambda: put(world, "second"))
        eventually(lambda: world.value("app") == "second", 60)
        eventually(lambda: world.ready("app") == "True SecretSynced")


def test_others_who_write_the_same_secret(world: Any, eventually: Eventually) -> None:
    world.put("app", password="right")
    world.manifest("app")
    ended = threading.Event()

    def disturb() -> None:
        count = 0
        while not ended.is_set():
            count += 1
            body = {"metadata": {"annotations": {"example.org/count": str(count)}}, "data": {"password": "d3Jvbmc="}}
            world.objects.patch(SECRETS, "app", body, namespace=world.namespace)

    with world.running():
        eventually(lambda: world.value("app") == "right")
        other = threading.Thread(target=disturb)
        other.start()
        time.sleep(3)
        ended.set()
        other.join()
        eventually(lambda: world.value("app") == "right", 60)
        eventually(lambda: world.ready("app") == "True SecretSynced", 60)
    annotations = (world.secret("app") or {})["metadata"]["annotations"]
    assert int(annotations["example.org/count"]) > 1  # what another one wrote beside is still there


def test_of_two_one_writes_and_the_other_takes_over_at_once_when_it_ends(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.manifest("app")
    with world.running(terms=QUICK) as second_to_be:
        eventually(second_to_be.sync.leads)
        with world.running(terms=QUICK) as standby:
            eventually(standby.sync.ready)
            eventually(lambda: world.value("app") == "first")
            assert not standby.sync.leads()
            second_to_be.sync.close()
            eventually(standby.sync.leads, 3)
            world.put("app", password="second")
            world.annotate("app", **{"force-sync": "1"})
            eventually(lambda: world.value("app") == "second")
    lease = world.objects.get(LEASES, f"sync-{world.namespace}", namespace="default")
    assert lease["spec"]["leaseTransitions"] >= 1


def test_a_leader_that_loses_its_lease_writes_no_more(world: Any, eventually: Eventually) -> None:
    world.put("app", password="first")
    world.manifest("app", refreshInterval="1s")
    with world.running(terms=QUICK) as running:
        eventually(lambda: world.value("app") == "first")
        spec = {"holderIdentity": "somebody-else", "leaseDurationSeconds": 3600}
        world.objects.patch(LEASES, f"sync-{world.namespace}", {"spec": spec}, namespace="default")
        eventually(lambda: not running.sync.leads())
        time.sleep(0.3)
        world.put("app", password="second")
        time.sleep(2.5)
        assert world.value("app") == "first"
        gone = {"spec": {"holderIdentity": "", "leaseDurationSeconds": 1}}
        world.objects.patch(LEASES, f"sync-{world.namespace}", gone, namespace="default")
        eventually(lambda: world.value("app") == "second")


def start(world: Any, *words: str, output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "virtrigaud_secrets.cli", "sync", "-n", world.namespace]
    command += ["--lease-name", f"sync-{world.namespace}", "--ca-file", str(world.openbao.ca_file), *words]
    environment = {**os.environ, "KUBECONFIG": str(world.cluster.kubeconfig())}
    return subprocess.Popen(command, env=environment, stdout=output, stderr=output)


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15, 0.4])
def test_kill_9_in_mid_sync(world: Any, eventually: Eventually, delay: float) -> None:
    count = 40
    for index in range(count):
        world.put(f"app-{index}", password=f"value-{index}")
        world.manifest(f"app-{index}", f"app-{index}")
    process = start(world, "--no-leader-election")
    try:
        eventually(lambda: world.value("app-0") is not None or process.poll() is not None)
        time.sleep(delay)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    written = sum(world.secret(f"app-{index}") is not None for index in range(count))
    assert written >= 1
    for index in range(count):
        assert world.value(f"app-{index}") in {None, f"value-{index}"}  # whole or not there
    with world.running(leader_election=False):
        eventually(lambda: all(world.value(f"app-{index}") == f"value-{index}" for index in range(count)))
        eventually(lambda: all(world.ready(f"app-{index}") == "True SecretSynced" for index in range(count)))


def test_the_command_ends_when_told_and_shows_no_value(world: Any, eventually: Eventually) -> None:
    planted = f"planted-{secrets.token_hex(8)}"
    world.put("app", password=planted)
    world.manifest("app")
    world.manifest("fails", "nothing-here")
    with start(world, output=subprocess.PIPE) as process:
        try:
            eventually(lambda: world.value("app") == planted)
            eventually(lambda: world.ready("fails") == "False SecretSyncedError")
            process.send_signal(signal.SIGTERM)
            told, noted = process.communicate(timeout=30)
        finally:
            process.kill()
    output = told + noted
    assert process.returncode == 0
    assert planted.encode() not in output
    assert base64.b64encode(planted.encode()) not in output
    assert b"UpdateFailed" in output
    lease = world.objects.get(LEASES, f"sync-{world.namespace}", namespace="default")
    assert lease["spec"]["holderIdentity"] == ""


@pytest.fixture
def role(openbao: OpenBao, postgres: PostgreSQL) -> Iterator[str]:
    """A database role whose logins live three seconds at a time and thirty at most. Gives its mount."""
    mount = f"db-{secrets.token_hex(4)}"
    openbao.ask("POST", f"sys/mounts/{mount}", {"type": "database"})
    openbao.ask(
        "POST",
        f"{mount}/config/inventory",
        {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": ["*"],
            "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@{postgres.host}:{postgres.port}/postgres",
            "username": "postgres",
            "password": postgres.password.reveal_text(),
        },
    )
    statements = {"creation_statements": [CREATE_LOGIN], "revocation_statements": [DROP_LOGIN]}
    times = {"default_ttl": "3s", "max_ttl": "30s"}
    openbao.ask("POST", f"{mount}/roles/short", {"db_name": "inventory", **statements, **times})
    yield mount
    openbao.ask("POST", f"sys/leases/revoke-force/{mount}")


def login(world: Any, postgres: PostgreSQL) -> tuple[str | None, bool]:
    """The user in the Secret, and whether the database lets it in with the password beside it."""
    from virtrigaud_secrets.sensitive import Sensitive

    user, password = world.value("db", "username"), world.value("db")
    return user, user is not None and password is not None and postgres.accepts(user, Sensitive(password))


def dynamic(world: Any, mount: str, **spec: object) -> None:
    world.store("database", version="v1", path=mount)
    entries = [
        {"secretKey": key, "remoteRef": {"key": f"{mount}/creds/short", "property": key}}
        for key in ("username", "password")
    ]
    world.manifest("db", store="database", data=entries, **spec)


def test_a_dynamic_credential_lives_past_its_first_end(
    world: Any, role: str, postgres: PostgreSQL, eventually: Eventually
) -> None:
    dynamic(world, role)
    world.put("app", password="x")
    with world.running():
        eventually(lambda: login(world, postgres)[1])
        user, _ = login(world, postgres)
        for count in range(6):
            # What happens to others meanwhile does not touch it.
            world.manifest(f"other-{count}")
            world.objects.delete(EXTERNAL_SECRETS, f"other-{count}", namespace=world.namespace)
            world.annotate("db", touched=str(count))
            time.sleep(1)
            assert login(world, postgres) == (user, True)
    assert login(world, postgres)[1]  # ending the sync revokes nothing that a Secret still holds


def test_a_credential_whose_maker_was_killed_is_replaced(
    world: Any, role: str, postgres: PostgreSQL, eventually: Eventually
) -> None:
    dynamic(world, role)
    process = start(world, "--no-leader-election")
    try:
        eventually(lambda: login(world, postgres)[1])
    finally:
        process.kill()
        process.wait(10)
    before, _ = login(world, postgres)
    with world.running(leader_election=False):
        eventually(lambda: login(world, postgres)[0] not in {None, before} and login(world, postgres)[1])


def test_a_credential_is_replaced_before_its_last_end(
    world: Any, role: str, postgres: PostgreSQL, eventually: Eventually
) -> None:
    world.openbao.ask("POST", f"{role}/roles/short", {"default_ttl": "3s", "max_ttl": "6s"})
    dynamic(world, role)
    with world.running():
        eventually(lambda: login(world, postgres)[1])
        users: set[str | None] = set()
        until = time.monotonic() + 15
        while time.monotonic() < until:
            user, works = login(world, postgres)
            users.add(user)
            assert works or login(world, postgres)[1]  # between two looks it may have been replaced
            time.sleep(0.1)
    assert len(users) >= 3


def test_it_needs_these_rights_and_no_others(
    eso_cluster: KubernetesAPI, openbao: OpenBao, make_world: Callable[..., Any], eventually: Eventually
) -> None:
    world = make_world(eso_cluster, openbao)
    user = f"sync-{world.namespace}"
    rules = {
        "": [
            (["secrets"], ["get", "list", "watch", "create", "update", "delete"]),
            (["events"], ["create"]),
        ],
        "external-secrets.io": [
            (["externalsecrets", "secretstores"], ["list", "watch"]),
            (["externalsecrets"], ["get", "patch"]),
            (["externalsecrets/status"], ["patch"]),
        ],
        "coordination.k8s.io": [(["leases"], ["get", "create", "update"])],
    }
    listed = [
        {"apiGroups": [group], "resources": resources, "verbs": verbs}
        for group, entries in rules.items()
        for resources, verbs in entries
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "sync"}
    world.cluster.create("Role", "sync", namespace=world.namespace, rules=listed)
    subjects = [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}]
    world.cluster.create("RoleBinding", "sync", namespace=world.namespace, roleRef=role, subjects=subjects)
    certificate = world.cluster.issue_client_certificate(user)
    world.kubeconfig = world.cluster.kubeconfig(certificate=certificate)
    client = ClusterObjects(read_kubeconfig(world.kubeconfig, SystemClock()), timeout=timedelta(seconds=10))
    eventually(lambda: client.reviewed("update", LEASES, namespace=world.namespace))
    client.close()
    world.put("app", password="first")
    world.manifest("app")
    with world.running(lease_namespace=world.namespace):
        eventually(lambda: world.value("app") == "first")
        eventually(lambda: world.ready("app") == "True SecretSynced")
        eventually(lambda: "Normal Created secret created" in world.events("app"))
