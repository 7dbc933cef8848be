"""Mosquitto, and what it says that it has received.

It publishes its counts once a second. The one that serves is that of bytes in payloads: its count of
messages leaves QoS 2 out (2.0.11). Not here: who sends to it.
"""

import getpass
import os
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from process import Process, listen_at_once

# Nothing is stored, nothing is held back, and each answer leaves at once.
CONFIGURATION = """listener {port} 127.0.0.1
user {user}
allow_anonymous true
persistence false
log_type none
log_dest none
sys_interval 1
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
"""
PAYLOADS = "$SYS/broker/publish/bytes/received"
# Heard once, as soon as anything can be heard.
VERSION = "$SYS/broker/version"
STARTED_WITHIN_S = 10.0
TICK_WITHIN_S = 5.0


class BrokerFailed(Exception):
    """It did not start or no longer says anything."""


@dataclass(frozen=True)
class Tick:
    """What has been received since the broker began, and when that was heard."""

    at: float
    payload_bytes: int


def program() -> str | None:
    """Debian keeps it where only root looks."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Broker:
    def __init__(self, core: int, scratch: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        configuration = scratch / "mosquitto.conf"
        configuration.write_text(
            CONFIGURATION.format(port=self.port, user=getpass.getuser())
        )
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = Process([program(), "-c", str(configuration)], core, **quiet)
        self.listener = None
        try:
            self._await_start()
            self._listen()
        except BaseException:
            self.end()
            raise

    def _await_start(self):
        give_up = time.monotonic() + STARTED_WITHIN_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError as error:
                if not self.process.runs() or time.monotonic() > give_up:
                    raise BrokerFailed(f"mosquitto does not listen: {error}") from error
            time.sleep(0.02)

    def _listen(self):
        self.version = None
        self.ticks: list[Tick] = []
        self.heard = threading.Condition()
        where = ["-h", "127.0.0.1", "-p", str(self.port)]
        command = ["mosquitto_sub", *where, "-v", "-t", VERSION, "-t", PAYLOADS]
        self.listener = Process(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        threading.Thread(target=self._hear, daemon=True).start()
        with self.heard:
            if not self.heard.wait_for(lambda: self.version, STARTED_WITHIN_S):
                raise BrokerFailed("mosquitto does not say its version")
        self.files_of_its_own = self.process.open_files()

    def _hear(self):
        listen_at_once()
        for line in self.listener.popen.stdout:
            topic, value = line.split(maxsplit=1)
            with self.heard:
                if topic == VERSION:
                    self.version = value.strip()
                else:
                    self.ticks.append(Tick(time.monotonic(), int(value)))
                self.heard.notify_all()

    def next_tick(self) -> Tick:
        """Waits for it."""
        with self.heard:
            count = len(self.ticks)
            if not self.heard.wait_for(lambda: len(self.ticks) > count, TICK_WITHIN_S):
                raise BrokerFailed("mosquitto's counts do not change: nobody sends")
            return self.ticks[-1]

    def connections(self) -> int:
        """Connections that it holds, its listener's not among them."""
        return self.process.open_files() - self.files_of_its_own

    def unread_bytes(self) -> int:
        """What clients have written to it and it has not read; the kernel keeps it."""
        waiting = 0
        for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, _, queues, *_ = row.split()
            unacknowledged, unread = (int(length, 16) for length in queues.split(":"))
            if _port(remote) == self.port:
                waiting += unacknowledged
            # Of a socket that listens this is the number of those who wait to be accepted.
            elif _port(local) == self.port and _port(remote):
                waiting += unread
        return waiting

    def end(self):
        if self.listener:
            self.listener.end()
        self.process.end()


def _port(address: str) -> int:
    return int(address.split(":")[1], 16)
