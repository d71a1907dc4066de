"""How much of a manifest is read. Each limit stops hostile input long before memory or time run out."""

from __future__ import annotations

from typing import Final

MAX_FILE_BYTES: Final = 8 * 1024 * 1024
"""Bytes of one file: etcd keeps no object above 1.5 MiB, and some thousand ExternalSecrets fit into this."""

MAX_DOCUMENTS: Final = 20_000
"""Documents of one file: each costs memory of its own, however short it is."""

MAX_DEPTH: Final = 200
"""Levels of nesting: ESO's kinds have 12, CustomResourceDefinitions some 50; what reads the data recurses."""

MAX_ALIASED_NODES: Final = 100_000
"""Nodes that aliases add to one document, counted as if written out: nine lines can stand for a billion."""

MAX_FINDINGS: Final = 100
"""Findings of one document: more help nobody."""
