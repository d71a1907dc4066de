"""What the values of Go's libraries have in common here: times, versions, certificates.

Each is defined with the functions that make it. Defines no template function.
"""

from __future__ import annotations

from virtrigaud_secrets.template.functions.table import FunctionError
from virtrigaud_secrets.template.values import Receiver


class LibraryValue(Receiver):
    """A value of a struct, pointer or named type of a Go library."""

    def go_json(self) -> object:
        """What `json.Marshal` sees instead: a value of lists, maps, texts and numbers.

        Raises:
            FunctionError: it has no JSON.
        """
        raise FunctionError(f"json: unsupported type: {self.go_type.name}")

    def go_copy(self) -> object:
        """What a deep copy makes of it."""
        return self
