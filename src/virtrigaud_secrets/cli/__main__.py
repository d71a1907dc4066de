"""`python -m virtrigaud_secrets.cli`: the command line where the console script is not on PATH."""

from virtrigaud_secrets.cli import main

if __name__ == "__main__":
    main()
