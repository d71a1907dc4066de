"""The command line `virtrigaud-secrets`: one file per command."""
