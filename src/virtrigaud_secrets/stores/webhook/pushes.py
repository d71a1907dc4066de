"""From a spec's templates to the requests of a push: what writes, what deletes, what looks. Sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus

from virtrigaud_secrets.errors import UnsupportedFeatureError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushTarget, StoreContext
from virtrigaud_secrets.stores.webhook import request
from virtrigaud_secrets.stores.webhook.request import Request, Secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from virtrigaud_secrets.models.backends.webhook import WebhookProvider

WRITE: Final = "POST"
"""The method of a push where the manifest names none."""


def pushing(spec: WebhookProvider, push: Push, secrets: Secrets, context: StoreContext) -> Request:
    """The request that writes a value.

    Templates see `remoteRef.remoteKey`, `.secretKey` and `.property` where they are set, and the value under the remote
    key itself. In the URL all of them are query-escaped, as in ESO. Without a body, the value is sent.

    Raises:
        TemplateError: a template is none, or fails.
        ConfigurationError: what comes out cannot be sent.
        DecodingError: the values of a whole Secret are not text.
    """
    value = push.value
    written = {"remoteKey": push.target.key, "secretKey": push.secret_key, "property": push.target.property}
    reference = {name: Sensitive(text) for name, text in written.items() if text} | {push.target.key: value}
    escaped = {name: Sensitive(quote_plus(text.reveal())) for name, text in reference.items()}
    plain = request.with_secrets(reference, secrets)
    return Request(
        method=request.method_of(spec, WRITE),
        url=request.render(spec.url, "url", request.with_secrets(escaped, secrets)),
        headers=request.headers_of(spec, plain, context),
        # Differs from ESO: its own template for this fails on a key that is no identifier.
        body=request.render(spec.body, "body", plain) if spec.body else value,
        shown=request.shown_path(spec, push.target.key),
        repeatable=False,
        capability="update",
    )


def deleting(spec: WebhookProvider, target: PushTarget, secrets: Secrets, context: StoreContext) -> Request:
    """The request that deletes. Differs from ESO: its templates see the Secrets as well.

    Raises:
        TemplateError: a template is none, or fails.
        ConfigurationError: what comes out cannot be sent.
    """
    written = {"remoteKey": target.key, "property": target.property}
    reference = {name: text for name, text in written.items() if text}
    return Request(
        method="DELETE",
        url=request.render(spec.url, "url", _escaped(reference, secrets)),
        headers=request.headers_of(spec, _plain(reference, secrets), context),
        shown=request.shown_path(spec, target.key),
        repeatable=False,
        capability="delete",
    )


def looking(spec: WebhookProvider, target: PushTarget, secrets: Secrets, context: StoreContext) -> Request:
    """The request that reads what a push writes: that of a fetch, whose templates see the remote key as well.

    Raises:
        UnsupportedFeatureError: the request may do more than read.
        TemplateError: a template is none, or fails.
        ConfigurationError: what comes out cannot be sent.
    """
    if not request.is_harmless(spec):
        # Differs from ESO, which sends it.
        raise UnsupportedFeatureError(
            f"{context.store}: updatePolicy IfNotExists sends the store's request to look, and its method "
            f"{request.method_of(spec)} may do more: leave method out, so that pushes are POST and reads GET"
        )
    reference = {"key": target.key, "remoteKey": target.key, "version": "", "property": target.property}
    reference["namespace"] = context.namespace
    return Request(
        method=request.method_of(spec),
        url=request.render(spec.url, "url", _escaped(reference, secrets)),
        headers=request.headers_of(spec, _plain(reference, secrets), context),
        body=request.render(spec.body, "body", _plain(reference, secrets)),
        shown=request.shown_path(spec, target.key),
        repeatable=True,
    )


def _escaped(reference: Mapping[str, str], secrets: Secrets) -> request.TemplateData:
    return _plain({name: quote_plus(text) for name, text in reference.items()}, secrets)


def _plain(reference: Mapping[str, str], secrets: Secrets) -> request.TemplateData:
    return request.with_secrets({name: Sensitive(text) for name, text in reference.items()}, secrets)
