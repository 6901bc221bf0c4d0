"""A home's end of one peer connection, as a program: it may live in a network namespace.

    python -m tests.browser.rtc_home SERVERS

SERVERS is JSON: `[[url, name, password], …]`. Reads an offer (JSON, one line), prints the answer, then the road
whenever it changes, until its input ends.
"""

import asyncio
import json
import sys

from qrshared.links import IceServer
from qrshared.links.peer_connection import PeerConnection

LINE_BYTES = 1 << 20
LOOK_EVERY_S = 0.1


def say(what: object) -> None:
    print(json.dumps(what), flush=True)


async def main(servers: list[IceServer]) -> None:
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with PeerConnection(servers) as connection:
        say(await connection.answer(json.loads(await reader.readline())))
        await connection.opened()
        told = None
        while not reader.at_eof():
            if connection.road != told:
                told = connection.road
                say(told)
            await asyncio.sleep(LOOK_EVERY_S)


if __name__ == "__main__":
    asyncio.run(main([IceServer((url,), name, password) for url, name, password in json.loads(sys.argv[1])]))
