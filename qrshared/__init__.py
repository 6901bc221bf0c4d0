"""qrshared: scan a QR code with any phone, and files land whole in a folder of this computer, or wait for the phone.

Ranked goals, in this order when they collide: no file is ever lost, torn or overwritten · strangers get nothing ·
it just works for someone who is no expert · it is easy to change · it is fast.

Rooms import only downwards: cli > daemon > settings > lan, remote, local > signaling > sessions, serving > transfers,
tickets > protocol, seal, links, inbox, shelf > assets > errors; those between two signs do not know each other. Each
room's `__init__` says its duty, its invariants and what it leaves out on purpose.
"""

__version__ = "0.1.0"
