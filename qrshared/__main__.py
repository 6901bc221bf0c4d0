"""Lets `python -m qrshared` do what the command `qrshared` does."""

from qrshared.cli.main import main

if __name__ == "__main__":
    main()
