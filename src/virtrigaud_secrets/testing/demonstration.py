"""The tour behind `virtrigaud-secrets demo`: resolve the guide's manifests on real servers and prove the values good.

Says what was found; how it is shown is the command's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import ProofFailedError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.guide_setup import COMMON_NAME, GuideWorld
from virtrigaud_secrets.testing.proofs import (
    Proof,
    prove_counts,
    prove_handshake,
    prove_login,
    prove_login_ended,
)

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle

DYNAMIC_LOGIN: Final = "vsphere-dynamic-credentials"
"""The guide's ExternalSecret with a login of limited life."""
CERTIFICATE: Final = "provider-tls-certs"
"""The guide's ExternalSecret with a certificate."""
EXPECTED_REQUESTS: Final[Mapping[tuple[str, str], int]] = MappingProxyType(
    {
        ("update", "auth/kubernetes/login"): 1,
        ("read", "secret/data/providers/vsphere"): 1,
        ("read", "vsphere/creds/dynamic-role"): 1,
        ("read", "secret/data/vsphere/static"): 1,
        ("read", "secret/data/libvirt/ssh"): 1,
        ("update", "pki/issue/virtrigaud"): 1,
    }
)
"""What one resolve of each manifest may cost: fourteen references, five paths, one login."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the tour found."""

    bundles: Mapping[str, Bundle] = field(repr=False)
    """Name of the ExternalSecret → what it resolved to."""
    requests: Mapping[tuple[str, str], int]
    """(operation, path) → how often the server was asked while the manifests were resolved, by its audit log."""
    proofs: tuple[Proof, ...]
    """What was shown."""


def demonstrate(world: GuideWorld, *, on_step: Callable[[str], None] = lambda _: None) -> Demonstration:
    """Resolve every ExternalSecret of `world.manifests` as written, prove the values, give everything back.

    Args:
        world: servers that were set up.
        on_step: told what happens next, for a progress display.

    Raises:
        ProofFailedError: a value is not good for what it is for.
        SecretsError: a manifest does not resolve.
    """
    from virtrigaud_secrets.runtime.resolver import Resolver

    before = len(world.openbao.audit_entries())
    proofs: list[Proof] = []
    bundles: dict[str, Bundle] = {}
    with Resolver.from_path(world.manifests, settings=world.settings()) as resolver:
        for document in resolver.catalog.external_secrets:
            on_step(f"resolving {document.namespace}/{document.name}")
            bundles[document.name] = resolver.resolve(document.name, namespace=document.namespace)
        requests = world.openbao.request_counts(after=before)
        proofs.append(prove_counts(requests, EXPECTED_REQUESTS))
        on_step("logging in to PostgreSQL")
        login = _named(bundles, DYNAMIC_LOGIN)
        user, password = login.text("username"), Sensitive(login["password"])
        proofs.append(prove_login(world.postgres, user, password))
        on_step("shaking hands over TLS")
        tls = _named(bundles, CERTIFICATE)
        handshake = prove_handshake(tls["tls.crt"], Sensitive(tls["tls.key"]), tls["ca.crt"], name=COMMON_NAME)
        proofs.append(handshake)
        on_step("closing the resolver")
    on_step("waiting for the login to end")
    proofs.append(prove_login_ended(world.postgres, user, password))
    return Demonstration(MappingProxyType(bundles), MappingProxyType(dict(requests)), tuple(proofs))


def _named(bundles: Mapping[str, Bundle], name: str) -> Bundle:
    if name not in bundles:
        raise ProofFailedError(f"the guide's manifests hold no ExternalSecret {name}")
    return bundles[name]
