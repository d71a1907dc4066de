"""`VaultDynamicSecret`: the answer of any path of Vault, with its lease kept, which ESO cannot."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import (
    ConfigurationError,
    SecretNotFoundError,
    StoreError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.generators.base import GeneratedPayload, GeneratorFactory, never_missing
from virtrigaud_secrets.golang.encoding_json import Decoded, Number
from virtrigaud_secrets.models.generators.vault_dynamic_secret import VaultDynamicSecretSpec
from virtrigaud_secrets.stores.base import Answer, Fetch, Query, StoreContext, at_store
from virtrigaud_secrets.stores.stringification import as_bytes
from virtrigaud_secrets.stores.vault.client import VaultClient
from virtrigaud_secrets.stores.vault.engines import Endpoint
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.routes import Route
from virtrigaud_secrets.stores.vault.transport import Reply, Request

if TYPE_CHECKING:
    from virtrigaud_secrets.stores.vault.login import Token

_ISSUES: Final = re.compile(r"/(issue|sign|sign-verbatim)/[^/]+$")
"""Paths that issue certificates, by their looks."""

_READS: Final[Mapping[str, str]] = {"": "GET", "GET": "GET", "LIST": "LIST", "DELETE": "DELETE"}
"""`method` → HTTP verb; every other one writes."""

_AUTH_FIELDS: Final[Mapping[str, Decoded]] = {
    "client_token": "",
    "accessor": "",
    "policies": None,
    "token_policies": None,
    "identity_policies": None,
    "metadata": None,
    "orphan": False,
    "entity_id": "",
    "lease_duration": 0.0,
    "renewable": False,
    "mfa_requirement": None,
}
"""What `resultType: Auth` always has, with what stands for what the server leaves out."""
_RAW_FIELDS: Final[Mapping[str, Decoded]] = {
    "request_id": "",
    "lease_id": "",
    "lease_duration": 0.0,
    "renewable": False,
    "data": None,
    "warnings": None,
}
"""The same for `resultType: Raw`."""
_RAW_OPTIONAL: Final = ("auth", "wrap_info", "mount_type")
"""What `resultType: Raw` has where the server says it."""


class VaultDynamicSecretGenerator(VaultClient):
    """Sends the spec's request. Leases and the login are held and handed back as those of a `vault` store."""

    def __init__(self, spec: VaultDynamicSecretSpec, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
        """
        super().__init__(spec.provider, context)
        self._generator = spec
        self._request = _request(spec, context)
        # The engine is not known; whatever it is, a certificate outlives the login it was asked for with.
        engine = "pki" if _ISSUES.search(self._request.path) else ""
        self._route = Route(Endpoint(self._request.method, self._request.path, side_effect=True, engine=engine))

    def get(self, fetch: Fetch) -> Answer:  # noqa: ARG002  # whom it is for changes nothing
        """Send the request, once."""
        self._check_open()
        try:
            self._refuse_limited_token(self._route.endpoint)
            result = self._result(*self._tokens.send(self._request))
        except StoreError as error:
            at_store(error, self._context.store, self._request.path)
            raise
        if isinstance(result, StoreError):
            raise never_missing(at_store(result, self._context.store, self._request.path))
        return result

    def find(self, query: Query) -> Mapping[str, Answer]:
        """Refused: there is nothing to search."""
        raise UnsupportedFeatureError(f"{query.store}: a generator cannot be searched")

    def _result(self, outcome: Reply | Fault, token: Token) -> Answer | StoreError:
        path, may_be_empty = self._request.path, self._generator.allow_empty_response
        if isinstance(outcome, Fault):
            # To Vault's own client, a read of what is not there is an empty answer.
            outcome.error.acted = outcome.acted
            absent = isinstance(outcome.error, SecretNotFoundError) and self._request.method in {"GET", "LIST"}
            return Answer(payload=GeneratedPayload({}), path=path) if absent and may_be_empty else outcome.error
        if not outcome.body and not may_be_empty:
            return SecretNotFoundError("empty response from Vault", path=path)
        values = {name: as_bytes(value) for name, value in self._members(outcome.body).items()}
        answer = self._answer(outcome, token, self._route, metadata=False)
        if isinstance(answer, SecretNotFoundError):
            # Without data there is no lease either.
            return Answer(payload=GeneratedPayload(values), path=path, request_id=outcome.request_id)
        return answer if isinstance(answer, StoreError) else replace(answer, payload=GeneratedPayload(values))

    def _members(self, body: Mapping[str, Decoded]) -> Mapping[str, Decoded]:
        """What of the answer is meant."""
        match self._generator.result_type:
            case "Data":
                return _object(body.get("data"))
            case "Auth":
                return _auth(body.get("auth")) or {}
            case "Raw":
                raw = {name: _float(body.get(name, absent)) for name, absent in _RAW_FIELDS.items()}
                for name in _RAW_OPTIONAL:
                    if found := body.get(name):
                        raw[name] = _auth(found) if name == "auth" else _float(found)
                return raw


def _request(spec: VaultDynamicSecretSpec, context: StoreContext) -> Request:
    verb = _READS.get(spec.method or "", "PUT")
    path = spec.path.strip("/")
    if not path:
        raise ConfigurationError(f"{context.store}: path is empty")
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, object] | None = None
    if verb == "GET":
        query = tuple((name, value) for name in sorted(spec.get_parameters) for value in spec.get_parameters[name])
    elif verb == "PUT":
        written: object = {} if spec.parameters is None else spec.parameters
        if not isinstance(written, dict):
            raise ConfigurationError(f"{context.store}: parameters must be an object")
        body = cast("dict[str, object]", written)
    # Not out of a cache on the way: somebody else's credential could end at any time.
    return Request(method=verb, path=path, query=query, body=body, fresh=True)


def _object(value: Decoded) -> Mapping[str, Decoded]:
    return value if isinstance(value, dict) else {}


def _auth(value: Decoded) -> dict[str, Decoded] | None:
    if not isinstance(value, dict):
        return None
    return {name: _float(value.get(name, absent)) for name, absent in _AUTH_FIELDS.items()}


def _float(value: Decoded) -> Decoded:
    """Numbers as floats: ESO writes the envelope as JSON and reads it again, which loses how they were written."""
    if isinstance(value, Number):
        return float(value)
    if isinstance(value, list):
        return [_float(item) for item in value]
    if isinstance(value, dict):
        return {name: _float(item) for name, item in value.items()}
    return value


def _asked(spec: VaultDynamicSecretSpec) -> tuple[str, str]:
    return _READS.get(spec.method or "", "PUT"), spec.path.strip("/")


FACTORY: Final = GeneratorFactory(
    VaultDynamicSecretSpec, connect=VaultDynamicSecretGenerator, asked=_asked, needs=("hvac",), extra="vault"
)
"""The kind, as the registry finds it."""
