"""A target of many connections: two processes or more behind one address and port, as SO_REUSEPORT allows.

Each of them speaks as much MQTT 3.1.1 as a fleet that publishes needs, and remembers from which address and
port each connection came: who connected is said by the target and not by the client. Not here: who connects.
"""

import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

BACKLOG = 4096
READ = 65536
CONNACK = b"\x20\x02\x00\x00"
PINGRESP = b"\xd0\x00"


def packets(data: bytes):
    """Whole packets: first byte and what follows the length; then where the last of them ends."""
    at = 0
    while True:
        length, shift, body = 0, 0, at + 1
        while body < len(data):
            length |= (data[body] & 0x7F) << shift
            shift += 7
            body += 1
            if data[body - 1] < 0x80:
                break
        else:
            return at
        if body + length > len(data):
            return at
        yield data[at], data[body : body + length]
        at = body + length


def answer(first: int, body: bytes) -> bytes:
    """What a broker says to a packet; nothing to most of them."""
    kind, qos = first >> 4, first >> 1 & 3
    if kind == 1:
        return CONNACK
    if kind == 3 and qos == 1:
        topic = int.from_bytes(body[:2], "big")
        return b"\x40\x02" + body[2 + topic : 4 + topic]
    return PINGRESP if kind == 12 else b""


class Connection:
    def __init__(self, stream: socket.socket, source: tuple[str, int]):
        self.stream = stream
        self.source = source
        self.rest = b""

    def serve(self) -> bool:
        """Reads and answers. False: it is over."""
        try:
            data = self.stream.recv(READ)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        self.rest += data
        answers, reading = [], packets(self.rest)
        while True:
            try:
                answers.append(answer(*next(reading)))
            except StopIteration as end:
                self.rest = self.rest[end.value :]
                break
        try:
            self.stream.sendall(b"".join(answers))
        except OSError:
            return False
        return True


def serve(port: int, write) -> None:
    """One process of the target, until SIGTERM; then it writes what it has seen."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    woken, waker = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(waker, b"x"))
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    poll.register(woken, select.EPOLLIN)
    print(listener.getsockname()[1], file=write, flush=True)
    open_now: dict[int, Connection] = {}
    # As many at once from each address, and in all.
    now, most, most_in_all, pairs = Counter(), Counter(), 0, set()
    while True:
        for handle, _ in poll.poll():
            if handle == woken:
                seen = {"open_at_once": most_in_all, "from": dict(most), "pairs": len(pairs)}
                print(json.dumps(seen), file=write, flush=True)
                return
            if handle == listener.fileno():
                while True:
                    try:
                        stream, source = listener.accept()
                    except BlockingIOError:
                        break
                    stream.setblocking(False)
                    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    poll.register(stream, select.EPOLLIN)
                    open_now[stream.fileno()] = Connection(stream, source)
                    pairs.add(source)
                    now[source[0]] += 1
                    most[source[0]] = max(most[source[0]], now[source[0]])
                    most_in_all = max(most_in_all, len(open_now))
                continue
            connection = open_now[handle]
            if not connection.serve():
                del open_now[handle]
                now[connection.source[0]] -= 1
                connection.stream.close()


class Target:
    """Processes of it that listen on one port."""

    def __init__(self, processes: int, into: Path):
        self.port = 0
        self.processes = []
        for number in range(processes):
            command = [sys.executable, "-B", __file__, str(self.port)]
            log = (into / f"target-{number}.log").open("w")
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
            self.processes.append(process)
            self.port = int(process.stdout.readline())

    def end(self) -> dict:
        """Ends them; what they have seen together."""
        seen, sources = {"open_at_once": 0, "pairs": 0}, Counter()
        for process in self.processes:
            process.terminate()
            said = json.loads(process.communicate(timeout=30)[0])
            seen["open_at_once"] += said["open_at_once"]
            seen["pairs"] += said["pairs"]
            sources.update(said["from"])
        return {**seen, "from": dict(sources)}


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.stdout)
