"""The door at home: addresses, mDNS, the listening sockets, the page and the WebSocket door on the LAN.

Always true here:
- loopback is always bound too; every other source must be near (private or on-link) unless a public host is set;
- the QR's address is the best of `candidates()` or the owner's choice, and every candidate stays visible;
- nothing is sent to the internet: ranking looks routes up and sends no packet, mDNS stays on the link;
- mDNS never publishes the computer's own host name, and says goodbye.

Deliberately absent: who may do what (tickets, sessions), how a session speaks (sessions), the edge (remote).
"""

from qrshared.lan.addresses import AddressNotHere, Candidate, candidates, choose
from qrshared.lan.app import admission_for, build_app, host_in_url
from qrshared.lan.door import Door, OnLink, Visitor
from qrshared.lan.downloads import DOWNLOAD_LIFE_S, Downloads
from qrshared.lan.listen import LanServer, PortInUse, PortNotAllowed
from qrshared.lan.mdns import Advertiser, advertised_addresses
from qrshared.lan.netwatch import watch, watch_addresses
from qrshared.lan.networks import Network, read_network

__all__ = [
    "DOWNLOAD_LIFE_S",
    "AddressNotHere",
    "Advertiser",
    "Candidate",
    "Door",
    "Downloads",
    "LanServer",
    "Network",
    "OnLink",
    "PortInUse",
    "PortNotAllowed",
    "Visitor",
    "admission_for",
    "advertised_addresses",
    "build_app",
    "candidates",
    "choose",
    "host_in_url",
    "read_network",
    "watch",
    "watch_addresses",
]
