from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.service_account_tokens import ISSUER, ServiceAccount, TokenSigner
from virtrigaud_secrets.testing.servers.token_review import REVIEWER, TokenReviewServer, _review

SIGNER = TokenSigner()
ACCOUNT = ServiceAccount("external-secrets", "virtrigaud-system")


def review(token: Sensitive, *, caller: ServiceAccount = REVIEWER, **spec: object) -> tuple[int, dict[str, Any]]:
    body = {"spec": {"token": token.reveal_text(), **spec}}
    status, answer = _review(SIGNER, f"Bearer {SIGNER.sign(caller).reveal_text()}", json.dumps(body).encode())
    return status, cast("dict[str, Any]", answer)


def verdict(answer: Mapping[str, Any]) -> dict[str, Any]:
    return cast("dict[str, Any]", answer["status"])


def test_a_good_token_is_whose_it_is() -> None:
    status, answer = review(SIGNER.sign(ACCOUNT))
    assert status == HTTPStatus.CREATED
    assert answer["kind"] == "TokenReview"
    assert verdict(answer)["authenticated"] is True
    assert verdict(answer)["user"]["username"] == ACCOUNT.username
    assert "system:serviceaccounts:virtrigaud-system" in verdict(answer)["user"]["groups"]
    assert verdict(answer)["audiences"] == [ISSUER]


def test_a_bad_token_is_nobodys() -> None:
    for token in (TokenSigner().sign(ACCOUNT), Sensitive("x"), SIGNER.sign(ACCOUNT, audiences=["vault"])):
        status, answer = review(token)
        assert status == HTTPStatus.CREATED
        assert verdict(answer)["authenticated"] is False
        assert verdict(answer)["user"] == {}
    assert verdict(review(SIGNER.sign(ACCOUNT, audiences=["vault"]), audiences=["vault"])[1])["authenticated"] is True


def test_only_the_reviewer_may_ask() -> None:
    assert review(SIGNER.sign(ACCOUNT), caller=ACCOUNT)[0] == HTTPStatus.FORBIDDEN
    for authorization in ("", "Bearer ", "Bearer x", "Basic eDp5"):
        assert _review(SIGNER, authorization, b"{}")[0] == HTTPStatus.UNAUTHORIZED
    reviewer = SIGNER.sign(REVIEWER).reveal_text()
    assert _review(SIGNER, f"Basic {reviewer}", b"{}")[0] == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"spec": {}}', b'{"spec": []}', b'{"spec": "x"}', b"\xff"])
def test_a_body_that_is_no_review_is_refused(body: bytes) -> None:
    bearer = f"Bearer {SIGNER.sign(REVIEWER).reveal_text()}"
    assert _review(SIGNER, bearer, body)[0] == HTTPStatus.BAD_REQUEST


def test_not_started_it_says_so() -> None:
    server = TokenReviewServer()
    with pytest.raises(LocalServerError, match="use it in a with block"):
        _ = server.address
    server.fail_with(HTTPStatus.INTERNAL_SERVER_ERROR)
    server.close()
