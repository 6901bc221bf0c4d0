"""So many at once and so many a second: a token bucket, alone or one for each of many. Pure: `now` is in seconds."""


class TokenBucket:
    """Lets `burst` through at once and `per_s` in the long run; a clock that goes back gives nothing."""

    __slots__ = ("_burst", "_per_s", "_since", "_tokens")

    def __init__(self, *, per_s: float, burst: float, now: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._tokens = burst
        self._since = now

    def left(self, now: float) -> float:
        """What may be taken now."""
        return min(self._burst, self._tokens + max(0.0, now - self._since) * self._per_s)

    def take(self, amount: float, now: float) -> bool:
        """Whether there is enough; only then is it taken."""
        left = self.left(now)
        self._since = max(self._since, now)
        self._tokens = left - amount if amount <= left else left
        return amount <= left

    def lose(self, amount: float, now: float) -> None:
        """Take it, or what there is of it: for what has happened already."""
        self.take(min(amount, self.left(now)), now)


class Buckets:
    """One for each key; beyond `most` the one that was used longest ago is forgotten, whoever comes."""

    def __init__(self, *, per_s: float, burst: float, most: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._most = most
        self._buckets: dict[str, TokenBucket] = {}  # in the order of use

    def __len__(self) -> int:
        return len(self._buckets)

    def left(self, key: str, now: float) -> float:
        """What may be taken now; only looks."""
        bucket = self._buckets.get(key)
        return self._burst if bucket is None else bucket.left(now)

    def take(self, key: str, now: float, amount: float = 1.0) -> bool:
        """Whether there is enough; only then is it taken."""
        return self._used(key, now).take(amount, now)

    def lose(self, key: str, now: float, amount: float = 1.0) -> None:
        """Take it, or what there is of it: for what has happened already."""
        self._used(key, now).lose(amount, now)

    def _used(self, key: str, now: float) -> TokenBucket:
        bucket = self._buckets.pop(key, None)
        if bucket is None:
            bucket = TokenBucket(per_s=self._per_s, burst=self._burst, now=now)
            while len(self._buckets) >= self._most:
                del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = bucket
        return bucket
