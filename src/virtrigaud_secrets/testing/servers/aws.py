"""Stands in for AWS: moto's Secrets Manager, Parameter Store, Certificate Manager and STS over HTTP.

What was asked is recorded. What moto does not do, policies and trouble, is ordered with `refuse`. moto keeps one state
for a process.
"""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Final, Protocol, Self, cast
from urllib.parse import parse_qs

from virtrigaud_secrets.errors import LocalServerError

REGION: Final = "us-west-2"
"""The region of the guide's store."""
ACCESS_KEY: Final = "AKIAEXAMPLE"
"""An access key that is let in, with any secret key: moto checks no signatures."""
SERVICES: Final = ("secretsmanager", "ssm", "sts", "acm")
"""What can be asked."""

_Start = Callable[[str, list[tuple[str, str]]], object]
_Application = Callable[[dict[str, object], _Start], Iterable[bytes]]


class _Server(Protocol):
    """The part of werkzeug's server that is used."""

    server_address: tuple[str, int]

    def serve_forever(self) -> None: ...

    def shutdown(self) -> None: ...

    def server_close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One request that came in."""

    operation: str
    """As AWS calls it: `GetSecretValue`."""
    parameters: Mapping[str, object]
    """What it asks."""
    access_key: str
    """Whose key it is signed with; empty for a request without signature."""


@dataclass(slots=True)
class _Order:
    operation: str
    code: str
    status: int
    times: int
    message: str
    headers: tuple[tuple[str, str], ...]


class AWSServices:
    """The services, from `with` to the end of the block."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        """What was asked, in order."""
        self._orders: list[_Order] = []
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._application: _Application | None = None

    @staticmethod
    def missing_reason() -> str:
        """Why the services cannot be started here; empty if they can."""
        missing = [name for name in ("moto", "flask", "boto3") if importlib.util.find_spec(name) is None]
        return f"not installed: {', '.join(missing)}; pip install 'moto[secretsmanager,ssm,sts,server]'" * bool(missing)

    @property
    def address(self) -> str:
        """Where all services listen.

        Raises:
            LocalServerError: they were not started.
        """
        if self._server is None:
            raise LocalServerError("the AWS services are not running: use them in a with block")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def endpoints(self, *, region: str = REGION) -> dict[str, str]:
        """`Settings.endpoints` that lead the services of a region here."""
        return {f"https://{service}.{region}.amazonaws.com": self.address for service in SERVICES}

    def operations(self) -> list[str]:
        """The operations that were asked for, in order."""
        return [call.operation for call in self.calls]

    def refuse(
        self,
        operation: str,
        code: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        times: int = 1_000_000,
        message: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Answer an operation with an error from now on.

        Args:
            operation: as AWS calls it.
            code: the error's code.
            status: the HTTP status.
            times: how often, before the service answers again.
            message: the error's text.
            headers: headers such as `Retry-After`.
        """
        with self._lock:
            self._orders.append(_Order(operation, code, status, times, message, headers))

    def forget(self) -> None:
        """Forget calls and refusals; secrets stay."""
        with self._lock:
            self.calls.clear()
            self._orders.clear()

    def __enter__(self) -> Self:
        """Start."""
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._application = cast("_Application", DomainDispatcherApplication(create_backend_app))
        self._server = cast("_Server", make_server("127.0.0.1", 0, self._answer, threaded=True))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        if self._thread is not None:
            self._thread.join()

    def _answer(self, environ: dict[str, object], start: _Start) -> Iterable[bytes]:
        length = int(str(environ.get("CONTENT_LENGTH") or 0))
        body = cast("io.BufferedIOBase", environ["wsgi.input"]).read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        call = _call(environ, body)
        order = self._recorded(call)
        if order is not None:
            content = _error(order, in_xml=not environ.get("HTTP_X_AMZ_TARGET"))
            start(f"{order.status} Refused", [("x-amzn-RequestId", "refused-1"), *order.headers])
            return [content]
        if self._application is None:
            raise LocalServerError("the AWS services are not running: use them in a with block")
        return self._application(environ, start)

    def _recorded(self, call: Call) -> _Order | None:
        """Keep the call; the order that is for it."""
        with self._lock:
            self.calls.append(call)
            for order in self._orders:
                if order.operation == call.operation and order.times:
                    order.times -= 1
                    return order
        return None


def _call(environ: Mapping[str, object], body: bytes) -> Call:
    target = str(environ.get("HTTP_X_AMZ_TARGET") or "")
    _, _, credential = str(environ.get("HTTP_AUTHORIZATION") or "").partition("Credential=")
    key = credential.partition("/")[0]
    if target:
        return Call(target.rpartition(".")[2], cast("dict[str, object]", json.loads(body or b"{}")), key)
    parameters = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return Call(parameters.get("Action", ""), cast("dict[str, object]", parameters), key)


def _error(order: _Order, *, in_xml: bool) -> bytes:
    """An error in the form of the service: STS speaks XML, the others JSON."""
    if in_xml:
        text = f"<Code>{order.code}</Code><Message>{order.message}</Message>"
        return f"<ErrorResponse><Error>{text}</Error><RequestId>refused-1</RequestId></ErrorResponse>".encode()
    return json.dumps({"__type": order.code, "message": order.message}).encode()
