"""The faults that only a real server can play; the numbers are those of the fault list in docs/leases.md."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

pytestmark = pytest.mark.integration

READY = timedelta(seconds=20)


def subscribed(resolver: Resolver, name: str = "db"):
    subscription = resolver.subscribe(name, namespace="team")
    resolver.wait_ready(timeout=READY)
    return subscription


ONCE = {"login": 1, "find engine": 1}
"""What every resolver asks for at the beginning, and never again unless something is lost."""


def test_fault_01_a_role_of_6_and_20_seconds_logs_in_at_every_check(world, open_resolver, watch, asked):
    path = world.role(6, 20)
    manifests = world.manifests({"db": path}, world.login())
    resolver = open_resolver(manifests, world.settings())
    with watch(subscribed(resolver)) as seen:
        time.sleep(25)
    counts = asked()
    assert (seen.refused, seen.errors) == ([], [])
    assert seen.tried > 100
    # 25 s of a role that lives 20 s at most: one rotation, before the end of what could be renewed.
    assert 6 <= counts.pop("renew") <= 11
    assert counts == {**ONCE, "read": 2}
    assert len(seen.users) == 2


def test_fault_02_a_role_whose_maximum_is_its_default_is_renewed_once_and_then_rotated(
    world, open_resolver, watch, recorder, asked
):
    path = world.role(8, 8)
    resolver = open_resolver(world.manifests({"db": path}, world.login()), world.settings())
    with watch(subscribed(resolver)) as seen:
        time.sleep(14)
    assert (seen.refused, seen.errors) == ([], [])
    assert recorder.count("capped") == 1
    counts = asked()
    assert 1 <= counts.pop("renew") <= 3, "the one that was capped, and cuts of what was replaced"
    assert counts == {**ONCE, "read": 3}


def test_fault_10_a_lease_revoked_by_prefix_is_replaced_at_once_when_it_is_reported(world, open_resolver, soon, asked):
    path = world.role(600, 3600)
    subscription = subscribed(open_resolver(world.manifests({"db": path}, world.login()), world.settings()))
    first = subscription.current
    world.openbao.ask("PUT", f"sys/leases/revoke-prefix/{path}", {"sync": True})
    assert not world.accepts(first)
    began = time.monotonic()
    subscription.report_failure(first)
    assert soon(lambda: subscription.current is not first, within=5)
    assert time.monotonic() - began < 1.0
    assert world.accepts(subscription.current)
    assert asked() == {**ONCE, "read": 2, "look up": 1}


def test_fault_10_a_lease_revoked_behind_the_back_is_lost_at_its_next_renewal(
    world, open_resolver, recorder, soon, asked
):
    path = world.role(4, 600)
    subscription = subscribed(open_resolver(world.manifests({"db": path}, world.login()), world.settings()))
    first = subscription.current
    world.openbao.ask("PUT", f"sys/leases/revoke-prefix/{path}", {"sync": True})
    assert soon(lambda: subscription.current is not first, within=4)
    assert recorder.count("lost") == 1
    assert world.accepts(subscription.current)
    assert asked() == {**ONCE, "read": 2, "renew": 1}


def test_fault_16_a_leased_certificate_is_replaced_before_its_token_ends_and_is_never_revoked(
    world, open_resolver, asked
):
    path = world.issuer(3600)
    settings = world.settings(parameters={path: {"common_name": "a.virtrigaud.local"}})
    resolver = open_resolver(world.manifests({"tls": path}, world.login(5, 12)), settings)
    subscription = subscribed(resolver, "tls")
    serials = []
    end = time.monotonic() + 15
    while time.monotonic() < end:
        certificate = x509.load_pem_x509_certificate(subscription.current["certificate"])
        if certificate.serial_number not in serials:
            serials.append(certificate.serial_number)
        assert certificate.serial_number not in revoked(world), "the certificate in force is on the revocation list"
        time.sleep(0.2)
    assert len(serials) >= 2, "the token ended and the certificate was never moved"
    counts = asked()
    assert 2 <= counts.pop("renew login") <= 8
    # No login is ended: that would revoke the certificate.
    assert counts == {"find engine": 1, "login": len(serials), "read": len(serials)}


def revoked(world) -> set[int]:
    world.openbao.ask("GET", "short/crl/rotate")
    data = world.openbao.ask("GET", "short/cert/crl")["data"]
    assert isinstance(data, dict)
    return {entry.serial_number for entry in x509.load_pem_x509_crl(str(data["certificate"]).encode())}


def test_fault_17_leases_are_moved_before_a_token_of_5_and_15_seconds_ends(
    world, open_resolver, watch, recorder, asked
):
    path = world.role(3600, 7200)
    resolver = open_resolver(world.manifests({"db": path}, world.login(5, 15)), world.settings())
    with watch(subscribed(resolver)) as seen:
        time.sleep(20)
    assert (seen.refused, seen.errors) == ([], [])
    assert recorder.count("token-renewed") >= 3
    assert recorder.count("token-replaced") >= 1
    assert len(seen.users) >= 2
    counts = asked()
    assert 4 <= counts.pop("renew login") <= 12
    assert counts.pop("renew", 0) <= 2, "leases of an hour"
    assert counts.pop("end login", 0) <= 1
    assert counts == {"find engine": 1, "login": len(seen.users), "read": len(seen.users)}


def test_fault_24_a_server_that_is_sealed_and_unsealed_is_no_reason_to_log_in(
    world, open_resolver, watch, recorder, asked
):
    # The renewal falls into the outage or just behind it, which is over long before the lease is late.
    path = world.role(18, 600)
    resolver = open_resolver(world.manifests({"db": path}, world.login()), world.settings())
    with watch(subscribed(resolver)) as seen:
        time.sleep(8)
        world.openbao.seal()
        time.sleep(2.5)
        world.openbao.unseal()
        time.sleep(11)
    assert (seen.refused, seen.errors) == ([], [])
    assert len(seen.users) == 1
    assert recorder.count("renewed") >= 1
    counts = asked()
    assert counts.pop("renew") <= 6
    assert counts == {**ONCE, "read": 1}


def test_fault_28_old_and_new_credential_both_log_in_through_the_drain_and_then_only_the_new(
    world, open_resolver, soon, asked
):
    path = world.role(60, 600)
    resolver = open_resolver(world.manifests({"db": path}, world.login()), world.settings())
    mine = subscribed(resolver)
    old = mine.current
    resolver.refresh("db", namespace="team")
    new = mine.current
    assert new is not old
    assert world.accepts(old)
    assert world.accepts(new)
    # A lease of 60 s drains for 10 s.
    time.sleep(6)
    assert world.accepts(old)
    assert soon(lambda: not world.accepts(old), within=8)
    assert world.accepts(mine.current)
    assert asked() == {**ONCE, "read": 2, "renew": 1}, "one more credential, and the cut of the old one"


def test_fault_28_what_somebody_holds_on_to_is_not_ended_by_the_drain(world, open_resolver, soon, asked):
    path = world.role(12, 600)
    resolver = open_resolver(world.manifests({"db": path}, world.login()), world.settings())
    subscription = subscribed(resolver)
    with subscription.use() as held:
        resolver.refresh("db", namespace="team")
        assert subscription.current is not held
        time.sleep(16)
        assert world.accepts(held), "a pinned credential was let go of"
    assert soon(lambda: not world.accepts(held), within=14)
    assert world.accepts(subscription.current)
    counts = asked()
    assert 3 <= counts.pop("renew") <= 12
    assert counts == {**ONCE, "read": 2}


PROGRAM = """
import sys, time
from datetime import timedelta
from pathlib import Path
from virtrigaud_secrets import Resolver, Settings
manifests, address, ca, action = sys.argv[1:]
settings = Settings(endpoints={"https://bao.example.com": address}, ca_file=Path(ca))
resolver = Resolver.from_path(manifests, settings=settings)
subscription = resolver.subscribe("db", namespace="team")
resolver.wait_ready(timeout=timedelta(seconds=20))
old = subscription.current
if action == "drain":
    resolver.refresh("db", namespace="team")
    time.sleep(0.5)
