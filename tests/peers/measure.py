"""One client against a broker of its own, seen from outside.

What counts is what the broker says it has received, and the processor time that the kernel says client
and broker have had. What a client says of itself is not looked at. Not here: which clients there
are, and what becomes of the figures.
"""

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from broker import Broker, BrokerFailed
from clients import PACKET, PAYLOAD, Client
from process import Process, busy_s

BROKER_CORE, CLIENT_CORE = 0, 1
CONNECTED_WITHIN_S = 30.0
# Share of a core from which on it is called busy: the rest goes to interrupts and changes of context.
BUSY = 0.9


class Failed(Exception):
    """This client could not be measured, and why."""


@dataclass(frozen=True)
class Figures:
    """Of one window of one client. Shares are of one core."""

    messages_per_s: float
    client_cpu: float
    broker_cpu: float
    # Per message that it has written since it was connected: in the window it may have written none,
    # and the broker have read old ones.
    client_us: float
    # Per message that it has received in the window.
    broker_us: float
    # Written and not read at the end: more than nothing, and the broker does not keep up.
    unread_mb: float
    # What neither had of its core, whichever was more: other programs, and other guests.
    others: float


class Stopwatch:
    """How fast something grows from now on, per second of the clock."""

    def __init__(self, value):
        self.value = value
        self.begun = self._read()

    def _read(self) -> tuple[float, float]:
        before = time.monotonic()
        value = self.value()
        return (before + time.monotonic()) / 2, value

    def rate(self) -> float:
        at, value = self._read()
        return (value - self.begun[1]) / (at - self.begun[0])


def measure(client: Client, warm_up_s: float, window_s: float) -> Figures:
    """Runs it for as long as it takes, and leaves nothing behind."""
    # Long enough for any measurement, and so a bound for those who do not obey a signal.
    seconds = int(CONNECTED_WITHIN_S + warm_up_s + window_s) + 10
    with tempfile.TemporaryDirectory(prefix="midge-peers-") as folder:
        scratch = Path(folder)
        started = []
        with open(scratch / "client.log", "w+") as log:
            try:
                broker = Broker(BROKER_CORE, scratch)
                started.append(broker)
                command = client.filled_in(port=broker.port, seconds=seconds, scratch=scratch)
                process = Process(command, CLIENT_CORE, cwd=folder, stdout=log, stderr=log)
                started.append(process)
                return _window(client, process, broker, warm_up_s, window_s)
            except (Failed, BrokerFailed) as failure:
                log.seek(0)
                last_words = log.read().strip().splitlines()[-3:]
                raise Failed(" / ".join([str(failure), *last_words])) from failure
            finally:
                for each in reversed(started):
                    each.end()


def _window(
    client: Client, process: Process, broker: Broker, warm_up_s: float, window_s: float
) -> Figures:
    give_up = time.monotonic() + CONNECTED_WITHIN_S
    while (connected := broker.connections()) < client.connections:
        if not process.runs() or time.monotonic() > give_up:
            raise Failed(f"only {connected} of {client.connections} connections")
        time.sleep(0.01)
    connected_s = process.cpu_s()
    broker.next_tick()
    time.sleep(warm_up_s)
    first = broker.next_tick()
    cores = (lambda: busy_s(CLIENT_CORE)), (lambda: busy_s(BROKER_CORE))
    spent = [Stopwatch(value) for value in (process.cpu_s, broker.process.cpu_s, *cores)]
    # The tick that ends it is the first one after this; they come every second.
    time.sleep(window_s - 0.5)
    last = broker.next_tick()
    client_cpu, broker_cpu, client_core, broker_core = (stopwatch.rate() for stopwatch in spent)
    written_s, unread = process.cpu_s() - connected_s, broker.unread_bytes()
    if not process.runs():
        raise Failed("it ended while it was measured")
    if (connected := broker.connections()) < client.connections:
        raise Failed(f"only {connected} of {client.connections} connections at the end")
    received = last.payload_bytes - first.payload_bytes
    if received == 0 or received % PAYLOAD:
        raise Failed(f"{received} bytes are no messages of {PAYLOAD} bytes")
    messages_per_s = received / PAYLOAD / (last.at - first.at)
    written = last.payload_bytes / PAYLOAD + unread / PACKET
    return Figures(
        messages_per_s,
        client_cpu,
        broker_cpu,
        client_us=written_s / written * 1e6,
        broker_us=broker_cpu / messages_per_s * 1e6,
        unread_mb=unread / 1e6,
        others=max(0.0, client_core - client_cpu, broker_core - broker_cpu),
    )

