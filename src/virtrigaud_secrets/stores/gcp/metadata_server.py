"""Asks the metadata server of a machine or pod on Google's cloud who and where it is."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Final

from virtrigaud_secrets.errors import AuthenticationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.gcp import errors
from virtrigaud_secrets.stores.gcp.errors import Fault
from virtrigaud_secrets.stores.gcp.identity import AccessToken
from virtrigaud_secrets.stores.gcp.names import METADATA_SERVER
from virtrigaud_secrets.stores.gcp.wire import Wire

PATIENCE: Final = 5.0
"""Seconds to wait for it: it is on the same machine, and off Google's cloud nobody answers."""

_ROOT: Final = f"{METADATA_SERVER}/computeMetadata/v1/"
_TOKEN: Final = "instance/service-accounts/default/token"  # noqa: S105  # a path


class MetadataServer:
    """The metadata server, seen through one store's wire."""

    def __init__(self, wire: Wire, context: StoreContext) -> None:
        self._wire = wire
        self._context = context

    def project(self) -> str | Fault:
        """The project that the machine or pod belongs to."""
        return self._text("project/project-id")

    def attribute(self, name: str) -> str | Fault:
        """One of the machine's attributes, such as `cluster-name`."""
        return self._text(f"instance/attributes/{name}")

    def token(self) -> AccessToken | Fault:
        """A new access token of the machine's or pod's own service account."""
        body = self._ask(_TOKEN)
        if isinstance(body, Fault):
            return body
        answer = errors.parsed(body)
        value, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not value or not isinstance(seconds, int):
            return Fault(AuthenticationError("the metadata server gives no access token", path=_ROOT + _TOKEN))
        return AccessToken(Sensitive(value), self._context.clock.now() + timedelta(seconds=seconds))

    def _text(self, path: str) -> str | Fault:
        body = self._ask(path)
        return body if isinstance(body, Fault) else body.decode(errors="replace").strip()

    def _ask(self, path: str) -> bytes | Fault:
        url = _ROOT + path
        reply = self._wire.send("GET", url, headers={"Metadata-Flavor": "Google"}, limit=PATIENCE)
        if isinstance(reply, Fault):
            return reply
        if reply.status == HTTPStatus.OK:
            return reply.body
        if trouble := self._wire.trouble(reply, url):
            return trouble
        reason = "the metadata server does not know this"
        return Fault(AuthenticationError(reason, path=url, status=reply.status))
