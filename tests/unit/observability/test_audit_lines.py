"""What a line says, and that no value is in it."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

from virtrigaud_secrets.bundle import Bundle, Lease, Provenance
from virtrigaud_secrets.errors import AccessDeniedError
from virtrigaud_secrets.observability.audit_lines import Hasher, encoded, line_of_access, line_of_read
from virtrigaud_secrets.runtime.accesses import AccessKind, SecretAccess, StoreRead
from virtrigaud_secrets.sensitive import Sensitive

AT = datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
SALT = b"sixteen bytes or"
LEASE = Lease(lease_id="db/creds/a/1", duration=60, renewable=True, expires_at=AT)
ORIGIN = Provenance(store="SecretStore ns/s", path="db/creds/a", version="3", lease=LEASE, request_id="r-1")
BUNDLE = Bundle({"password": b"canary", "user": b"canary"}, provenance={"password": (ORIGIN,), "user": (ORIGIN,)})


def access(**fields):
    known = {"kind": AccessKind.RESOLVE, "at": AT, "caller": "c", "thread": "t", "manifest": "ExternalSecret ns/es"}
    return SecretAccess(**(known | fields))


def test_a_secret_that_was_handed_over():
    line = line_of_access(access(bundle=BUNDLE, cached=True), number="n", pid=7, hasher=Hasher(Sensitive(SALT)))
    hashed = "hmac-sha256:" + hmac.new(SALT, b"canary", hashlib.sha256).hexdigest()
    assert line == {
        "time": "2030-01-02T03:04:05.000678Z",
        "type": "response",
        "auth": {"display_name": "c", "metadata": {"thread": "t", "pid": "7"}},
        "request": {"id": "n", "operation": "resolve", "path": "ExternalSecret ns/es"},
        "response": {
            "cached": True,
            "data": {"password": hashed, "user": hashed},
            "sources": [
                {
                    "request_id": "r-1",
                    "store": "SecretStore ns/s",
                    "path": "db/creds/a",
                    "version": "3",
                    "lease": LEASE.fingerprint,
                }
            ],
        },
    }
    assert "canary" not in json.dumps(line)
    assert LEASE.lease_id not in json.dumps(line)


def test_values_may_be_left_out():
    line = line_of_access(access(bundle=BUNDLE), number="n", pid=7, hasher=None)
    assert line["response"]["data"] == {"password": "", "user": ""}


def test_another_salt_gives_another_hash():
    one, other = Hasher(Sensitive(SALT)), Hasher(Sensitive(b"another sixteen bytes"))
    assert one.hashed(b"a") == one.hashed(b"a") != other.hashed(b"a")


def test_a_refusal():
    error = AccessDeniedError("no", store="SecretStore ns/s", path="a/b", request_id="r-2")
    line = line_of_access(access(error=error), number="n", pid=7, hasher=None)
    assert (line["error_class"], line["error_code"], line["response"]) == ("AccessDeniedError", "access-denied", {})
    assert "a/b" in line["error"]


def test_a_push():
    line = line_of_access(
        access(kind=AccessKind.PUSH, target="SecretStore ns/s key#p", outcome="created"), number="n", pid=7, hasher=None
    )
    assert line["request"]["target"] == "SecretStore ns/s key#p"
    assert line["response"] == {"outcome": "created"}


def read(**fields):
    known = {"at": AT, "caller": "", "thread": "t", "store": "SecretStore ns/s", "path": "a/b", "request_id": "r-1"}
    return StoreRead(**(known | fields))


def test_a_read_of_a_store_has_the_stores_own_id():
    line = line_of_read(read(version="4", lease="abc"), pid=7)
    assert line["request"] == {"id": "r-1", "operation": "read", "path": "a/b", "store": "SecretStore ns/s"}
    assert line["response"] == {"version": "4", "lease": "abc"}
    assert "error" not in line


def test_a_read_that_failed():
    line = line_of_read(read(error=AccessDeniedError("no")), pid=7)
    assert (line["response"], line["error_class"]) == ({}, "AccessDeniedError")


def test_a_line_is_one_line():
    text = encoded({"a": "b\nc\u2028d\x85"})
    assert text.count(b"\n") == 1
    assert len(text.decode().splitlines()) == 1
    assert json.loads(text) == {"a": "b\nc\u2028d\x85"}
