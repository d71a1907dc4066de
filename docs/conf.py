"""The site: `nox -s docs`. Pages are Markdown and can be read as they are."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "virtrigaud-secrets"
author = "The virtrigaud-secrets authors"
release = version = installed_version("virtrigaud-secrets")
copyright = author  # noqa: A001  # Sphinx's own name

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["_build"]
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]
"""Vault's policies are HCL with paths that the highlighter does not know."""

myst_heading_anchors = 4
"""Pages link to headings by GitHub's names for them."""
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
html_title = "virtrigaud-secrets"
pygments_style = "friendly"
