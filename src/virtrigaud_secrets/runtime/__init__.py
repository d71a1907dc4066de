"""Composition: the public faces that put catalog, stores, resolver and validation together."""
