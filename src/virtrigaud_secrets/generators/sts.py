"""`STSSessionToken`: temporary AWS credentials of the identity that asks."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.generators import aws
from virtrigaud_secrets.generators.base import Generator, GeneratorFactory
from virtrigaud_secrets.models.generators.sts import STSSessionTokenSpec
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Answer, StoreContext

OPERATION: Final = "GetSessionToken"
"""What is asked."""

_KEYS: Final = {
    "AccessKeyId": "access_key_id",
    "SecretAccessKey": "secret_access_key",
    "SessionToken": "session_token",
}


class STSSessionTokenGenerator(Generator):
    """Asks for a session token."""

    def __init__(self, spec: STSSessionTokenSpec, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
        """
        super().__init__(context)
        if spec.auth is not None and spec.auth.jwt is not None:
            # AWS gives no session token to the credentials of an assumed role, which a web identity leads to.
            raise ConfigurationError(f"{context.store}: auth.jwt cannot be used for a session token")
        self._path = f"sts {spec.region}"
        self._parameters = _parameters(spec)
        self._service = aws.service("sts", spec, context)

    def generate(self) -> Answer:
        """New credentials, and when they end."""
        answer = self._service.ask(OPERATION, self._parameters, path=self._path)
        given = aws.part(answer, "Credentials")
        values = {key: str(given[name]).encode() for name, key in _KEYS.items() if isinstance(given.get(name), str)}
        end = aws.moment(given, "Expiration")
        if len(values) != len(_KEYS) or end is None:
            raise aws.unreadable(f"{self._path} {OPERATION}")
        return self.answer(values | {"expiration": aws.seconds(end)}, path=self._path, expires_at=end)

    def disconnect(self) -> None:
        """Close the connections."""
        self._service.close()


def _parameters(spec: STSSessionTokenSpec) -> dict[str, object]:
    written = spec.request_parameters
    if written is None:
        return {}
    code = None if written.token_code is None else Sensitive(written.token_code)
    named = {"DurationSeconds": written.session_duration, "SerialNumber": written.serial_number, "TokenCode": code}
    return {name: value for name, value in named.items() if value is not None}


FACTORY: Final = GeneratorFactory(
    STSSessionTokenSpec,
    connect=STSSessionTokenGenerator,
    asked=lambda spec: (OPERATION, f"sts {spec.region}"),
    needs=aws.NEEDED_PACKAGES,
    extra="aws",
)
"""The kind, as the registry finds it."""
