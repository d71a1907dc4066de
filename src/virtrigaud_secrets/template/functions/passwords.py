"""Sprig's password hashes and derived passwords. Where Go gives an error's text as the result, so do these."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from typing import Final

from virtrigaud_secrets.golang.reflect import STRING, UINT32, GoType, byte_length, to_bytes
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

HASH_ALGORITHM: Final = GoType("sprig.HashAlgorithm", "string")
BCRYPT_COST: Final = 10
"""Go's default."""
BCRYPT_STEPS: Final = 20_000
"""What one hash costs of a rendering's steps: it takes as long as that many actions."""
DERIVE_STEPS: Final = 40_000
"""What one derived password costs."""

_LONGEST_PASSWORD: Final = 72
_MASTER_SEED: Final = b"com.lyndir.masterpassword"
_SCRYPT_MEMORY: Final = 64 << 20
_VOWELS: Final = "aeiou"
_CONSONANTS: Final = "bcdfghjklmnpqrstvwxyz"
_LETTERS: Final = _VOWELS.upper() + _VOWELS + _CONSONANTS.upper() + _CONSONANTS
_DIGITS: Final = "0123456789"
_CLASSES: Final = {
    "V": _VOWELS.upper(),
    "C": _CONSONANTS.upper(),
    "v": _VOWELS,
    "c": _CONSONANTS,
    "A": _VOWELS.upper() + _CONSONANTS.upper(),
    "a": _LETTERS,
    "n": _DIGITS,
    "o": "@&%?,=[]_:-+*$#!'^~;()/.",
    "x": f"{_LETTERS}{_DIGITS}!@#$%^&*()",
}
_SHAPES: Final = {
    "maximum": ("anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"),
    "long": (
        "CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv", "CvccCvcvCvcvno",
        "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc", "CvcvCvcvnoCvcc", "CvcvCvcvCvccno",
        "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno", "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno",
        "CvccnoCvcvCvcc", "CvccCvcvnoCvcc", "CvccCvcvCvccno",
    ),
    "medium": ("CvcnoCvc", "CvcCvcno"),
    "short": ("Cvcn",),
    "basic": ("aaanaaan", "aannaaan", "aaannaaa"),
    "pin": ("nnnn",),
}  # fmt: skip


def _bcrypt(context: Context, password: str) -> str:
    if byte_length(password) > _LONGEST_PASSWORD:
        return "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes"
    if context.limits.bcrypt_cost < BCRYPT_COST:
        raise FunctionError(f"a password hash costs {BCRYPT_COST}, allowed is {context.limits.bcrypt_cost}")
    context.spend(BCRYPT_STEPS)
    import bcrypt

    return bcrypt.hashpw(to_bytes(password), bcrypt.gensalt(BCRYPT_COST, prefix=b"2a")).decode("ascii")


def _htpasswd(context: Context, user: str, password: str, algorithm: str) -> str:
    if ":" in user:
        return f"invalid username: {user}"
    if algorithm == "sha":
        digest = hashlib.sha1(to_bytes(password), usedforsecurity=False).digest()
        return f"{user}:{{SHA}}{base64.b64encode(digest).decode('ascii')}"
    return f"{user}:{_bcrypt(context, password)}"


def _derive_password(context: Context, counter: int, kind: str, password: str, user: str, site: str) -> str:
    shapes = _SHAPES.get(kind)
    if shapes is None:
        return f"cannot find password template {kind}"
    context.spend(DERIVE_STEPS)
    name, place = to_bytes(user), to_bytes(site)
    salt = _MASTER_SEED + struct.pack(">I", len(name)) + name
    key = hashlib.scrypt(to_bytes(password), salt=salt, n=32768, r=8, p=2, maxmem=_SCRYPT_MEMORY, dklen=64)
    message = _MASTER_SEED + struct.pack(">I", len(place)) + place + struct.pack(">I", int(counter))
    seed = hmac.digest(key, message, "sha256")
    shape = shapes[seed[0] % len(shapes)]
    return "".join(
        _CLASSES[letter][byte % len(_CLASSES[letter])] for letter, byte in zip(shape, seed[1:], strict=False)
    )


FUNCTIONS: Final = table(
    Function("bcrypt", _bcrypt, (STRING,), STRING, context=True),
    Function("htpasswd", _htpasswd, (STRING, STRING, HASH_ALGORITHM), STRING, context=True),
    Function("derivePassword", _derive_password, (UINT32, STRING, STRING, STRING, STRING), STRING, context=True),
)
"""Passwords."""
