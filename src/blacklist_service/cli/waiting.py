"""Answers 503 on the port while there is nothing to serve yet, so that clients do not wait."""

import select
import socket
import time

ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s"
)
BODY = (
    b'{"type":"urn:blacklist-service:problem:undetermined","title":"The service cannot know now","status":503,'
    b'"detail":"the service waits for its database","code":"undetermined"}'
)
MOST_BYTES = 65536
CLIENT_SECONDS = 0.2
"""How many seconds a client that connects and sends nothing may take."""


def refuse_for_now(listening: socket.socket, *, seconds: float) -> None:
    """Answer 503 to all clients for that long, one at a time, because nothing else is to be done."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if select.select([listening], [], [], left)[0]:
            _refuse_one(listening)


def _refuse_one(listening: socket.socket) -> None:
    try:
        client, _ = listening.accept()
        with client:
            client.settimeout(CLIENT_SECONDS)
            client.recv(MOST_BYTES)
            client.sendall(ANSWER % (len(BODY), BODY))
            client.shutdown(socket.SHUT_WR)
    except OSError:  # the client left
        return
