"""Encryption and decryption: sprig's AES-256 in CBC mode, ESO's RSA-OAEP."""

from __future__ import annotations

import secrets
from typing import Final

from virtrigaud_secrets.golang import base64, pem
from virtrigaud_secrets.golang.reflect import STRING, to_bytes, to_string
from virtrigaud_secrets.golang.x509_keys import KeyFormatError, parse_any
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

RSA_STEPS: Final = 2_000
"""What one decryption costs of a rendering's steps."""

_BLOCK: Final = 16
_KEY_SIZE: Final = 32
_LEAST_RSA_BITS: Final = 1024


def _key(password: str) -> bytes:
    """The password cut or filled with zeros: sprig derives no key."""
    return to_bytes(password)[:_KEY_SIZE].ljust(_KEY_SIZE, b"\0")


def _encrypt(password: str, text: str) -> str:
    if not text:
        return ""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    data = to_bytes(text)
    padding = _BLOCK - len(data) % _BLOCK
    iv = secrets.token_bytes(_BLOCK)
    encryptor = Cipher(algorithms.AES(_key(password)), modes.CBC(iv)).encryptor()
    return base64.encode(iv + encryptor.update(data + bytes((padding,)) * padding) + encryptor.finalize())


def _decrypt(password: str, text: str) -> str:
    if not text:
        return ""
    try:
        data = base64.decode(to_bytes(text))
    except base64.Base64Error as error:
        raise FunctionError(str(error)) from None
    if len(data) <= _BLOCK or len(data) % _BLOCK:
        raise FunctionError("crypto/cipher: input not full blocks")
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    decryptor = Cipher(algorithms.AES(_key(password)), modes.CBC(data[:_BLOCK])).decryptor()
    plain = decryptor.update(data[_BLOCK:]) + decryptor.finalize()
    if plain[-1] > len(plain):
        raise FunctionError("slice bounds out of range")
    return to_string(plain[: len(plain) - plain[-1]])


def _rsa_decrypt(context: Context, scheme: str, digest: str, text: str, key: str) -> str:
    if scheme == "None":
        return text
    if scheme != "RSA-OAEP":
        raise FunctionError("decryption scheme is not supported")
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    block, _ = pem.decode(to_bytes(key))
    if block is None:
        raise FunctionError("failed to decode PEM block")
    try:
        private = parse_any(block.data)
    except KeyFormatError:
        raise FunctionError("could not parse private key") from None
    if not isinstance(private, RSAPrivateKey):
        raise FunctionError("could not parse RSA private key")
    if not _LEAST_RSA_BITS <= private.key_size <= context.limits.key_bits:
        raise FunctionError(f"RSA keys have {_LEAST_RSA_BITS} to {context.limits.key_bits} bits here")
    context.spend(RSA_STEPS)
    algorithm: hashes.HashAlgorithm = hashes.SHA256()
    if digest == "SHA1":
        algorithm = hashes.SHA1()  # noqa: S303  # what the sender chose
    elif digest == "SHA512":
        algorithm = hashes.SHA512()
    size = (private.key_size + 7) // 8
    try:
        oaep = padding.OAEP(padding.MGF1(algorithm), algorithm, None)
        # Go takes a ciphertext without its leading zeros.
        return to_string(private.decrypt(to_bytes(text).rjust(size, b"\0"), oaep))
    except ValueError:
        raise FunctionError("error decrypting data with RSA") from None


FUNCTIONS: Final = table(
    Function("encryptAES", _encrypt, (STRING, STRING), STRING),
    Function("decryptAES", _decrypt, (STRING, STRING), STRING),
    Function("rsaDecrypt", _rsa_decrypt, (STRING, STRING, STRING, STRING), STRING, context=True),
)
"""Ciphers."""
