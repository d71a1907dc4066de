"""From a spec's templates to one HTTP request. Sends nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus

from virtrigaud_secrets import template
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, StoreContext
from virtrigaud_secrets.template.roots import root_fields

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.webhook import WebhookProvider

Secrets = Mapping[str, Mapping[str, Sensitive]]
"""What templates call a Secret → its values."""

TemplateData = Mapping[str, Mapping[str, Sensitive]]
"""What templates see, by name and key."""

REMOTE_REFERENCE: Final = "remoteRef"
"""What templates call the reference that is being resolved."""

_OPTIONS: Final = template.Options(missing_key="default", nested=True)
_FIELDS: Final = frozenset({"key", "version", "property", "namespace"})
_OF_PUSHES: Final = frozenset({"remoteKey", "secretKey"})
"""Fields that are there in pushes only."""
_MENTION: Final = re.compile(rf"{REMOTE_REFERENCE}(?:\.(\w+))?")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD: Final = re.compile(r"[A-Za-z]+")
_CREDENTIALS: Final = re.compile(r"//[^/@]*@")
_HARMLESS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. Any part of it may hold a secret, so none is shown."""

    method: str
    """The HTTP method."""
    url: Sensitive
    """Where to send it."""
    headers: Mapping[str, Sensitive] = field(default_factory=dict[str, Sensitive], repr=False)
    """Header lines."""
    body: Sensitive = field(default_factory=lambda: Sensitive(b""))
    """What to send; empty for nothing."""
    shown: str
    """What stands for the URL in texts."""
    repeatable: bool
    """Whether it does no harm to send it twice."""
    capability: str = "read"
    """What the server must let us do."""


def build(spec: WebhookProvider, fetch: Fetch, secrets: Secrets, context: StoreContext) -> Request:
    """The request for `fetch`. In the URL the reference's fields are query-escaped, as in ESO.

    Raises:
        TemplateError: a template is none, or fails.
        ConfigurationError: what comes out cannot be sent.
    """
    escaped = _data(fetch, secrets, context, escape=True)
    plain = _data(fetch, secrets, context, escape=False)
    return Request(
        method=method_of(spec),
        url=render(spec.url, "url", escaped),
        headers=headers_of(spec, plain, context),
        body=render(spec.body, "body", plain),
        shown=shown_path(spec, fetch.key),
        repeatable=is_harmless(spec),
    )


def headers_of(spec: WebhookProvider, data: TemplateData, context: StoreContext) -> dict[str, Sensitive]:
    """The header lines.

    Raises:
        TemplateError: a template is none, or fails.
        ConfigurationError: what comes out is no header.
    """
    headers: dict[str, Sensitive] = {}
    for name, text in spec.headers.items():
        value = render(text, f"headers.{name}", data)
        if not _HEADER_NAME.fullmatch(name) or not _fits_header(value):
            raise ConfigurationError(f"{context.store}: header {name!r} has characters that no header may have")
        headers[name] = value
    return headers


def json_path(spec: WebhookProvider, fetch: Fetch, secrets: Secrets, context: StoreContext) -> Sensitive:
    """The JSONPath into the answer to `fetch`; empty for all of it.

    Raises:
        TemplateError: its template is none, or fails.
    """
    return render(spec.result.json_path, "result.jsonPath", _data(fetch, secrets, context, escape=False))


def method_of(spec: WebhookProvider, otherwise: str = "GET") -> str:
    """The HTTP method: what the manifest says, or else `otherwise`.

    Raises:
        ConfigurationError: it is none.
    """
    if spec.method and not _METHOD.fullmatch(spec.method):
        raise ConfigurationError("method is no HTTP method")
    return spec.method or otherwise


def is_harmless(spec: WebhookProvider) -> bool:
    """Whether the request only reads, by its method."""
    return method_of(spec) in _HARMLESS


def shown_path(spec: WebhookProvider, key: str) -> str:
    """The URL's template without credentials and query, and the key: what errors may show."""
    return f"{shown_url(spec)} ({key})" if key else shown_url(spec)


def shown_url(spec: WebhookProvider) -> str:
    """The URL's template without credentials and query."""
    return _CREDENTIALS.sub("//", spec.url.partition("?")[0])


def fields_read(spec: WebhookProvider) -> frozenset[str]:
    """Which fields of the reference the templates may read; never too few.

    Raises:
        TemplateSyntaxError: a template is none.
    """
    return frozenset(name for text in _texts(spec) for name in _fields_of(text))


def _texts(spec: WebhookProvider) -> Iterator[str]:
    yield from (spec.url, spec.body, spec.result.json_path, *spec.headers.values())


def _fields_of(text: str) -> frozenset[str]:
    mentioned = [found[1] for found in _MENTION.finditer(text)]
    # A template that looks at its whole data, or at the reference as a whole, may read any field.
    if root_fields(text) is None or not set(mentioned) <= _FIELDS | _OF_PUSHES:
        return _FIELDS
    return frozenset(mentioned) & _FIELDS


def _data(fetch: Fetch, secrets: Secrets, context: StoreContext, *, escape: bool) -> dict[str, dict[str, Sensitive]]:
    fields = {"key": fetch.key, "version": fetch.version, "property": fetch.property}
    if escape:
        fields = {name: quote_plus(text) for name, text in fields.items()}
    reference = {name: Sensitive(text) for name, text in (fields | {"namespace": context.namespace}).items()}
    return with_secrets(reference, secrets)


def with_secrets(reference: Mapping[str, Sensitive], secrets: Secrets) -> dict[str, dict[str, Sensitive]]:
    """What templates see: the reference and the Secrets."""
    data = {REMOTE_REFERENCE: dict(reference)}
    for name, values in secrets.items():
        data.setdefault(name, {}).update(values)
    return data


def render(text: str, name: str, data: TemplateData) -> Sensitive:
    """A template over `data`. Its errors point into the template and carry no data.

    Raises:
        TemplateError: it is none, or fails.
    """
    compiled = template.compile(text, name=name, options=_OPTIONS)
    return Sensitive(
        compiled.render({name: {key: value.reveal() for key, value in values.items()} for name, values in data.items()})
    )


def _fits_header(value: Sensitive) -> bool:
    return not any(byte < ord(" ") and byte != ord("\t") for byte in value.reveal())
