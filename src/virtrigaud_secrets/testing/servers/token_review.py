"""Stands in for the one endpoint of a cluster that a Vault server asks when a pod logs in: TokenReview, over TLS.

It is not a cluster, and no cluster runs behind it. What it answers is real: a token counts only if it was signed by
this stand-in's own key, has not expired and is meant for the audience asked about, and only a reviewer may ask. Who
has a cluster points the server's Kubernetes login at it instead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import ClassVar, Final, cast

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question, Reply
from virtrigaud_secrets.testing.servers.service_account_tokens import (
    ISSUER,
    TOKEN_LIFE,
    InvalidTokenError,
    ServiceAccount,
    TokenSigner,
)

PATH: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
"""The one path it answers."""
REVIEWER: Final = ServiceAccount("token-reviewer", "virtrigaud-system")
"""The one account that may ask, as the role `system:auth-delegator` would allow it."""


class TokenReviewServer(AnsweringServer):
    """The endpoint, and the accounts' tokens that it knows. Its address is `kubernetes_host` of a login method."""

    title: ClassVar[str] = "the TokenReview stand-in"

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__(Authority.create("virtrigaud-secrets cluster stand-in CA"))
        self._signer: Final = TokenSigner(clock=clock)
        self._trouble: HTTPStatus | None = None

    @property
    def reviewer_token(self) -> Sensitive:
        """A token that allows to ask."""
        return self._signer.sign(REVIEWER, life=timedelta(days=1))

    def token(
        self, name: str, namespace: str, *, audiences: Sequence[str] = (ISSUER,), life: timedelta = TOKEN_LIFE
    ) -> Sensitive:
        """A token of a service account, as the kubelet would project it into a pod."""
        return self._signer.sign(ServiceAccount(name, namespace), audiences=audiences, life=life)

    def fail_with(self, status: HTTPStatus | None) -> None:
        """Answer everything with this status, as a cluster in trouble does; None ends the trouble."""
        self._trouble = status

    def respond(self, question: Question) -> Reply:
        """Answer a review."""
        if question.method != "POST" or not question.body:
            return _reply(HTTPStatus.BAD_REQUEST, _status("body missing"))
        if self._trouble is not None:
            return _reply(self._trouble, _status("in trouble"))
        if question.target != PATH:
            return _reply(HTTPStatus.NOT_FOUND, _status("only TokenReview is answered here"))
        return _reply(*_review(self._signer, question.headers.get("Authorization") or "", question.body))

    def refuse_length(self) -> Reply:
        """A review holds one token of a kilobyte or two."""
        return _reply(HTTPStatus.BAD_REQUEST, _status("body too long"))


def _reply(status: HTTPStatus, content: Mapping[str, object]) -> Reply:
    return Reply(status, json.dumps(content).encode())


def _review(signer: TokenSigner, authorization: str, body: bytes) -> tuple[HTTPStatus, Mapping[str, object]]:
    scheme, _, credential = authorization.partition(" ")
    try:
        caller, _ = signer.check(Sensitive(credential))
    except InvalidTokenError:
        return HTTPStatus.UNAUTHORIZED, _status("Unauthorized")
    if scheme != "Bearer" or caller != REVIEWER:
        return HTTPStatus.FORBIDDEN, _status(f"{caller.username} may not create tokenreviews")
    try:
        spec = cast("dict[str, dict[str, object]]", json.loads(body)).get("spec") or {}
        audiences = [str(name) for name in cast("list[object]", spec.get("audiences") or [])]
        token = Sensitive(str(spec["token"]))
    except (ValueError, KeyError, AttributeError, TypeError):
        return HTTPStatus.BAD_REQUEST, _status("not a TokenReview")
    return HTTPStatus.CREATED, {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "metadata": {},
        "status": _verdict(signer, token, audiences),
    }


def _verdict(signer: TokenSigner, token: Sensitive, audiences: Sequence[str]) -> Mapping[str, object]:
    try:
        account, shared = signer.check(token, audiences=audiences)
    except InvalidTokenError as error:
        return {"authenticated": False, "error": str(error), "user": {}}
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{account.namespace}", "system:authenticated"]
    return {
        "authenticated": True,
        "user": {"username": account.username, "uid": account.uid, "groups": groups},
        "audiences": list(shared),
    }


def _status(message: str) -> Mapping[str, object]:
    return {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "message": message}
