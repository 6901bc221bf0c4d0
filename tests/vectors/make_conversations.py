"""Writes `conversations.json`: what is done to a sender or a receiver, and what comes out; both languages play it.

`python -m tests.vectors.make_conversations` plays the scripts with the Python twin and writes down what came out. Read
the difference before you commit it: what changes here, changes for every page that is already open.
"""

import json
from pathlib import Path

from tests.vectors.player import Json, Player
from tests.vectors.scripts_of_receivers import RECEIVERS
from tests.vectors.scripts_of_senders import SENDERS

TARGET = Path(__file__).with_name("conversations.json")


def record() -> list[Json]:
    """Every script with what comes out."""
    conversations: list[Json] = []
    for conversation in [*SENDERS, *RECEIVERS]:
        player = Player(conversation)
        steps = [{**step, "out": player.play(step)} for step in conversation["steps"]]
        conversations.append({**conversation, "steps": steps})
    return conversations


def main() -> None:
    lines = []
    for conversation in record():
        head = {name: value for name, value in conversation.items() if name != "steps"}
        steps = ",\n  ".join(json.dumps(step) for step in conversation["steps"])
        lines.append(json.dumps(head)[:-1] + ', "steps": [\n  ' + steps + "\n]}")
    TARGET.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="ascii")
    print(len(lines), "conversations")


if __name__ == "__main__":
    main()
