"""Regular expressions of Kubernetes' names, as pydantic's engine and Python's both read them."""

from typing import Final

NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""Names of objects: RFC 1123 subdomains."""

NAMESPACE_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""Names of namespaces: RFC 1123 labels."""

KEY_PATTERN: Final = r"^[-._a-zA-Z0-9]+$"
"""Keys of a Secret or ConfigMap."""

LABEL_VALUE_PATTERN: Final = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
"""Values of labels; may be empty."""
