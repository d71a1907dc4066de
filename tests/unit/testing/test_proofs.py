from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from virtrigaud_secrets.errors import ProofFailedError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.proofs import prove_counts, prove_handshake, prove_login, prove_login_ended
from virtrigaud_secrets.testing.servers import PostgreSQL

PASSWORD = Sensitive("planted-value")


class Door:
    """Lets in who is on its list, or everybody."""

    def __init__(self, *known: tuple[str, Sensitive], everybody: bool = False) -> None:
        self.known, self.everybody = known, everybody

    def accepts(self, user: str, password: Sensitive) -> bool:
        return self.everybody or (user, password) in self.known


def door(*known: tuple[str, Sensitive], everybody: bool = False) -> PostgreSQL:
    return cast("PostgreSQL", Door(*known, everybody=everybody))


def test_a_login_is_proven_by_the_right_password_alone() -> None:
    proof = prove_login(door(("a", PASSWORD)), "a", PASSWORD)
    assert "planted" not in repr(proof)
    with pytest.raises(ProofFailedError, match="refuses the dynamic credential"):
        prove_login(door(), "a", PASSWORD)
    with pytest.raises(ProofFailedError, match="accepts a wrong password"):
        prove_login(door(everybody=True), "a", PASSWORD)


def test_an_end_is_proven_by_refusal_in_time() -> None:
    clock = ManualClock()
    prove_login_ended(door(), "a", PASSWORD, clock=clock)
    assert clock.sleeps == []
    with pytest.raises(ProofFailedError, match="still works 3 s after") as caught:
        prove_login_ended(door(("a", PASSWORD)), "a", PASSWORD, clock=clock, within=timedelta(seconds=3))
    assert "planted" not in str(caught.value)
    assert sum(clock.sleeps) == pytest.approx(3, abs=0.2)


def test_counts_must_be_as_expected() -> None:
    expected = {("read", "a"): 1, ("update", "b"): 1}
    prove_counts({("read", "a"): 1, ("update", "b"): 1, ("read", "elsewhere"): 5}, expected)
    with pytest.raises(ProofFailedError, match="read a: 3 instead of 1; update b: 0 instead of 1"):
        prove_counts({("read", "a"): 3}, expected)


def test_what_is_no_certificate_proves_nothing() -> None:
    with pytest.raises(ProofFailedError, match="are no PEM") as caught:
        prove_handshake(b"planted-value", PASSWORD, b"x", name="a.example")
    assert "planted" not in str(caught.value)
    with pytest.raises(ProofFailedError, match="more than 16384 bytes"):
        prove_handshake(b"x" * 100_000, PASSWORD, b"x", name="a.example")
