"""Credentials for VirtRigaud's VM providers, resolved in-process from ExternalSecret and SecretStore manifests."""
