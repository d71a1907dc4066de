"""Writes files of this store: `new-key` prints a key, `put FILE NAME --key-file KEY` keeps what standard input holds.

A secret comes by standard input and a key by file: arguments of a process are seen by all on the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from cryptography.fernet import Fernet


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m virtrigaud_secrets_encrypted_file", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("new-key", help="print a new key")
    put = commands.add_parser("put", help="keep what standard input holds under a name")
    put.add_argument("file", type=Path)
    put.add_argument("name")
    put.add_argument("--key-file", type=Path, required=True)
    asked = parser.parse_args()
    if asked.command == "new-key":
        print(Fernet.generate_key().decode())
        return
    key = asked.key_file.read_bytes().split()[0]
    keep(asked.file, asked.name, sys.stdin.buffer.read().removesuffix(b"\n"), key=key)


def keep(file: Path, name: str, value: bytes, *, key: bytes) -> None:
    """Keep a value under a name. The file is replaced as a whole: readers see the old one or the new one."""
    tokens = json.loads(file.read_bytes()) if file.exists() else {}
    tokens[name] = Fernet(key).encrypt(value).decode()
    beside = file.with_name(f".{file.name}.new")
    beside.touch(mode=0o600)
    beside.write_text(json.dumps(tokens, indent=1))
    beside.replace(file)


if __name__ == "__main__":
    main()
