"""A program of its own: becomes a user that is not root inside a user namespace, then runs the command it is given.

For root of a container that maps no other user, who can become nobody else. To the rest of the machine the command
still runs as the same user. It is run by path with a bare interpreter and imports only the standard library.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
"""`unshare(2)`: a user namespace of its own. `os.unshare` is there from Python 3.12 on."""
INNER_USER = 65534
"""Who the command takes itself for: `nobody`, whom every system knows by name."""


def main() -> None:
    """Run the command, or fail with the system's reason."""
    outer_user, outer_group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        sys.exit(f"no user namespace: {os.strerror(ctypes.get_errno())}")
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{INNER_USER} {outer_user} 1")
    (own / "gid_map").write_text(f"{INNER_USER} {outer_group} 1")
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
