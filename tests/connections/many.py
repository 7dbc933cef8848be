"""More connections than one address has ports: several processes of midge to one address and port.

A case is a number of processes, of endpoints for each, and of source addresses that all of them use in turn.
The target (target.py) counts what comes. Cases with too few addresses are there to show that the limit is
real. Not here: what a connection costs (`cargo bench --bench scale`).
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from target import Target

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# The load is there to see that connections carry something; it is not what is asked.
RATE = "250/s"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/connections/run", description=__doc__)
    parser.add_argument("--midge", default="target/release/midge", help="the program")
    parser.add_argument("--out", type=Path, help="folder of table.md; without it nothing is kept")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--endpoints", type=int, default=15_000, help="of each process")
    parser.add_argument("--sources", default="1,2,4", help="numbers of source addresses, a case each")
    parser.add_argument("--connect-rate", default="1_500/s", help="of each process")
    parser.add_argument("--measure", default="10s")
    parser.add_argument(
        "--ports",
        help="FIRST-LAST: in a network namespace that has these local ports alone; needs unshare(1)",
    )
    return parser.parse_args()


def apart(ports: str) -> None:
    """Goes on in a network namespace of its own, and comes back only there."""
    first, last = ports.split("-")
    if os.environ.get("MIDGE_APART") == ports:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        RANGE.write_text(f"{first} {last}\n")
        return
    os.environ["MIDGE_APART"] = ports
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-B"]
    os.execvp("unshare", [*command, *sys.argv])


def start(given, number: int, port: int, sources: int, folder: Path) -> subprocess.Popen:
    last = 1 + sources
    sets = {
        "fleet.endpoints": given.endpoints,
        "fleet.client_id": f"midge-{number}-{{endpoint}}",
        "fleet.connect_rate": given.connect_rate,
        "fleet.connects_in_progress": 1_000,
        "target.bind": f"127.0.0.2-127.0.0.{last}" if sources > 1 else "127.0.0.2",
        "load.arrival_rate": RATE,
        "load.seed": 42 + number,
        "load.measure": given.measure,
        "request.publish.qos": 1,
    }
    command = [given.midge, "run", "mqtt-publish", "--target", f"mqtt://127.0.0.1:{port}"]
    command += ["--workers", "1", "--out", str(folder / f"run-{number}")]
    for key, value in sets.items():
        command += ["--set", f"{key}={value}"]
    with (folder / f"midge-{number}.log").open("w") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def case(given, sources: int, scratch: Path) -> dict:
    folder = scratch / f"sources-{sources}"
    folder.mkdir()
    target = Target(given.processes, folder)
    numbers = range(1, given.processes + 1)
    runs = [start(given, number, target.port, sources, folder) for number in numbers]
    for run in runs:
        run.wait()
    # What was closed at the end of the runs is read before the counts are asked for.
    time.sleep(1)
    seen = target.end()
    results = []
    for number in numbers:
        path = folder / f"run-{number}" / "run.json"
        if not path.exists():
            raise SystemExit((folder / f"midge-{number}.log").read_text())
        results.append(json.loads(path.read_text()))
    return {"sources": sources, "seen": seen, "results": results}


def reasons(result: dict) -> str:
    if result["verdict"]["valid"]:
        return "VALID"
    codes = [reason["code"] for reason in result["verdict"]["reasons"]]
    return "INVALID: " + ", ".join(codes)


def row(found: dict) -> list[str]:
    results, seen = found["results"], found["seen"]
    connections = [result["connections"] for result in results]
    failed: dict[str, int] = {}
    for each in connections:
        for reason, count in each["failed_by"].items():
            failed[reason] = failed.get(reason, 0) + count
    ok = sum(result["whole_run"]["ok"] for result in results)
    planned = sum(result["whole_run"]["planned"] for result in results)
    return [
        str(found["sources"]),
        f"{sum(each['connected'] for each in connections):,} of "
        f"{sum(each['planned'] for each in connections):,}",
        ", ".join(f"{reason} {count:,}" for reason, count in sorted(failed.items())) or "none",
        f"{seen['open_at_once']:,}",
        ", ".join(f"{source}: {count:,}" for source, count in sorted(seen["from"].items())),
        f"{ok:,} of {planned:,}",
        "; ".join(map(reasons, results)),
    ]


HEAD = [
    "source addresses",
    "connected",
    "attempts that failed",
    "open at once, by the target",
    "most at once from each address, by the target",
    "messages acknowledged",
    "verdicts",
]


def table(given, rows: list[list[str]], load: list[float]) -> str:
    first, last = map(int, RANGE.read_text().split())
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    page = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    system = platform.uname()
    return f"""{page}

{given.processes} processes with {given.endpoints:,} endpoints each, to one address and port; {last - first + 1:,}
local ports ({first} to {last}) for each source address. {system.system} {system.release}, {os.cpu_count()} cores;
load average {load[0]:.1f} before and {os.getloadavg()[0]:.1f} after.
"""


def main() -> None:
    given = arguments()
    given.midge = str(Path(given.midge).resolve())
    if given.ports:
        apart(given.ports)
    before, rows = list(os.getloadavg()), []
    with tempfile.TemporaryDirectory() as scratch:
        for sources in map(int, given.sources.split(",")):
            found = case(given, sources, Path(scratch))
            rows.append(row(found))
            print(" | ".join(rows[-1]), file=sys.stderr)
    page = table(given, rows, before)
    print(page)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "table.md").write_text(page)


if __name__ == "__main__":
    main()
