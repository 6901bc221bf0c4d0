"""The words in which conversations are written."""

from tests.vectors.player import Json, Step, T

OLD = "ffeeddccbbaa99887766554433221100"
MIB = 1024 * 1024
SHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
DIGEST = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


def do(verb: str, *arguments: object, now: float | None = None) -> Step:
    step: Step = {"do": verb}
    if arguments:
        step["with"] = list(arguments)
    return step if now is None else {**step, "now": now}


def hear(t: str, now: float | None = None, **rest: object) -> Step:
    return do("hear", {"t": t, "transfer": T, **rest}, now=now)


def chunk(item: int, offset: int, length: int) -> Step:
    return hear("chunk", item=item, offset=offset, length=length)


def receipt(item: int, size: int, name: str = "a") -> Json:
    return {"item": item, "name": name, "size": size, "sha256": SHA}


def accept(window: int = 4 * MIB, kept: list[Json] | None = None, receipts: list[Json] | None = None) -> Step:
    return do("accept", window, kept or [], receipts or [])


def propose(*sizes: int, **rest: object) -> Step:
    items = [{"name": "abcdefgh"[index], "size": size} for index, size in enumerate(sizes)]
    said: Json = {"first": 0, "items": items, "more": False, "count": len(sizes), "bytes": sum(sizes), **rest}
    return hear("propose", **said)


def sender(name: str, sizes: list[int], *steps: Step, continues: tuple[str, ...] = ()) -> Json:
    items = [{"name": "abcdefgh"[index], "size": size} for index, size in enumerate(sizes)]
    return {"name": name, "end": "sender", "items": items, "continues": list(continues), "steps": list(steps)}


def receiver(name: str, *steps: Step) -> Json:
    return {"name": name, "end": "receiver", "steps": list(steps)}


SAY = do("say")
SUMS = do("sums")
CUT = do("detached")
HEAR_ACCEPT = hear("accept", window=4 * MIB)
