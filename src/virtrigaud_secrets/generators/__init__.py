"""Sources that make a secret instead of reading one, a kind a module (ESO §1.7).

To the resolver a generator is a store of its own kind: it has a client, its requests are previewed, sent once and last.
"""
