"""Webhooks reach public addresses only, whatever the Python version holds for public."""

import pytest

from listening.special_addresses import is_public

SPECIAL = {
    "this network": ("0.0.0.0", "0.255.255.255"),
    "private, class A": ("10.0.0.0", "10.255.255.255"),
    "carriers": ("100.64.0.0", "100.127.255.255"),
    "this machine": ("127.0.0.0", "127.255.255.255"),
    "Azure's machines": ("168.63.129.16",),
    "link-local": ("169.254.0.0", "169.254.169.254", "169.254.255.255"),
    "private, class B": ("172.16.0.0", "172.31.255.255"),
    "protocol assignments": (
        *("192.0.0.0", "192.0.0.7", "192.0.0.8", "192.0.0.9", "192.0.0.10", "192.0.0.170", "192.0.0.171"),
        *("192.0.0.192", "192.0.0.255"),
    ),
    "documentation 1": ("192.0.2.0", "192.0.2.255"),
    "AS112": ("192.31.196.0", "192.31.196.255", "192.175.48.0", "192.175.48.255"),
    "multicast tunneling": ("192.52.193.0", "192.52.193.255"),
    "6to4 relays": ("192.88.99.0", "192.88.99.255"),
    "private, class C": ("192.168.0.0", "192.168.255.255"),
    "benchmarks": ("198.18.0.0", "198.19.255.255"),
    "documentation 2": ("198.51.100.0", "198.51.100.255"),
    "documentation 3": ("203.0.113.0", "203.0.113.255"),
    "multicast": ("224.0.0.0", "239.255.255.255"),
    "reserved": ("240.0.0.0", "255.255.255.254"),
    "broadcast": ("255.255.255.255",),
    "v6 unspecified and this machine": ("::", "::1"),
    "v6 compatible with v4": ("::0.0.0.2", "::93.184.215.14", "::255.255.255.255"),
    "v6 mapped v4": ("::ffff:0.0.0.0", "::ffff:127.0.0.1", "::ffff:93.184.215.14", "::ffff:255.255.255.255"),
    "v6 translated v4": ("64:ff9b::", "64:ff9b::7f00:1", "64:ff9b::ffff:ffff"),
    "v6 translated v4, local": ("64:ff9b:1::", "64:ff9b:1::a00:1", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    "v6 discard and dummy": ("100::", "100::ffff:ffff:ffff:ffff", "100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"),
    "v6 protocol assignments": ("2001::", "2001:1::1", "2001:1::2", "2001:1::3", "2001:1ff:ffff::"),
    "v6 Teredo": ("2001:0:1::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
    "v6 benchmarks": ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"),
    "v6 multicast tunneling": ("2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff"),
    "v6 AS112": ("2001:4:112::", "2001:4:112:ffff::", "2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
    "v6 ORCHID and DRIP": ("2001:10::", "2001:1f:ffff::", "2001:20::", "2001:2f:ffff::", "2001:30::", "2001:3f:ffff::"),
    "v6 documentation": ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff::"),
    "v6 6to4": ("2002::", "2002:7f00:1::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    "v6 segment routing": ("5f00::", "5f00:ffff:ffff::"),
    "v6 unique local": ("fc00::", "fd00::1", "fd00:ec2::254", "fdff:ffff:ffff::"),
    "v6 link-local": ("fe80::", "fe80::1%eth0", "febf:ffff::"),
    "v6 site-local": ("fec0::", "feff:ffff::"),
    "v6 multicast": ("ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
}


@pytest.mark.parametrize("addresses", SPECIAL.values(), ids=list(SPECIAL))
def test_no_special_purpose_address_is_public(addresses):
    assert [address for address in addresses if is_public(address)] == []


@pytest.mark.parametrize(
    "address",
    [
        *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"),
        *("168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0"),
        *("191.255.255.255", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255"),
        *("198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255"),
        *("2000::", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2003::", "2606:4700::1111", "2620:4f:8001::"),
        *("3ffe:ffff::", "3fff:1000::"),
    ],
)
def test_its_neighbours_are(address):
    assert is_public(address)
