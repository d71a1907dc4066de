"""Placeholder for the package docstring."""
