"""The functions that templates may call, one module a subject.

A subject is imported when a template first names one of its functions. What a function does lives in its subject; how
it is described, in `table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final

from virtrigaud_secrets.template.functions.table import Function

SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "builtins": (
        "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "index", "len", "print", "printf", "println", "html",
        "js", "urlquery", "call",
    ),
    "numbers": (
        "atoi", "int", "int64", "float64", "toDecimal", "add", "add1", "sub", "mul", "div", "mod", "max", "biggest",
        "min", "addf", "add1f", "subf", "mulf", "divf", "maxf", "minf", "floor", "ceil", "round", "until", "untilStep",
        "seq",
    ),
    "hashes": (
        "sha1sum", "sha256sum", "sha512sum", "adler32sum",
    ),
    "paths": (
        "base", "osBase", "dir", "osDir", "clean", "osClean", "ext", "osExt", "isAbs", "osIsAbs",
    ),
    "urls": (
        "urlParse", "urlJoin",
    ),
    "encoding": (
        "b64enc", "b64dec", "b32enc", "b32dec", "hexdec",
    ),
    "regexps": (
        "regexMatch", "mustRegexMatch", "regexFind", "mustRegexFind", "regexFindAll", "mustRegexFindAll",
        "regexReplaceAll", "mustRegexReplaceAll", "regexReplaceAllLiteral", "mustRegexReplaceAllLiteral", "regexSplit",
        "mustRegexSplit", "regexQuoteMeta",
    ),
    "casing": (
        "upper", "lower", "title", "untitle", "swapcase", "initials", "camelcase", "snakecase", "kebabcase",
    ),
    "strings": (
        "abbrev", "abbrevboth", "trunc", "substr", "trim", "trimAll", "trimall", "trimPrefix", "trimSuffix", "nospace",
        "repeat", "wrap", "wrapWith", "contains", "hasPrefix", "hasSuffix", "quote", "squote", "cat", "indent",
        "nindent", "replace", "plural", "toString", "split", "splitn", "splitList", "toStrings", "join", "sortAlpha",
    ),
    "defaults": (
        "default", "empty", "coalesce", "all", "any", "ternary", "compact", "mustCompact",
    ),
    "lists": (
        "list", "tuple", "concat", "append", "mustAppend", "push", "mustPush", "prepend", "mustPrepend", "first",
        "mustFirst", "last", "mustLast", "rest", "mustRest", "initial", "mustInitial", "reverse", "mustReverse",
        "uniq", "mustUniq", "without", "mustWithout", "has", "mustHas", "slice", "mustSlice", "chunk", "mustChunk",
    ),
    "dicts": (
        "dict", "get", "set", "unset", "hasKey", "pluck", "keys", "values", "pick", "omit", "dig", "merge",
        "mustMerge", "mergeOverwrite", "mustMergeOverwrite", "deepCopy", "mustDeepCopy",
    ),
    "reflection": (
        "typeOf", "typeIs", "typeIsLike", "kindOf", "kindIs", "deepEqual",
    ),
    "control": (
        "fail", "hello",
    ),
    "randomness": (
        "randAlpha", "randNumeric", "randAlphaNum", "randAscii", "randBytes", "randInt", "shuffle", "uuidv4",
    ),
    "documents": (
        "toJson", "mustToJson", "toPrettyJson", "mustToPrettyJson", "toRawJson", "mustToRawJson", "fromJson",
        "mustFromJson",
    ),
    "dates": (
        "now", "date", "dateInZone", "date_in_zone", "htmlDate", "htmlDateInZone", "dateModify", "date_modify",
        "mustDateModify", "must_date_modify", "toDate", "mustToDate", "ago", "duration", "durationRound", "unixEpoch",
    ),
    "versions": (
        "semver", "semverCompare",
    ),
    "yaml_documents": (
        "toYaml", "fromYaml",
    ),
    "passwords": (
        "bcrypt", "htpasswd", "derivePassword",
    ),
    "ciphers": (
        "encryptAES", "decryptAES", "rsaDecrypt",
    ),
    "certificates": (
        "genPrivateKey", "buildCustomCert", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
        "genSignedCert", "genSignedCertWithKey",
    ),
    "certificate_chains": (
        "filterPEM", "filterCertChain", "certSANs",
    ),
    "key_stores": (
        "pkcs12key", "pkcs12keyPass", "pkcs12cert", "pkcs12certPass", "pemToPkcs12", "pemToPkcs12Pass",
        "fullPemToPkcs12", "fullPemToPkcs12Pass", "pemTruststoreToPKCS12", "pemTruststoreToPKCS12Pass",
    ),
    "web_keys": (
        "jwkPublicKeyPem", "jwkPrivateKeyPem",
    ),
}  # fmt: skip
"""Module of this package → the names it defines. A test compares this with the modules' own tables."""

_SUBJECT_OF: Final[Mapping[str, str]] = {name: subject for subject, names in SUBJECTS.items() for name in names}

NAMES: Final = frozenset(_SUBJECT_OF)
"""Every name a template may call."""


@cache
def find_function(name: str) -> Function | None:
    """The function of that name, or `None` if there is none."""
    subject = _SUBJECT_OF.get(name)
    if subject is None:
        return None
    functions: Mapping[str, Function] = import_module(f"{__name__}.{subject}").FUNCTIONS
    return functions[name]
