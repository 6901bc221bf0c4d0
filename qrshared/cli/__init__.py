"""Words typed by a person: parses a command line, asks the daemon, prints the answer.

Invariants: an error is one sentence on standard error and exit code 1, never a traceback; whatever a command prints for
programs (`--json`, `--url`) is stable; nothing here knows how a transfer works.
Deliberately absent: rules. What may be done is decided by the daemon, which the commands ask through `local`.
"""
