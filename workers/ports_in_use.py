"""Says who holds a port that we need, and how to choose another."""

import random
import socket

import psutil

_NOBODY_S = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections (32,768 and up), which could take it before we listen."""
_given: set[int] = set()


class PortInUse(Exception):
    """A port is taken; the message names the process and the setting."""


def require_free(host: str, port: int, setting: str) -> None:
    """Raise `PortInUse` when nothing can listen on `host:port`. `setting` is the variable that chooses another."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortInUse(
                f"port {port} on {host} is in use by {_holder(port)}: stop it, or choose another with {setting}=<port>"
            ) from error


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    break
                process = psutil.Process(connection.pid)
                return f"{process.name()} (pid {process.pid})"
    except psutil.Error:
        pass
    return "another process"


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment, another one each time."""
    while True:
        port = random.choice(_NOBODY_S)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        _given.add(port)
        return port
