from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import ProofFailedError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.proofs import prove_handshake, prove_login, prove_login_ended
from virtrigaud_secrets.testing.servers import PostgreSQL
from virtrigaud_secrets.testing.servers.certificates import Authority

pytestmark = pytest.mark.integration


def test_a_handshake_verifies_chain_and_name() -> None:
    authority = Authority.create()
    issued, other = authority.issue(["a.example"]), authority.issue(["a.example"])
    proof = prove_handshake(issued.certificate, issued.key, authority.pem, name="a.example")
    assert "TLSv1.3" in proof.claim
    assert "a.example" in proof.detail
    with pytest.raises(ProofFailedError, match="Hostname mismatch"):
        prove_handshake(issued.certificate, issued.key, authority.pem, name="b.example")
    with pytest.raises(ProofFailedError, match=r"unable to get local issuer|self-signed|signature failure"):
        prove_handshake(issued.certificate, issued.key, Authority.create().pem, name="a.example")
    with pytest.raises(ProofFailedError, match="do not belong together"):
        prove_handshake(issued.certificate, other.key, authority.pem, name="a.example")


def test_a_certificate_for_any_name_proves_nothing() -> None:
    authority = Authority.create()
    issued = authority.issue(["a.example", "not-a.example"])
    with pytest.raises(ProofFailedError, match="under another name"):
        prove_handshake(issued.certificate, issued.key, authority.pem, name="a.example")


def test_logins_are_tried_on_the_real_server(postgres: PostgreSQL) -> None:
    postgres.query("CREATE ROLE test_proof LOGIN PASSWORD 'right'")
    prove_login(postgres, "test_proof", Sensitive("right"))
    postgres.query("DROP ROLE test_proof")
    prove_login_ended(postgres, "test_proof", Sensitive("right"))
