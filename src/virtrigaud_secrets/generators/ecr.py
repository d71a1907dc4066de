"""`ECRAuthorizationToken`: the login of Amazon's container registry, private or public."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from virtrigaud_secrets.generators import aws
from virtrigaud_secrets.generators.base import Generator, GeneratorFactory
from virtrigaud_secrets.golang import base64
from virtrigaud_secrets.models.generators.ecr import ECRAuthorizationTokenSpec
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Answer, StoreContext

OPERATION: Final = "GetAuthorizationToken"
"""What is asked, of either service."""
PUBLIC: Final = "public"
"""The scope that means Amazon's public registry; every other one means the account's own."""


class ECRTokenGenerator(Generator):
    """Asks for a token of twelve hours."""

    def __init__(self, spec: ECRAuthorizationTokenSpec, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
        """
        super().__init__(context)
        self._public = spec.scope == PUBLIC
        self._path = f"{_service(spec)} {spec.region}"
        self._service = aws.service(_service(spec), spec, context)

    def generate(self) -> Answer:
        """User name and password, when they end, and of a private registry where it is."""
        answer = self._service.ask(OPERATION, {}, path=self._path)
        data = aws.part(answer, "authorizationData") if self._public else _only(answer)
        login = _login(data)
        end = aws.moment(data, "expiresAt")
        endpoint = data.get("proxyEndpoint")
        if login is None or end is None or not (self._public or isinstance(endpoint, str)):
            raise aws.unreadable(f"{self._path} {OPERATION}")
        user, _, password = login.reveal().partition(b":")
        values = {"username": user, "password": password, "expires_at": aws.seconds(end)}
        if not self._public:
            values["proxy_endpoint"] = str(endpoint).encode()
        return self.answer(values, path=self._path, expires_at=end)

    def disconnect(self) -> None:
        """Close the connections."""
        self._service.close()


def _service(spec: ECRAuthorizationTokenSpec) -> str:
    return "ecr-public" if spec.scope == PUBLIC else "ecr"


def _only(answer: Mapping[str, object]) -> Mapping[str, object]:
    """The one registry of an answer."""
    found = answer.get("authorizationData")
    registries = cast("list[object]", found) if isinstance(found, list) else []
    if len(registries) != 1 or not isinstance(registries[0], Mapping):
        return {}
    return cast("Mapping[str, object]", registries[0])


def _login(data: Mapping[str, object]) -> Sensitive | None:
    """`user:password`; None where there is no such thing."""
    token = data.get("authorizationToken")
    try:
        login = base64.decode(token) if isinstance(token, str) else b""
    except base64.Base64Error:
        return None
    return Sensitive(login) if login.count(b":") == 1 else None


FACTORY: Final = GeneratorFactory(
    ECRAuthorizationTokenSpec,
    connect=ECRTokenGenerator,
    asked=lambda spec: (OPERATION, f"{_service(spec)} {spec.region}"),
    needs=aws.NEEDED_PACKAGES,
    extra="aws",
)
"""The kind, as the registry finds it."""
