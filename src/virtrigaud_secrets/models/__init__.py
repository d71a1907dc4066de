"""API types as ESO has them: camelCase in manifests, snake_case here. One module per type file of ESO.

Import from the modules: `external_secret`, `secret_store`, `references`, `backends.<name>`.
"""
