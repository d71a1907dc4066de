"""Go text/template with the functions of sprig and External Secrets Operator. Knows nothing of secrets or stores."""

from __future__ import annotations

from virtrigaud_secrets.errors import TemplateExecutionError, TemplateSyntaxError
from virtrigaud_secrets.template.environment import (
    DEFAULT_OPTIONS,
    Nested,
    Options,
    Template,
    compile,  # noqa: A004 - as `re.compile`
    render,
)
from virtrigaud_secrets.template.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "DEFAULT_LIMITS",
    "DEFAULT_OPTIONS",
    "Limits",
    "Nested",
    "Options",
    "Template",
    "TemplateExecutionError",
    "TemplateSyntaxError",
    "compile",
    "render",
]
