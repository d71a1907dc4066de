"""Pure judgement of a finished bundle: no I/O, no clock, and never a value in a finding."""

from virtrigaud_secrets.validation.registry import CERTIFICATE_MARGIN, KIND_CHECKS, TYPE_CHECKS, Validator, validate

__all__ = ["CERTIFICATE_MARGIN", "KIND_CHECKS", "TYPE_CHECKS", "Validator", "validate"]
