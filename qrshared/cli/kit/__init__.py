"""The self-hosting kit: a folder for `docker compose up` with an edge, Redis, a hardened coturn and HTTPS.

Always true here:
- the folder is new or empty: nobody's configuration is overwritten;
- its secrets are made for it alone, and are readable for their owner only (0600) from their first moment;
- `files/` holds what is written, as it is written but for three or four words: a person, a linter and the tests read
  the same text.

Deliberately absent: starting anything, and asking anything over the network.
"""

from qrshared.cli.kit.folder import SAMPLE_DOMAIN, KitFolderTaken, KitPlaceRefused, WrongDomain, write_kit

__all__ = ["SAMPLE_DOMAIN", "KitFolderTaken", "KitPlaceRefused", "WrongDomain", "write_kit"]
