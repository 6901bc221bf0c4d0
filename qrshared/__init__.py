"""qrshared: scan a QR code with any phone, send files, and they land whole in a folder of this computer.

Ranked goals, in this order when they collide: no file is ever lost, torn or overwritten · strangers get nothing ·
it just works for someone who is no expert · it is easy to change · it is fast.

Rooms import only downwards: cli > daemon > settings > lan, remote, local > sessions, serving > transfers, tickets >
protocol, seal, links, inbox, shelf, signaling > assets > errors. Each room's `__init__` says its duty, its invariants
and what it leaves out on purpose.
"""

__version__ = "0.1.0"
