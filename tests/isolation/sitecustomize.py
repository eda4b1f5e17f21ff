"""Loaded by every Python process of the test suite: no socket reaches beyond loopback."""

import ipaddress
import socket
from typing import Any

_UNPATCHED = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex", "sendto")}
_RESOLVE = socket.getaddrinfo


class NetworkRefused(OSError):
    """A test tried to reach something beyond this machine."""


def _is_loopback(host: object) -> bool:
    if host in ("localhost", b"localhost", None, ""):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _guarded(name: str) -> Any:
    def method(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            raise NetworkRefused(f"tests stay on this machine: {address!r}")
        return _UNPATCHED[name](self, *arguments)

    return method


def _resolve(host: Any, *arguments: Any, **options: Any) -> Any:
    if not _is_loopback(host):
        raise NetworkRefused(f"tests stay on this machine: {host!r}")
    return _RESOLVE(host, *arguments, **options)


def guard() -> None:
    """Refuse every socket but those on loopback, from now on, in this process."""
    for name in _UNPATCHED:
        setattr(socket.socket, name, _guarded(name))
    socket.getaddrinfo = _resolve


guard()
