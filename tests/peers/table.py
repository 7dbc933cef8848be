"""What was measured, as files: every window as CSV, and a Markdown table of medians.

Not here: measuring.
"""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

from clients import Client
from measure import BUSY, Figures

HEADER = """| QoS | client | connections | messages/s | least to most | client's core | broker's core | \
us per message, client | broker | unread MB | others | busy |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Window:
    """One client in one round: its figures, or why there are none."""

    round: int
    client: Client
    figures: Figures | None
    failure: str = ""


def write(folder: Path, windows: list[Window], about: list[str]):
    """Replaces what an earlier comparison has left in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "windows.csv", "w", newline="") as file:
        names = [field.name for field in fields(Figures)]
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["round", "qos", "client", "connections", *names, "failure"])
        for window in windows:
            client = window.client
            values = asdict(window.figures) if window.figures else {}
            digits = [f"{values[name]:.4g}" if values else "" for name in names]
            begin = [window.round, client.qos, client.name, client.connections]
            rows.writerow([*begin, *digits, window.failure])
    (folder / "table.md").write_text(markdown(windows, about))


def markdown(windows: list[Window], about: list[str]) -> str:
    lines = []
    for client in dict.fromkeys(window.client for window in windows):
        own = [window for window in windows if window.client == client]
        lines.append(_row(client, [window.figures for window in own if window.figures]))
    failures = [
        f"- not measured in round {window.round}: {window.client.name}, QoS {window.client.qos}: "
        f"{window.failure}\n"
        for window in windows
        if window.failure
    ]
    said = "".join(f"- {line}\n" for line in about)
    return f"{HEADER}{''.join(lines)}\n{said}{''.join(failures)}"


def _row(client: Client, figures: list[Figures]) -> str:
    begin = f"| {client.qos} | {client.name} | {client.connections} |"
    if not figures:
        return f"{begin} not measured | | | | | | | | |\n"

    def middle(name: str) -> float:
        return median(getattr(each, name) for each in figures)

    rates = [each.messages_per_s for each in figures]
    shares = {"client": middle("client_cpu"), "broker": middle("broker_cpu")}
    busy = [name for name, share in shares.items() if share >= BUSY]
    cells = [
        f"{median(rates):,.0f}",
        f"{min(rates):,.0f} to {max(rates):,.0f}",
        f"{shares['client']:.0%}",
        f"{shares['broker']:.0%}",
        f"{middle('client_us'):.2f}",
        f"{middle('broker_us'):.2f}",
        f"{middle('unread_mb'):,.0f}",
        f"{middle('others'):.0%}",
        " and ".join(busy) or "neither",
    ]
    return f"{begin} {' | '.join(cells)} |\n"
