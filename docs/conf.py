"""The site: `nox -s docs`. Pages are Markdown and can be read as they are."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "virtrigaud-secrets"
author = "The virtrigaud-secrets authors"
release = version = installed_version("virtrigaud-secrets")
copyright = author  # noqa: A001  # Sphinx's own name

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["_build"]
suppress_warnings = ["misc.highlighting_failure", "ref.python"]
"""The highlighter does not know paths in policies of Vault; `type[…]` is taken for fields of that name."""

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
"""Pages link to headings by GitHub's names for them."""

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
default_role = "code"
"""Docstrings are Markdown: one backtick is code."""

html_theme = "furo"
html_title = "virtrigaud-secrets"
pygments_style = "friendly"


def _to_restructured_text(  # Sphinx calls it so
    _app: Sphinx, _what: str, _name: str, _subject: object, _options: object, lines: list[str]
) -> None:
    """Blocks of code and tables of Markdown, as reStructuredText has them."""
    found: list[str] = []
    fenced = False
    for line in lines:
        if line.lstrip().startswith("```"):
            indent = line[: len(line) - len(line.lstrip())]
            fenced = not fenced
            found += (
                ["", f"{indent}.. code-block:: {line.strip().removeprefix('```') or 'text'}", ""] if fenced else [""]
            )
        elif fenced:
            found.append(f"   {line}")
        elif line.lstrip().startswith("|"):
            found += ["", *([] if set(line.strip()) <= set("|-: ") else [f"* {line.strip().strip('|')}"])]
        else:
            found.append(line)
    lines[:] = found


def setup(app: Sphinx) -> None:
    """Have docstrings converted before anything else reads them."""
    app.connect("autodoc-process-docstring", _to_restructured_text, priority=1)
