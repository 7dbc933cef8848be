"""midge and other clients against Mosquitto, in turns. `run` beside this file prepares and starts it."""

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import table
from broker import Broker
from clients import CLIENTS, LOCUST, MIDGE, MQTTWRK, PROGRAMS, ROOT
from measure import BROKER_CORE, CLIENT_CORE, Failed, measure
from process import listen_at_once

WARM_UP_S, WINDOW_S = 2.0, 4.0
SMOKE_S = 1.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/peers/run")
    parser.add_argument("--rounds", type=int, default=5, help="how often each has its turn")
    parser.add_argument("--out", type=Path, default=ROOT / "target/peers/out", help="folder")
    parser.add_argument("--only", default="", help="clients whose name contains this")
    parser.add_argument("--qos", type=int, choices=(0, 1, 2), help="this one alone")
    parser.add_argument("--smoke", action="store_true", help="one round of short windows")
    return parser.parse_args()


def main() -> int:
    asked = arguments()
    missing = [name for name, program in PROGRAMS.items() if not program.exists()]
    clients = [
        client
        for client in CLIENTS
        if client.tool not in missing
        and asked.only in client.name
        and asked.qos in (None, client.qos)
    ]
    if not {BROKER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        sys.exit("tests/peers/run: broker and client need a core each: 0 and 1")
    # So that whatever was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    listen_at_once()
    about = machine() + [f"not measured: {name} is not installed" for name in missing]
    rounds, warm_up, window = asked.rounds, WARM_UP_S, WINDOW_S
    if asked.smoke:
        rounds, warm_up, window = 1, SMOKE_S, SMOKE_S
    about.append(f"medians of {rounds} windows of {window:.0f} s, {warm_up:.0f} s after the connects")
    windows = []
    for number in range(1, rounds + 1):
        # What grows or fades with time shall not favour those who come first.
        turns = clients if number % 2 else reversed(clients)
        for client in turns:
            windows.append(turn(number, client, warm_up, window))
            # Sorted as they are listed, however the rounds went.
            in_order = sorted(windows, key=lambda each: clients.index(each.client))
            table.write(asked.out, in_order, about)
    print(f"\n{(asked.out / 'table.md').read_text()}\nin {asked.out}")
    return 1 if any(window.failure for window in windows) else 0


def turn(number: int, client, warm_up: float, window: float) -> table.Window:
    label = f"round {number}, QoS {client.qos}, {client.name}"
    try:
        figures = measure(client, warm_up, window)
    except Failed as failure:
        print(f"{label}: {failure}", file=sys.stderr, flush=True)
        return table.Window(number, client, None, str(failure))
    print(
        f"{label}: {figures.messages_per_s:,.0f}/s, "
        f"client {figures.client_cpu:.0%}, broker {figures.broker_cpu:.0%}",
        file=sys.stderr,
        flush=True,
    )
    return table.Window(number, client, figures)


def machine() -> list[str]:
    """What ran, and where."""
    with tempfile.TemporaryDirectory(prefix="midge-peers-") as folder:
        broker = Broker(BROKER_CORE, Path(folder))
        broker.end()
    versions = [broker.version, said([MIDGE, "--version"]), commit()]
    for program in (MQTTWRK, LOCUST):
        if program.exists():
            versions.append(said([program, "--version"]))
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    cores = f"{os.cpu_count()} x {models[0] if models else platform.machine()}"
    return [f"{cores}, Linux {platform.release()}", "; ".join(versions)]


def said(command: list) -> str:
    """First line of what it says, without the places where it lies."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return done.stdout.strip().split("\n")[0].split(" from ")[0]


def commit() -> str:
    changed = said(["git", "status", "--porcelain", "--untracked-files=no"])
    return f"commit {said(['git', 'rev-parse', '--short', 'HEAD'])}{' and changes' if changed else ''}"


if __name__ == "__main__":
    sys.exit(main())