print(old.text("username"), flush=True)
sys.stdin.readline()
"""


def started(world, path, action):
    manifests = world.manifests({"db": path}, world.login())
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, manifests, world.openbao.address, world.openbao.ca_file, action],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_fault_29_a_process_killed_in_mid_drain_leaves_no_old_lease_behind(world, soon, asked):
    path = world.role(60, 600)
    with started(world, path, "drain") as process:
        assert process.stdout is not None
        old = process.stdout.readline().strip()
        os.kill(process.pid, signal.SIGKILL)
    assert old in world.users()
    assert soon(lambda: old not in world.users(), within=14), "the server was never asked to end the old lease"
    assert asked() == {**ONCE, "read": 2, "renew": 1}


@pytest.mark.parametrize("policies", ["leases", "leases,may-revoke"])
def test_fault_30_after_close_no_login_is_left(world, open_resolver, policies, soon, asked):
    world.openbao.ask(
        "PUT", "sys/policies/acl/may-revoke", {"policy": 'path "sys/leases/revoke" { capabilities = ["update"] }'}
    )
    path = world.role(600, 3600)
    login = world.login(policies=policies)
    resolver = open_resolver(world.manifests({"db": path, "other": path}, login), world.settings())
    user = subscribed(resolver).current.text("username")
    assert user in world.users()
    began = time.monotonic()
    resolver.close()
    assert time.monotonic() - began < 5
    assert soon(lambda: user not in world.users(), within=3)
    resolver.close()
    assert asked() == {**ONCE, "read": 1, "end login": 1}, "which ends the leases that hang on it"


def test_fault_30_closing_while_the_server_hangs_takes_five_seconds_at_most(
    world, open_resolver, proxy, through, asked
):
    path = world.role(600, 3600)
    resolver = open_resolver(world.manifests({"db": path}, world.login()), through)
    subscribed(resolver)
    proxy.order(Trouble.HANG)
    began = time.monotonic()
    resolver.close()
    assert time.monotonic() - began < 5.5
    assert asked() == {**ONCE, "read": 1}
    assert proxy.asked("revoke-self") == 1


def test_fault_31_a_sigterm_handler_that_exits_leaves_no_lease_and_no_traceback(world, soon, asked):
    path = world.role(600, 3600)
    program = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + textwrap.dedent(PROGRAM)
    manifests = world.manifests({"db": path}, world.login())
    with subprocess.Popen(
        [sys.executable, "-c", program, manifests, world.openbao.address, world.openbao.ca_file, "wait"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        user = process.stdout.readline().strip()
        assert user in world.users()
        process.terminate()
        _, errors = process.communicate(timeout=15)
    assert (process.returncode, errors) == (0, "")
    assert soon(lambda: user not in world.users(), within=3)
    assert asked() == {**ONCE, "read": 1, "end login": 1}


def test_fault_36_a_static_role_has_its_new_password_two_seconds_after_the_change(world, open_resolver, asked):
    path = world.static_role(8)
    subscription = subscribed(open_resolver(world.manifests({"db": path}, world.login()), world.settings()))
    refused: list[float] = []
    longest, since = 0.0, None
    passwords = set()
    end = time.monotonic() + 26
    while time.monotonic() < end:
        bundle = subscription.current
        passwords.add(bundle["password"])
        if world.accepts(bundle):
            since = None
        else:
            since = since or time.monotonic()
            longest = max(longest, time.monotonic() - since)
            refused.append(time.monotonic())
        time.sleep(0.05)
    assert len(passwords) >= 3
    assert longest <= 2.2, f"the old password was held for {longest:.1f} s after it was replaced"
    counts = asked()
    assert len(passwords) <= counts.pop("read") <= 4 * len(passwords)
    assert counts == ONCE


def test_fault_40_through_a_caching_proxy_every_credential_and_login_is_our_own(
    world, open_resolver, caching_proxy, watch, asked
):
    path = world.role(8, 60)
    login = world.login()
    settings = world.settings(endpoints={"https://bao.example.com": caching_proxy})
    first = open_resolver(world.manifests({"db": path}, login), settings)
    second = open_resolver(world.manifests({"db": path}, login), settings)
    one, two = subscribed(first), subscribed(second)
    assert one.current["username"] != two.current["username"]
    with watch(two) as others:
        with watch(one) as seen:
            time.sleep(12)
        assert (seen.refused, seen.errors) == ([], [])
        first.close()
        time.sleep(8)
    assert (others.refused, others.errors) == ([], [])
    # What the proxy renews by itself is its own matter.
    counts = asked()
    assert (counts["login"], counts["read"], counts["revoke"]) == (2, 2, 0)


def test_fault_25_on_a_new_empty_server_everything_is_read_anew(volatile_world, open_resolver, recorder, soon):
    world = volatile_world
    login = world.login()
    path = world.role(8, 600, name="kept")
    asked = world.counting()
    subscription = subscribed(open_resolver(world.manifests({"db": path}, login), world.settings()))
    first = subscription.current
    world.openbao.restart()
    world.set_up()
    world.role(8, 600, name="kept")
    world.login(again=login)
    assert soon(lambda: subscription.current is not first, within=12)
    assert world.accepts(subscription.current)
    assert recorder.count("token-lost") == 1
    assert recorder.count("lost") == 1
    counts = asked()
    assert counts["read"] == 2
    assert counts["login"] <= 4


def test_times_are_aware_utc(world, open_resolver):
    path = world.role(60, 600)
    resolver = open_resolver(world.manifests({"db": path}, world.login()), world.settings())
    subscribed(resolver)
    (status,) = resolver.health().secrets
    assert status.refreshed_at is not None
    assert abs(datetime.now(UTC) - status.refreshed_at) < timedelta(seconds=30)
    with pytest.raises(SecretsError):
        resolver.resolve("nobody", namespace="team")
