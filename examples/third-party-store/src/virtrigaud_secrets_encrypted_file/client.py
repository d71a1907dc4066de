"""Reads secrets from an encrypted file: a JSON object of name → Fernet token.

Functions that hold a value or a key return what went wrong instead of raising: a traceback may show local variables.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ClosedError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreError,
    StoreUnavailableError,
)
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores import (
    Answer,
    Fetch,
    Lookup,
    Query,
    StoreClient,
    StoreContext,
    TextPayload,
    at_store,
    secret,
)
from virtrigaud_secrets_encrypted_file.spec import EncryptedFileProvider


class EncryptedFileClient(StoreClient):
    """Reads the file and the key anew for each fetch, as both may be replaced. Safe to use from several threads."""

    def __init__(self, spec: EncryptedFileProvider, context: StoreContext) -> None:
        """Nothing is read yet."""
        self._spec = spec
        self._context = context
        self._path = Path(spec.path)
        self._closed = threading.Event()

    def get(self, fetch: Fetch) -> Answer:
        """One secret of the file."""
        tokens = self._tokens()
        token = tokens.get(fetch.key)
        if token is None:
            # SecretNotFoundError is what `deletionPolicy` acts on: raise it only where the secret is surely not there.
            raise self._error(SecretNotFoundError("the file has no such secret"), fetch.key)
        return self._answer(fetch.key, token)

    def find(self, query: Query) -> Mapping[str, Answer]:
        """The secrets whose name matches: `dataFrom.find`. Without this method, a store is not searchable."""
        if not query.name:
            raise self._error(InvalidRequestError("an encryptedFile store is searched by name only"), "")
        matches = regexp.compile_pattern(query.name).match
        return {name: self._answer(name, token) for name, token in self._tokens().items() if matches(name)}

    def close(self, *, revoke: bool = True) -> None:
        """Nothing was taken: there is no connection and no lease."""
        del revoke
        self._closed.set()

    def _answer(self, name: str, token: str) -> Answer:
        value = self._decrypted(token)
        if value is None:
            raise self._error(AuthenticationError("what keySecretRef names does not decrypt it"), name)
        place = self._place(name)
        payload = TextPayload(value.reveal(), lookup=Lookup.KEY_THEN_PATH, store=str(self._context.store), path=place)
        return Answer(payload=payload, path=place)

    def _decrypted(self, token: str) -> Sensitive | None:
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet

        # `secret` reads the Kubernetes Secret in the namespace that ESO's rules say.
        keys = secret(self._spec.key_secret_ref, self._context, field="keySecretRef")
        try:
            return Sensitive(MultiFernet([Fernet(key) for key in keys.reveal().split()]).decrypt(token))
        except (InvalidToken, ValueError):
            return None

    def _tokens(self) -> Mapping[str, str]:
        if self._closed.is_set():
            raise ClosedError(f"{self._context.store} was closed")
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            # The whole store is gone: to call its secrets missing could delete what was made of them.
            raise self._error(StoreUnavailableError("there is no such file"), "") from None
        except PermissionError:
            raise self._error(AccessDeniedError("this process may not read the file", capability="read"), "") from None
        except OSError as error:
            raise self._error(StoreUnavailableError(f"it cannot be read: {error.strerror}"), "") from None
        found = _parsed(text)
        if found is None:
            raise self._error(StoreUnavailableError("it is no JSON object of names and tokens"), "")
        return found

    def _error(self, error: StoreError, name: str) -> StoreError:
        """The error with store and place: what an operator looks for."""
        return at_store(error, self._context.store, self._place(name))

    def _place(self, name: str) -> str:
        return f"{self._path}#{name}" if name else str(self._path)


def _parsed(text: bytes) -> Mapping[str, str] | None:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    members = cast("dict[str, object]", found)
    return {name: token for name, token in members.items() if isinstance(token, str)}
