"""What is compared: one command per client and kind of load, and the messages that they send.

All send the same number of bytes as fast as they can. Not here: running and measuring them.
"""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MIDGE = ROOT / "target/release/midge"
MQTTWRK = ROOT / "target/peers/cargo/bin/mqttwrk"
LOCUST = ROOT / "target/peers/venv/bin/locust"

PAYLOAD = 200
# With header and topic; they differ by two bytes at most.
PACKET = 228
# As in the profiles, but the last message is as long as the first one: 7 digits, 13, and 15.0 to 30.0.
# These three differ from message to message; the other clients send the same bytes again and again.
FIELDS = '{"n":{n},"ts":{now_ms},"temperature":{temperature},"place":"%s"}'
FILLED_IN = len(FIELDS % "") - len("{n}{now_ms}{temperature}") + 7 + 13 + 4
TELEMETRY = FIELDS % ("x" * (PAYLOAD - FILLED_IN))
CONNECTIONS = 1000
# A thousand users of locust are not all connected within a minute, once the first ones send.
LOCUST_USERS = 200


@dataclass(frozen=True)
class Client:
    """One row of the table. `{port}`, `{seconds}` and `{scratch}` in the command are filled in."""

    tool: str
    load: str
    qos: int
    connections: int
    command: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.tool}, {self.load}" if self.load else self.tool

    def filled_in(self, **values) -> list[str]:
        """Not `str.format`: payloads have braces too."""
        command = list(self.command)
        for name, value in values.items():
            command = [word.replace("{%s}" % name, str(value)) for word in command]
        return command


def midge(load: str, qos: int, profile: str, *settings: str) -> Client:
    settings += (
        f"request.*.qos={qos}",
        f"request.*.payload='{TELEMETRY}'",
        "request.*.generate.n={ counter = 1_000_000 }",
        f"fleet.endpoints={CONNECTIONS}",
        "load.warm_up=1s",
        "load.measure={seconds}s",
    )
    command = [str(MIDGE), "run", str(ROOT / f"profiles/bench/{profile}.toml")]
    command += ["--target", "mqtt://127.0.0.1:{port}", "--out", "{scratch}/midge"]
    for setting in settings:
        command += ["--set", setting]
    return Client("midge", load, qos, CONNECTIONS, tuple(command))


def mqttwrk(load: str, qos: int, in_flight: int) -> Client:
    command = f"{MQTTWRK} bench -S 127.0.0.1 -P {{port}} -p {CONNECTIONS} -n 100000000"
    command += f" -m {PAYLOAD} --publish-qos {qos} -i {in_flight}"
    return Client("mqttwrk", load, qos, CONNECTIONS, tuple(command.split()))


def locust(load: str, qos: int) -> Client:
    command = f"{LOCUST} --locustfile {ROOT}/tests/peers/locustfile.py --headless --only-summary"
    command += f" --users {LOCUST_USERS} --spawn-rate {LOCUST_USERS} --run-time {{seconds}}s"
    command += f" --mqtt-port {{port}} --qos {qos} --payload {PAYLOAD}"
    return Client("locust", load, qos, LOCUST_USERS, tuple(command.split()))


ONE = "1 in flight"
MANY = "100 in flight"

# mqttwrk has no QoS 2: its publisher ends with the first PUBREC.
CLIENTS = [
    midge("1 message per write", 0, "flood", "load.batch=1"),
    midge("16 messages per write", 0, "flood", "load.batch=16"),
    mqttwrk("", 0, 100),
    locust("", 0),
    midge(ONE, 1, "closed"),
    midge(MANY, 1, "flood", "load.in_flight_max=100"),
    mqttwrk(ONE, 1, 1),
    mqttwrk(MANY, 1, 100),
    locust(ONE, 1),
    midge(ONE, 2, "closed"),
    midge(MANY, 2, "flood", "load.in_flight_max=100"),
    locust(ONE, 2),
]

# What the program of a tool must be, for it to be measured.
PROGRAMS = {"midge": MIDGE, "mqttwrk": MQTTWRK, "locust": LOCUST}
