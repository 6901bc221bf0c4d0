"""Lets `python -m qrshared` do what the command `qrshared` does."""

import sys

from qrshared.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
