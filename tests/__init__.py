"""All tests of qrshared; `python -m tests` runs them. Each folder is a suite."""
