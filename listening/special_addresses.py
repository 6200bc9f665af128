"""Addresses that no message may go to: every range of the IANA special-purpose registries, and multicast.

The table stands here because `ipaddress.is_global` follows the Python version: 3.11.7 takes 192.0.0.192 for a public
address, and that is where one cloud keeps its machines' secrets. Sources: the IANA IPv4 and IPv6 Special-Purpose
Address Registries. Ranges that are globally reachable stand in it too: no webhook's receiver has such an address.
"""

from __future__ import annotations

import ipaddress

SPECIAL_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carriers' shared addresses
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # not in the registry: Azure's service for its machines
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunneling
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
"""All of version 6 that is given out. Outside of it: ::1, ::/128, addresses of version 4 in ::/96, ::ffff:0:0/96,
64:ff9b::/96 and 64:ff9b:1::/48, 100::/64, 5f00::/16, fc00::/7, fe80::/10, ff00::/8."""

SPECIAL_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo (2001::/32), benchmarks, ORCHID, DRIP
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an address of version 4 stands in it
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(text: str) -> bool:
    """Whether a numeric address is one of the public internet.

    >>> is_public("93.184.215.14"), is_public("192.0.0.192"), is_public("::ffff:93.184.215.14")
    (True, False, False)
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in net for net in SPECIAL_V4)
    return address in GLOBAL_V6 and not any(address in net for net in SPECIAL_V6)
