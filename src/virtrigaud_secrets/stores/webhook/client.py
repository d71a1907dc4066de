"""`WebhookClient`: one store's fetches and pushes, from templates to answers."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    SecretNotFoundError,
    StoreError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import (
    Answer,
    Fetch,
    Push,
    PushOutcome,
    PushTarget,
    StoreClient,
    StoreContext,
    at_store,
)
from virtrigaud_secrets.stores.retrying import repeat_reads
from virtrigaud_secrets.stores.selectors import namespace_of
from virtrigaud_secrets.stores.webhook import pushes, request
from virtrigaud_secrets.stores.webhook.ntlm import Login
from virtrigaud_secrets.stores.webhook.payload import WebhookPayload
from virtrigaud_secrets.stores.webhook.request import Secrets
from virtrigaud_secrets.stores.webhook.transport import Transport

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.webhook import WebhookProvider, WebhookSecret
    from virtrigaud_secrets.models.references import SecretKeySelector

LABEL: Final = ("external-secrets.io/type", "webhook")
"""Label that a Secret must carry for templates to read it: nobody sends away a Secret that was not meant for it."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of the Secrets that the spec names."""

    secrets: Secrets = field(repr=False)
    login: Login | None


class WebhookClient(StoreClient):
    """Asks the server of one store."""

    def __init__(self, spec: WebhookProvider, context: StoreContext) -> None:
        """Nothing is sent and nothing is read yet."""
        self._spec = spec
        self._context = context
        self._transport = Transport(spec, context)
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._closed = False

    def get(self, fetch: Fetch) -> Answer:
        """Send the request that the templates make of `fetch`; only one that reads is ever repeated."""
        try:
            known = self._read_once()
            try:
                return self._get(fetch, known)
            except AuthenticationError:
                if not (self._spec.secrets or self._spec.auth):
                    raise
                if not request.is_harmless(self._spec):
                    self._forget(known)
                    raise
                # The Secrets may have been replaced since. The same password once more could lock a user out.
                again = self._read_once(instead_of=known)
                if again == known:
                    raise
            return self._get(fetch, again)
        except StoreError as error:
            at_store(error, self._context.store, request.shown_path(self._spec, fetch.key))
            raise

    def push(self, push: Push) -> PushOutcome:
        """Send the request that the templates make of a value, once; as in ESO, whatever is there (ESO §3.8).

        A server that answers 201 made something new. A dry run renders the templates and sends nothing.
        """
        with self._writing(push.target) as known:
            asked = pushes.pushing(self._spec, push, known.secrets, self._context)
            status = HTTPStatus.OK if push.dry_run else self._transport.send(asked, known.login).status
        return PushOutcome.CREATED if status == HTTPStatus.CREATED else PushOutcome.UPDATED

    def exists(self, target: PushTarget) -> bool:
        """Whether the server answers the request that reads it with something else than 404."""
        with self._writing(target) as known:
            asked = pushes.looking(self._spec, target, known.secrets, self._context)
            try:
                repeat_reads(lambda: self._transport.send(asked, known.login), self._context)
            except SecretNotFoundError:
                return False
        return True

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        """Send DELETE to the rendered URL, once."""
        with self._writing(target) as known:
            asked = pushes.deleting(self._spec, target, known.secrets, self._context)
            try:
                if not dry_run:
                    self._transport.send(asked, known.login)
            except SecretNotFoundError:
                return PushOutcome.ABSENT
        return PushOutcome.DELETED

    @contextmanager
    def _writing(self, target: PushTarget) -> Generator[_Known]:
        known: _Known | None = None
        try:
            known = self._read_once()
            yield known
        except StoreError as error:
            if known is not None and isinstance(error, AuthenticationError):
                self._forget(known)
            at_store(error, self._context.store, request.shown_path(self._spec, target.key))
            raise

    def _forget(self, known: _Known) -> None:
        """Read the Secrets anew for the next request: they may have been replaced."""
        with self._lock:
            if self._known is known:
                self._known = None

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # nothing was taken
        """Close the connections."""
        with self._lock:
            self._closed = True
        self._transport.close()

    def _get(self, fetch: Fetch, known: _Known) -> Answer:
        secrets = known.secrets
        asked = request.build(self._spec, fetch, secrets, self._context)
        body = (
            repeat_reads(lambda: self._transport.send(asked, known.login), self._context)
            if asked.repeatable
            else self._transport.send(asked, known.login)
        ).body
        payload = WebhookPayload(
            body,
            json_path=request.json_path(self._spec, fetch, secrets, self._context),
            written=self._spec.result.json_path,
            store=str(self._context.store),
            path=asked.shown,
        )
        return Answer(payload=payload, path=asked.shown, version=fetch.version)

    def _read_once(self, *, instead_of: _Known | None = None) -> _Known:
        """The Secrets that templates may read, and who logs in."""
        # Held over the reading, on purpose: nobody can go on without them, and one reading serves all.
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._context.store} was closed")
            if self._known is None or self._known is instead_of:
                self._known = _Known(_merged(self._spec.secrets, self._context), _login(self._spec, self._context))
            return self._known


def _merged(wanted: tuple[WebhookSecret, ...], context: StoreContext) -> Secrets:
    found: dict[str, dict[str, Sensitive]] = {}
    for one in wanted:
        found.setdefault(one.name, {}).update(_read(one, context))
    return found


def _login(spec: WebhookProvider, context: StoreContext) -> Login | None:
    ntlm = None if spec.auth is None else spec.auth.ntlm
    if ntlm is None:
        return None
    user = _value(ntlm.username_secret, context, "auth.ntlm.usernameSecret")
    password = _value(ntlm.password_secret, context, "auth.ntlm.passwordSecret")
    # A name has no blanks around it, and files end in a newline.
    return Login(user.reveal_text().strip(), Sensitive(password.reveal().rstrip(b"\r\n")))


def _value(selector: SecretKeySelector, context: StoreContext, field: str) -> Sensitive:
    value = _data(selector, context, field).get(selector.key or "")
    if not value:
        raise ConfigurationError(f"{context.store}: what {field} names is not there or empty")
    return value


def _read(wanted: WebhookSecret, context: StoreContext) -> dict[str, Sensitive]:
    return _data(wanted.secret_ref, context, f"secrets[{wanted.name}].secretRef")


def _data(selector: SecretKeySelector, context: StoreContext, field: str) -> dict[str, Sensitive]:
    if not selector.name:
        raise ConfigurationError(f"{context.store}: {field} must have a name")
    if context.store.kind == "ClusterSecretStore" and not selector.namespace:
        raise ConfigurationError(f"{context.store}: {field} must have a namespace")
    namespace = namespace_of(selector.namespace, context)
    found = context.references.labelled_secret(selector.name, namespace=namespace)
    key, value = LABEL
    if found.labels.get(key) != value:
        raise ConfigurationError(
            f"{context.store}: Secret {namespace}/{selector.name} must carry the label {key}: {value} to be used here"
        )
    return dict(found.data)
