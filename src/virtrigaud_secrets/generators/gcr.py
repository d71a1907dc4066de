"""`GCRAccessToken`: a Google access token, as the login of Google's container registries."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.generators.base import Generator, GeneratorFactory
from virtrigaud_secrets.models.backends.gcpsm import GCPSMAuth, GCPSMProvider, GCPWorkloadIdentity
from virtrigaud_secrets.models.generators.gcr import GCRAccessTokenSpec
from virtrigaud_secrets.stores.base import Answer, StoreContext
from virtrigaud_secrets.stores.gcp.errors import Fault
from virtrigaud_secrets.stores.gcp.logins import Logins
from virtrigaud_secrets.stores.gcp.metadata_server import MetadataServer
from virtrigaud_secrets.stores.gcp.wire import Wire

USERNAME: Final = b"oauth2accesstoken"
"""The user name that Google's registries want with an access token."""


class GCRTokenGenerator(Generator):
    """Logs in to Google anew each time."""

    def __init__(self, spec: GCRAccessTokenSpec, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
            UnsupportedFeatureError: it logs in by a way that is not supported.
        """
        super().__init__(context)
        self._project = spec.project_id
        self._wire = Wire(context)
        self._login = Logins(_provider(spec), context, self._wire, MetadataServer(self._wire, context)).chosen()

    def generate(self) -> Answer:
        """User name, token and its end."""
        token = self._login()
        if isinstance(token, Fault):
            raise token.error
        expiry = str(int(token.ends_at.timestamp())).encode()
        values = {"username": USERNAME, "password": token.value.reveal(), "expiry": expiry}
        return self.answer(values, path=f"project {self._project}", expires_at=token.ends_at)

    def disconnect(self) -> None:
        """Close the connections."""
        self._wire.close()


def _provider(spec: GCRAccessTokenSpec) -> GCPSMProvider:
    """The same login as a store's spec has it."""
    workload = spec.auth.workload_identity
    identity = None
    if workload is not None:
        identity = GCPWorkloadIdentity(
            service_account_ref=workload.service_account_ref,
            cluster_location=workload.cluster_location,
            cluster_name=workload.cluster_name,
            clusterProjectID=workload.cluster_project_id,
        )
    auth = GCPSMAuth(
        secret_ref=spec.auth.secret_ref,
        workload_identity=identity,
        workload_identity_federation=spec.auth.workload_identity_federation,
    )
    return GCPSMProvider(projectID=spec.project_id, auth=auth)


FACTORY: Final = GeneratorFactory(
    GCRAccessTokenSpec,
    connect=GCRTokenGenerator,
    asked=lambda spec: ("GetAccessToken", f"project {spec.project_id}"),
    needs=("google.auth", "requests"),
    extra="gcp",
)
"""The kind, as the registry finds it."""
