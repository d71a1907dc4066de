"""`spec.provider.files`: secrets on disk. This library's own backend; ESO has none."""

from virtrigaud_secrets.models.base import Model, NonEmpty


class FilesProvider(Model):
    """A directory, or one YAML or JSON file.

    In a directory (a mounted Secret, say) key `a/b` is the file `b` in the subdirectory `a`; a subdirectory as a
    whole is a secret whose properties are its files. In a file, keys are the keys of its outermost mapping.
    """

    path: NonEmpty
    """Where it is. A relative path starts at the process's working directory."""
