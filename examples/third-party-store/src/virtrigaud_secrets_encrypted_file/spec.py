"""`spec.provider.encryptedFile` of a SecretStore."""

from virtrigaud_secrets.models.base import Model, NonEmpty
from virtrigaud_secrets.models.references import SecretKeySelector


class EncryptedFileProvider(Model):
    """A file of encrypted values. `Model` gives camelCase in manifests, strict fields and errors without values."""

    path: NonEmpty
    """The file. A relative path starts at the process's working directory."""
    key_secret_ref: SecretKeySelector
    """The Fernet key; several, one a line, while keys are being replaced."""
