"""Which protocol versions this program speaks, and which one two sides use."""

VERSIONS = (1, 1)
"""Lowest and highest version spoken here. When 2 comes, 1 is still read for a year."""


def common_version(theirs: tuple[int, int], ours: tuple[int, int] = VERSIONS) -> int | None:
    """The highest version both sides know, or None: then `goodbye version`."""
    highest = min(ours[1], theirs[1])
    return highest if highest >= max(ours[0], theirs[0]) else None
