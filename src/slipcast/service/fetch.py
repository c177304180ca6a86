"""Going out to an address that a client gave: pictures by URL, webhooks.

The name is resolved once, each of its addresses must be public, and the connection goes to the very address that was
looked at: a name that changes its mind between look and call gains nothing. No redirects, no proxy from the
environment, limits on time and size.
"""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from slipcast.core.errors import BadInput

LIMIT_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """An address that may be called."""

    url: str
    host: str
    ip: str
    port: int
    scheme: str


def resolve(url: str, *, allow_private: bool, only_https: bool = False) -> Place:
    """Look the name up and check where it leads. Raises BadInput for what must not be called."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadInput("the URL cannot be read; give http(s)://host/path") from None
    schemes = ("https",) if only_https and not allow_private else ("http", "https")
    if parts.scheme not in schemes or not parts.hostname:
        raise BadInput(f"the URL must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
    if parts.username or parts.password:
        raise BadInput("the URL holds credentials; leave them out")
    number = port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, number, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise BadInput(f"the name {parts.hostname} of the URL is not known") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private and not all(is_public(each) for each in addresses):
        raise BadInput(f"{parts.hostname} leads into a private network; give a public address")
    return Place(url=url, host=parts.hostname, ip=addresses[0], port=number, scheme=parts.scheme)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, seen through IPv6's ways to write IPv4."""
    try:
        ip = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def download(url: str, *, max_bytes: int, allow_private: bool) -> bytes:
    """The content at `url`. Raises BadInput with one sentence when it cannot be had."""
    place = resolve(url, allow_private=allow_private)
    try:
        with (
            _client() as client,
            client.stream("GET", _direct(place), headers=_host(place), extensions=_tls(place)) as answer,
        ):
            if answer.status_code != 200:
                raise BadInput(
                    f"{place.host} answered {answer.status_code} for the picture; give its final URL"
                )
            data = bytearray()
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > max_bytes:
                    raise BadInput(f"the picture at {place.host} has more than {max_bytes // 2**20} MiB")
            return bytes(data)
    except httpx.HTTPError as error:
        raise BadInput(f"{place.host} did not deliver the picture ({type(error).__name__})") from None


def post(url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> int:
    """Send `body`; the status of the answer. Raises BadInput or httpx.HTTPError."""
    place = resolve(url, allow_private=allow_private, only_https=True)
    with (
        _client() as client,
        client.stream(
            "POST", _direct(place), content=body, headers={**headers, **_host(place)}, extensions=_tls(place)
        ) as answer,
    ):
        return answer.status_code


def _client() -> httpx.Client:
    return httpx.Client(follow_redirects=False, timeout=LIMIT_S, trust_env=False)


def _direct(place: Place) -> str:
    """The URL with the address in the name's place."""
    parts = urlsplit(place.url)
    ip = f"[{place.ip}]" if ":" in place.ip else place.ip
    query = f"?{parts.query}" if parts.query else ""
    return f"{place.scheme}://{ip}:{place.port}{parts.path or '/'}{query}"


def _host(place: Place) -> dict[str, str]:
    usual = {"http": 80, "https": 443}[place.scheme]
    return {"Host": place.host if place.port == usual else f"{place.host}:{place.port}"}


def _tls(place: Place) -> dict[str, object]:
    """Certificates are checked against the name, not the address."""
    return {"sni_hostname": place.host}
