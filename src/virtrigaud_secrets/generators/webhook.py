"""`Webhook`: the JSON object that a server answers with."""

from __future__ import annotations

import dataclasses
from typing import Final

from virtrigaud_secrets.generators.base import Generator, GeneratorFactory
from virtrigaud_secrets.models.backends.webhook import WebhookProvider, WebhookSecret
from virtrigaud_secrets.models.generators.webhook import WebhookSpec
from virtrigaud_secrets.models.references import SecretKeySelector
from virtrigaud_secrets.stores import webhook
from virtrigaud_secrets.stores.base import Answer, Fetch, RetryPolicy, StoreContext
from virtrigaud_secrets.stores.webhook.request import method_of, shown_url


class WebhookGenerator(Generator):
    """Asks the server as a webhook store does, without a reference for templates to read."""

    def __init__(self, spec: WebhookSpec, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            MissingDependencyError: it logs in by NTLM, which needs a package of its own.
        """
        super().__init__(context)
        self._client = webhook.FACTORY.connect(_provider(spec), dataclasses.replace(context, retry=RetryPolicy()))

    def generate(self) -> Answer:
        """The members of the answer's object."""
        answer = self._client.get(Fetch(store=self.context.store, key=""))
        return self.answer(answer.payload.entries(), path=answer.path)

    def disconnect(self) -> None:
        """Close the connections."""
        self._client.close()


def _provider(spec: WebhookSpec) -> WebhookProvider:
    """The same request as a store's spec has it."""
    return WebhookProvider(
        method=spec.method,
        url=spec.url,
        headers=spec.headers,
        auth=spec.auth,
        body=spec.body,
        timeout=spec.timeout,
        result=spec.result,
        secrets=tuple(
            WebhookSecret(
                name=secret.name, secret_ref=SecretKeySelector(name=secret.secret_ref.name, key=secret.secret_ref.key)
            )
            for secret in spec.secrets
        ),
        ca_bundle=spec.ca_bundle,
        ca_provider=spec.ca_provider,
    )


def _asked(spec: WebhookSpec) -> tuple[str, str]:
    provider = _provider(spec)
    return method_of(provider), shown_url(provider)


FACTORY: Final = GeneratorFactory(
    WebhookSpec, connect=WebhookGenerator, asked=_asked, needs=webhook.NEEDED_PACKAGES, extra="webhook"
)
"""The kind, as the registry finds it."""
