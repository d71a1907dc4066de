"""When to renew, rotate and revoke: the pure core of lease keeping. Events in, due actions out; no I/O, no thread."""
