"""Derived policies for what the guide does not use: searches, metadata, pushes, tokens that were given, generators."""

from __future__ import annotations

import copy
import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets import Resolver, Sensitive, Settings
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.policy.demands import demands_of
from virtrigaud_secrets.operations.policy.vault import policy_of
from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.guide_setup import CREATE_LOGIN, DROP_LOGIN
from virtrigaud_secrets.testing.servers.processes import LocalServerError

pytestmark = pytest.mark.integration

STORE = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: store, namespace: team}}
spec: {{provider: {{vault: {{server: "{server}", path: "{mount}", version: {version},
  auth: {{tokenSecretRef: {{name: token, key: token}}}}}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: token, namespace: team}}
stringData: {{token: "{token}"}}
---
"""


class Case:
    """One store's manifests, and a token that has the policy derived from them and nothing else."""

    def __init__(self, openbao, directory):
        self.openbao = openbao
        self.directory = directory
        self.name = f"case-{secrets.token_hex(4)}"
        self.settings = Settings(ca_file=openbao.ca_file)
        openbao.mount_versioned_kv(self.name)
        for key in ("app/one", "app/two", "other/three"):
            openbao.ask("POST", f"{self.name}/data/{key}", {"data": {"password": "p"}})
            openbao.ask("POST", f"{self.name}/metadata/{key}", {"custom_metadata": {"tier": key.partition("/")[0]}})

    def derive(self, manifests, *, version="v2", mount=None, token="none", **options):
        store = STORE.format(
            server=self.openbao.address, mount=self.name if mount is None else mount, version=version, token=token
        )
        path = self.directory / f"{secrets.token_hex(4)}.yaml"
        path.write_text(store + manifests)
        (demand,) = demands_of(load(path), settings=self.settings).stores
        return path, policy_of(demand, **options)

    def token(self, document):
        self.openbao.ask("PUT", f"sys/policies/acl/{self.name}", {"policy": json.dumps(document)})
        made = {"policies": [self.name], "no_default_policy": True, "ttl": "1h"}
        return self.openbao.ask("POST", "auth/token/create-orphan", made)["auth"]["client_token"]

    def minimal(self, manifests, use, **options):
        """Whether `use` works under the derived policy, and which lines it works without."""
        _, policy = self.derive(manifests, **options)
        assert self.works(manifests, policy.document, use, **options)
        return policy, [
            f"{path} {capability}"
            for path, rule in policy.document["path"].items()
            for capability in rule["capabilities"]
            if self.works(manifests, without(policy.document, path, capability), use, **options)
        ]

    def works(self, manifests, document, use, **options):
        path, _ = self.derive(manifests, token=self.token(document), **options)
        since = len(self.openbao.audit_entries())
        try:
            use(path, self.settings)
        except (SecretsError, AssertionError):
            return False
        return not any("permission denied" in entry.error for entry in self.openbao.audit_entries(after=since))


def without(document, path, capability):
    changed = copy.deepcopy(document)
    changed["path"][path]["capabilities"].remove(capability)
    if not changed["path"][path]["capabilities"]:
        del changed["path"][path]
    return changed


def secret(spec):
    return f"""
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: es, namespace: team}}
spec: {{secretStoreRef: {{name: store}}, {spec}}}
"""


def resolve(path, settings):
    with Resolver.from_path(path, settings=settings) as resolver:
        return resolver.resolve("es", namespace="team")


@pytest.fixture
def case(openbao, tmp_path):
    return Case(openbao, tmp_path)


def test_a_search_by_name(case):
    policy, needless = case.minimal(secret('dataFrom: [{find: {path: app, name: {regexp: "^app/o"}}}]'), resolve)
    assert needless == []
    assert policy.document["path"] == {
        f"{case.name}/data/app/o*": {"capabilities": ["read"]},
        f"{case.name}/metadata/app/*": {"capabilities": ["list"]},
    }


def test_a_search_by_tags(case):
    _, needless = case.minimal(secret("dataFrom: [{find: {tags: {tier: app}}}]"), resolve)
    assert needless == []


def test_metadata(case):
    _, needless = case.minimal(
        secret(f"data: [{{secretKey: a, remoteRef: {{key: {case.name}/data/app/one, metadataPolicy: Fetch}}}}]"),
        resolve,
        mount="",
    )
    assert needless == []


PUSH = """
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {name: push, namespace: team}
spec:
  secretStoreRefs: [{name: store}]
  deletionPolicy: Delete
  selector: {secret: {name: source}}
  data: [{match: {secretKey: a, remoteRef: {remoteKey: pushed, property: a}}}]
---
apiVersion: v1
kind: Secret
metadata: {name: source, namespace: team}
stringData: {a: VALUE}
"""


def push_twice_and_delete(path, settings):
    """Create, change, delete."""
    text = path.read_text()
    report = None
    for changed in (text, text.replace("VALUE", "other"), text.replace("remoteKey: pushed", "remoteKey: pushed2")):
        path.write_text(changed)
        with Resolver.from_path(path, settings=settings) as resolver:
            report = resolver.push("push", namespace="team", previous=report)


def test_a_push(case):
    """What is pushed next time, and deleted then, is in the manifest as it is next time."""
    manifests = (
        PUSH + "---\n" + PUSH.replace("name: push,", "name: next,").replace("remoteKey: pushed", "remoteKey: pushed2")
    )

    def use(path, settings):
        # Metadata that wait for their first version.
        case.openbao.ask("POST", f"{case.name}/metadata/pushed2", {"custom_metadata": {"team": "a"}})
        try:
            push_twice_and_delete(path, settings)
        finally:
            for key in ("pushed", "pushed2"):
                case.openbao.ask("DELETE", f"{case.name}/metadata/{key}")

    policy, needless = case.minimal(manifests, use)
    # The first secret is created, changed and deleted; of the second one there are metadata already.
    assert set(needless) == {
        f"{case.name}/data/pushed2 read",
        f"{case.name}/metadata/pushed update",
        f"{case.name}/metadata/pushed2 create",
        f"{case.name}/metadata/pushed2 delete",
    }
    paths = policy.document["path"]
    assert paths[f"{case.name}/data/pushed"]["capabilities"] == ["read", "update"]
    assert paths[f"{case.name}/metadata/pushed"] == paths[f"{case.name}/metadata/pushed2"]


def test_a_given_token_and_its_leases(case, openbao, postgres):
    owner, password = f"owner_{secrets.token_hex(4)}", secrets.token_hex(12)
    postgres.query(f"CREATE ROLE {owner} WITH LOGIN CREATEROLE PASSWORD '{password}'")
    mount = f"db-{case.name}"
    openbao.ask("POST", f"sys/mounts/{mount}", {"type": "database"})
    openbao.ask(
        "POST",
        f"{mount}/config/inventory",
        {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": ["*"],
            "connection_url": "postgresql://{{username}}:{{password}}@"
            f"{postgres.host}:{postgres.port}/postgres?sslmode=disable",
            "username": owner,
            "password": password,
            "password_authentication": "scram-sha-256",
        },
    )
    role = {
        "db_name": "inventory",
        "creation_statements": [CREATE_LOGIN],
        "revocation_statements": [DROP_LOGIN],
        "default_ttl": "1h",
        "max_ttl": "24h",
    }
    openbao.ask("POST", f"{mount}/roles/app", role)

    def use(path, settings):
        clock, kinds = ManualClock(datetime.now(UTC)), []

        class Seen:
            def on_event(self, event):
                kinds.append(event.kind)

        with Resolver.from_path(path, settings=settings, clock=clock, observers=[Seen()], background=False) as resolver:
            resolver.resolve("es", namespace="team")
            resolver.run_due()
            clock.advance(timedelta(minutes=45))
            resolver.run_due()
            clock.step(timedelta(minutes=10))
            resolver.run_due()
            clock.advance(timedelta(minutes=1))
            resolver.run_due()
        assert {EventKind.RENEWED, EventKind.TOKEN_RENEWED} <= set(kinds)
        assert EventKind.ERROR not in kinds

    policy, needless = case.minimal(
        secret(f"data: [{{secretKey: a, remoteRef: {{key: {mount}/creds/app, property: password}}}}]"), use
    )
    assert needless == []
    assert "auth/token/revoke-self" not in policy.document["path"]


def test_mounts_that_are_told_decide(case, openbao):
    """`static-creds` looks like a KV secret; whoever tells the mount's type gets the rule for the engine."""
    manifests = secret("data: [{secretKey: a, remoteRef: {key: some/static-creds/app, property: password}}]")
    _, guessed = case.derive(manifests)
    assert list(guessed.document["path"]) == [f"{case.name}/data/some/static-creds/app"]
    assert "--mount" in guessed.notes[0]
    _, told = case.derive(manifests, mounts={"some": "database"})
    assert list(told.document["path"]) == ["some/static-creds/app"]
    assert told.notes == ()


GENERATOR = """
apiVersion: generators.external-secrets.io/v1alpha1
kind: VaultDynamicSecret
metadata: {{name: made, namespace: team}}
spec:
  path: {path}
  method: POST
  parameters: {parameters}
  provider: {{server: "{server}", auth: {{tokenSecretRef: {{name: token, key: token}}}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: es, namespace: team}}
spec: {{dataFrom: [{{sourceRef: {{generatorRef: {{kind: VaultDynamicSecret, name: made}}}}}}]}}
"""


@pytest.mark.parametrize(
    "parameters",
    ["{plaintext: c2VjcmV0}", "{plaintext: c2VjcmV0, key_version: 1}", "{batch_input: [{plaintext: YQ==}]}"],
)
def test_parameters_of_a_generator(case, openbao, parameters):
    openbao.ask("POST", f"sys/mounts/transit-{case.name}", {"type": "transit"})
    openbao.ask("POST", f"transit-{case.name}/keys/k")
    path = f"transit-{case.name}/encrypt/k"
    manifests = GENERATOR.format(path=path, parameters=parameters, server=openbao.address)
    policy, needless = case.minimal(manifests, resolve)
    assert [line for line in needless if line.startswith(path)] == []
    assert policy.document["path"][path]["allowed_parameters"]


def test_an_endpoint_without_parameters_takes_none(case, openbao):
    openbao.ask("POST", f"sys/mounts/transit-{case.name}", {"type": "transit"})
    path = f"transit-{case.name}/random/8"
    manifests = GENERATOR.format(path=path, parameters="{}", server=openbao.address)
    policy, needless = case.minimal(manifests, resolve)
    assert [line for line in needless if line.startswith(path)] == []
    manifests = GENERATOR.format(path=path, parameters="{format: hex}", server=openbao.address)
    assert not case.works(manifests, policy.document, resolve)


def test_a_parameter_of_a_read_is_checked_too(case, openbao):
    """The guide's way to bound the TTL of `vsphere/creds/readonly`: it refuses a request, and does not set the TTL."""
    rule = {"capabilities": ["read"], "allowed_parameters": {"ttl": ["15m"]}}
    token = Sensitive(case.token({"path": {f"{case.name}/data/app/one": rule}}))
    assert openbao.ask("GET", f"{case.name}/data/app/one", token=token)
    assert openbao.ask("GET", f"{case.name}/data/app/one?ttl=15m", token=token)
    with pytest.raises(LocalServerError, match="403"):
        openbao.ask("GET", f"{case.name}/data/app/one?ttl=99h", token=token)
