"""The policy derived from the guide's manifests is enough on a real OpenBao; without any line of it something fails.

The login has no policy besides: its role leaves `default` out.
"""

from __future__ import annotations

import copy
import json
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.policy.demands import demands_of
from virtrigaud_secrets.operations.policy.vault import policy_of
from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.guide_setup import guide_world as start_guide_world
from virtrigaud_secrets.testing.guide_setup import missing_reason
from virtrigaud_secrets.testing.servers.processes import LocalServerError
from virtrigaud_secrets.testing.servers.service_account_tokens import ISSUER

pytestmark = pytest.mark.integration

POLICY = "derived"
DYNAMIC = "vsphere-dynamic-credentials"
PATIENCE = 10.0
"""Seconds that the server may take to end what hangs on a token."""
LEASE_PATHS = {"sys/leases/lookup", "sys/leases/renew", "sys/leases/revoke", "auth/token/renew-self"}


@pytest.fixture(scope="module")
def world(require):
    """The guide's world with a login that has the policy under test and nothing else."""
    require(missing_reason())
    with start_guide_world() as made:
        bound = {
            "bound_service_account_names": ["external-secrets"],
            "bound_service_account_namespaces": ["virtrigaud-system"],
            "audience": ISSUER,
            "token_policies": [POLICY],
            "token_no_default_policy": True,
            "token_ttl": "1h",
        }
        made.openbao.ask("POST", "auth/kubernetes/role/virtrigaud-role", bound)
        yield made


@pytest.fixture(scope="module")
def policy(world):
    (demand,) = demands_of(load(world.manifests), settings=world.settings()).stores
    return policy_of(demand)


class Recorder:
    def __init__(self):
        self.events = []

    def on_event(self, event):
        self.events.append(event)

    def kinds(self):
        return {event.kind for event in self.events}


@dataclass
class Run:
    """What went wrong while a provider lived through a day under a policy."""

    world: object
    failures: list[str]

    def everything(self) -> list[str]:
        since = len(self.world.openbao.audit_entries())
        self._one_by_one()
        self._together()
        for entry in self.world.openbao.audit_entries(after=since):
            if entry.kind == "response" and "permission denied" in entry.error:
                self.failures.append(f"refused: {entry.operation} {entry.path}")
        return self.failures

    def _one_by_one(self) -> None:
        """Each ExternalSecret in a process of its own."""
        for document in load(self.world.manifests).external_secrets:
            before = self._logins()
            with Resolver.from_path(self.world.manifests, settings=self.world.settings()) as resolver:
                bundle = self._resolved(resolver, document.name, document.namespace)
            self._ended(bundle)
            # A certificate would be revoked with the login it was asked for with.
            if document.name != "provider-tls-certs" and self._logins() > before:
                self.failures.append("a login outlived its process")

    def _together(self) -> None:
        """All in one process, through renewals and a suspended machine."""
        clock, seen = ManualClock(datetime.now(UTC)), Recorder()
        with Resolver.from_path(
            self.world.manifests, settings=self.world.settings(), clock=clock, observers=[seen], background=False
        ) as resolver:
            for document in resolver.catalog.external_secrets:
                self._resolved(resolver, document.name, document.namespace)
            clock.advance(timedelta(minutes=45))
            resolver.run_due()
            clock.step(timedelta(minutes=10))
            resolver.run_due()
            clock.advance(timedelta(minutes=1))
            resolver.run_due()
            bundle = self._resolved(resolver, DYNAMIC, None)
        wanted = {EventKind.RENEWED, EventKind.TOKEN_RENEWED, EventKind.JUMPED}
        self.failures += [f"missed: {kind}" for kind in sorted(wanted - seen.kinds())]
        self.failures += [f"event: {event.reason}" for event in seen.events if event.kind is EventKind.ERROR]
        self._ended(bundle)

    def _logins(self) -> int:
        listed = self.world.openbao.ask("LIST", "auth/token/accessors")["data"]
        return len(listed["keys"])

    def _resolved(self, resolver, name, namespace):
        try:
            return resolver.resolve(name, namespace=namespace)
        except SecretsError as error:
            self.failures.append(f"resolve {name}: {error}")
            return None

    def _ended(self, bundle) -> None:
        """Leases are gone, but those of certificates, which outlive the process."""
        for lease in () if bundle is None else bundle.leases:
            if not lease.lease_id.startswith("pki/") and not self._is_gone(lease.lease_id):
                self.failures.append("a lease outlived its process")

    def _is_gone(self, lease_id: str) -> bool:
        """Whether the server forgets it: with a token it ends leases in the background."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                self.world.openbao.ask("PUT", "sys/leases/lookup", {"lease_id": lease_id})
            except LocalServerError:
                return True
            time.sleep(0.05)
        return False


def lived_under(world, document) -> list[str]:
    world.openbao.ask("PUT", f"sys/policies/acl/{POLICY}", {"policy": json.dumps(document)})
    return Run(world, []).everything()


def without(document, path, capability):
    """The policy without one capability, and without the path where none is left."""
    changed = copy.deepcopy(document)
    left = [one for one in changed["path"][path]["capabilities"] if one != capability]
    if left:
        changed["path"][path]["capabilities"] = left
    else:
        del changed["path"][path]
    return changed


def test_under_the_derived_policy_everything_works(world, policy):
    world.openbao.ask("PUT", f"sys/policies/acl/{POLICY}", {"policy": policy.text})
    assert Run(world, []).everything() == []


def test_without_any_line_something_fails(world, policy):
    lines = [
        (path, capability) for path, rule in policy.document["path"].items() for capability in rule["capabilities"]
    ]
    assert {path for path, _ in lines} > LEASE_PATHS
    needless = [
        f"{path} {capability}"
        for path, capability in lines
        if not lived_under(world, without(policy.document, path, capability))
    ]
    assert needless == []


def test_a_login_that_may_not_end_itself_is_seen(world, policy):
    failures = lived_under(world, without(policy.document, "auth/token/revoke-self", "update"))
    assert "a login outlived its process" in failures


@pytest.mark.parametrize("parameter", ["common_name", "ttl"])
def test_without_a_parameter_the_certificate_is_refused(world, policy, parameter):
    changed = copy.deepcopy(policy.document)
    del changed["path"]["pki/issue/virtrigaud"]["allowed_parameters"][parameter]
    assert any(failure.startswith("resolve provider-tls-certs") for failure in lived_under(world, changed))


def test_parameters_of_other_values_are_refused(world, policy):
    world.openbao.ask("PUT", f"sys/policies/acl/{POLICY}", {"policy": policy.text})
    for changed in ({"ttl": "73h"}, {"common_name": "other.virtrigaud.local"}, {"alt_names": "x.virtrigaud.local"}):
        parameters = {"pki/issue/virtrigaud": {**world.parameters["pki/issue/virtrigaud"], **changed}}
        settings = replace(world.settings(), parameters=parameters)
        with Resolver.from_path(world.manifests, settings=settings) as resolver, pytest.raises(SecretsError):
            resolver.resolve("provider-tls-certs", namespace="provider-namespace")
