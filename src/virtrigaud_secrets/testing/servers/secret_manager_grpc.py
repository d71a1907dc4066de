"""The same Secret Manager over gRPC with TLS, for programs whose own code uses Google's client as it comes.

It turns calls into those of the REST API, which `SecretManager` answers. gRPC comes with the extra `gcp`.

```python
with SecretManager() as google, SecretManagerGrpc(google) as server:
    trusted = grpc.ssl_channel_credentials(google.ca_pem)
    channel = grpc.secure_channel(server.address, trusted)
```
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self, cast
from urllib.parse import urlencode

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.secret_manager import SecretManager

if TYPE_CHECKING:
    import grpc

SERVICE: Final = "google.cloud.secretmanager.v1.SecretManagerService"
"""The service's name, by which clients call it."""
THREADS: Final = 4
"""Calls answered at the same time."""

_CALLS: Final[Mapping[str, tuple[str, str, str]]] = {
    "AccessSecretVersion": ("AccessSecretVersionRequest", "AccessSecretVersionResponse", "{name}:access"),
    "GetSecret": ("GetSecretRequest", "Secret", "{name}"),
    "GetSecretVersion": ("GetSecretVersionRequest", "SecretVersion", "{name}"),
    "ListSecrets": ("ListSecretsRequest", "ListSecretsResponse", "{parent}/secrets"),
    "ListSecretVersions": ("ListSecretVersionsRequest", "ListSecretVersionsResponse", "{parent}/versions"),
}
"""Call → its request, its response, and the resource in the REST API."""
_QUERY: Final = {"filter": "filter", "page_size": "pageSize", "page_token": "pageToken"}


class _Message(Protocol):
    """What is used of proto-plus's classes of messages."""

    def serialize(self, message: object) -> bytes: ...

    def deserialize(self, data: bytes) -> object: ...

    def from_json(self, text: str, *, ignore_unknown_fields: bool) -> object: ...


class SecretManagerGrpc:
    """The server, from `with` to the end of the block."""

    def __init__(self, google: SecretManager) -> None:
        """Nothing is opened yet.

        Args:
            google: what answers; it need not run.
        """
        self._google = google
        self._server: grpc.Server | None = None
        self._port = 0

    @property
    def address(self) -> str:
        """Where it listens, as gRPC writes it.

        Raises:
            LocalServerError: it was not started.
        """
        if self._server is None:
            raise LocalServerError("the Secret Manager stand-in is not running: use it in a with block")
        return f"127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Listen."""
        import grpc

        issued = self._google.issue()
        pair = (issued.key.reveal(), issued.certificate)
        server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="secret-manager-grpc"))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, self._handlers()),))
        self._port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
        server.start()
        self._server = server
        return self

    def close(self) -> None:
        """Stop listening. The second call does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.stop(None).wait()

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _handlers(self) -> dict[str, grpc.RpcMethodHandler[object, object]]:
        import grpc
        from google.cloud import secretmanager_v1

        handlers: dict[str, grpc.RpcMethodHandler[object, object]] = {}
        for call, (request, response, resource) in _CALLS.items():
            asked = cast("_Message", getattr(secretmanager_v1, request))
            answered = cast("_Message", getattr(secretmanager_v1, response))
            handlers[call] = grpc.unary_unary_rpc_method_handler(
                self._answering(answered, resource), asked.deserialize, answered.serialize
            )
        return handlers

    def _answering(self, answered: _Message, resource: str) -> Callable[[object, grpc.ServicerContext], object]:
        import grpc

        def answer(request: object, context: grpc.ServicerContext) -> object:
            sent = {str(name): str(value) for name, value in context.invocation_metadata()}
            status, body = self.answer(request, resource, sent.get("authorization", ""))
            if not status:
                return answered.from_json(json.dumps(body), ignore_unknown_fields=True)
            return context.abort(grpc.StatusCode[status], str(body.get("message")))

        return answer

    def answer(self, request: object, resource: str, authorization: str) -> tuple[str, Mapping[str, object]]:
        """Google's code for the error, empty where there is none, and the answer as the REST API has it."""
        path = resource.format(name=getattr(request, "name", ""), parent=getattr(request, "parent", ""))
        query = {rest: value for field, rest in _QUERY.items() if (value := getattr(request, field, ""))}
        target = f"/v1/{path}?{urlencode(query)}"
        (_, content), _ = self._google.answer("GET", target, {"Authorization": authorization}, b"")
        body = cast("Mapping[str, object]", content)
        error = cast("Mapping[str, object]", body.get("error") or {})
        return str(error.get("status") or ""), error or body
