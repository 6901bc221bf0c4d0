"""Asks `/health` every 20 ms until its input ends, then prints how many milliseconds each answer took, as JSON.

    python -m tests.bench._probe HOST PORT

A program of its own: in one process with the uploads it would measure their event loop.
"""

import http.client
import json
import select
import sys
import time

EVERY_S = 0.02


def main(host: str, port: int) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=30)
    took_ms: list[float] = []
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        began = time.perf_counter()
        connection.request("GET", "/health")
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.client.OK:
            raise SystemExit(f"/health answered {answer.status}")
        took_ms.append((time.perf_counter() - began) * 1000)
    print(json.dumps(took_ms), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
