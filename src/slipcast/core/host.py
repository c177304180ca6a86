"""Who can reach a server that listens on a host."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it.

    >>> is_loopback("::1"), is_loopback("0.0.0.0")
    (True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
