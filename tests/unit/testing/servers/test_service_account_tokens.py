from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.servers.service_account_tokens import (
    ISSUER,
    InvalidTokenError,
    ServiceAccount,
    TokenSigner,
)

ACCOUNT = ServiceAccount("external-secrets", "virtrigaud-system")


def test_a_token_says_whose_it_is_in_kubernetes_words() -> None:
    token = TokenSigner().sign(ACCOUNT).reveal_text()
    segment = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    assert claims["sub"] == "system:serviceaccount:virtrigaud-system:external-secrets"
    assert claims["aud"] == [ISSUER]
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["kubernetes.io"]["namespace"] == "virtrigaud-system"
    assert claims["kubernetes.io"]["serviceaccount"] == {"name": ACCOUNT.name, "uid": ACCOUNT.uid}


def test_its_own_token_is_good_for_its_audiences() -> None:
    signer = TokenSigner()
    token = signer.sign(ACCOUNT, audiences=["vault", ISSUER])
    assert signer.check(token) == (ACCOUNT, (ISSUER,))
    assert signer.check(token, audiences=["other", "vault"]) == (ACCOUNT, ("vault",))
    with pytest.raises(InvalidTokenError, match="other audiences"):
        signer.check(token, audiences=["other"])
    with pytest.raises(InvalidTokenError, match="other audiences"):
        signer.check(signer.sign(ACCOUNT, audiences=["vault"]))


def test_a_token_ends() -> None:
    clock = ManualClock()
    signer = TokenSigner(clock=clock)
    token = signer.sign(ACCOUNT, life=timedelta(minutes=10))
    clock.advance(timedelta(minutes=9, seconds=59))
    signer.check(token)
    clock.advance(timedelta(seconds=1))
    with pytest.raises(InvalidTokenError, match="expired"):
        signer.check(token)
    clock.step(timedelta(minutes=-11))
    with pytest.raises(InvalidTokenError, match="not valid yet"):
        signer.check(token)


def test_anything_else_proves_nothing() -> None:
    signer = TokenSigner()
    head, claims, signature = signer.sign(ACCOUNT).reveal_text().split(".")
    other = TokenSigner().sign(ACCOUNT).reveal_text().split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    forged = {
        f"{head}.{claims}.{other[2]}": "somebody else",
        f"{head}.{other[1][:-2]}AA.{signature}": "not a signed token|somebody else",
        f"{unsigned}.{claims}.": "another way",
        f"{unsigned}.{claims}.{signature}": "another way",
        f"{head}.{claims}": "not a signed token",
        f"{head}.{claims}.{signature[:-4]}": "another way",
        "": "not a signed token",
        "a.b.c": "not a signed token",
    }
    for text, reason in forged.items():
        with pytest.raises(InvalidTokenError, match=reason) as caught:
            signer.check(Sensitive(text))
        assert claims not in str(caught.value)


def test_the_public_key_is_that_of_the_signatures() -> None:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    signer = TokenSigner()
    assert load_pem_public_key(signer.public_pem) == signer._key.public_key()
