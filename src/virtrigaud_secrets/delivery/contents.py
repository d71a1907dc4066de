"""A bundle as the contents of files, in the form that VirtRigaud's providers and ssh read. Writes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.golang.strings import trim_space
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.validation.credential import CREDENTIAL_KEYS

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle

_NAME: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
"""What a key of a Kubernetes Secret is made of."""

_ENDS_WITH_NEWLINE: Final = re.compile(rb"\A\s*-----BEGIN [A-Z0-9 ]+-----")


def file_contents(bundle: Bundle, *, exact: bool = False) -> Mapping[str, Sensitive]:
    """File name → content.

    Words such as user names and passwords lose the white space at their ends, which a reader would take for a part of
    them; PEM files and `known_hosts` end with the newline that ssh wants.

    Args:
        bundle: what to write.
        exact: leave every byte as it is, as the kubelet does.

    Raises:
        ConfigurationError: a key cannot be a file's name.
    """
    for key in bundle:
        if not _NAME.fullmatch(key) or key == "." or key.startswith(".."):
            place = bundle.manifest or f"Secret {bundle.namespace}/{bundle.name}"
            raise ConfigurationError(f"{place}: the key {key!r} cannot be the name of a file")
    return MappingProxyType({key: Sensitive(value if exact else _tidied(key, value)) for key, value in bundle.items()})


def _tidied(key: str, value: bytes) -> bytes:
    if re.sub("[-_.]", "", key).lower() in CREDENTIAL_KEYS:
        try:
            return trim_space(value.decode()).encode()
        except UnicodeDecodeError:
            return value
    if (key == "known_hosts" or _ENDS_WITH_NEWLINE.match(value)) and value and not value.endswith(b"\n"):
        return value + b"\n"
    return value
