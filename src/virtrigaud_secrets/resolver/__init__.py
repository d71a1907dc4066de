"""From manifest to bundle: plan, fetch, decode, render. I/O only through stores."""
