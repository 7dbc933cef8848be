"""A process with everything that it starts: on one core, ended by its id, and gone when we are.

Not here: what the process is for.
"""

import os
import resource
import signal
import subprocess
import time
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
ENDED_WITHIN_S = 10.0


def listen_at_once():
    """Puts a thread that does little before all others, for if it is kept waiting it notes a wrong
    instant. Where that is not allowed, a core besides the two that are measured does as well."""
    try:
        rank = os.sched_param(1)
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, rank)
    except OSError:
        pass


class Process:
    """A session of its own, so that all of it can be found and ended."""

    def __init__(self, command: list[str], core: int | None = None, **where):
        pinned = ["taskset", "--cpu-list", str(core)] if core is not None else []
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *pinned, *command],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=listen_at_once if core is None else self._come_first,
            **where,
        )
        self.id = self.popen.pid

    @staticmethod
    def _come_first():
        """As many files as are allowed, and before other programs where that is allowed."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        try:
            os.nice(-10)
            # Sessions are weighed against each other before their processes are.
            Path("/proc/self/autogroup").write_text("-20")
        except OSError:
            pass

    def runs(self) -> bool:
        return self.popen.poll() is None

    def cpu_s(self) -> float:
        """Processor time of the whole session so far, children that have ended included."""
        return sum(sum(map(int, stat[11:15])) for stat in self._session()) / TICKS_PER_S

    def open_files(self) -> int:
        """Of the first process alone."""
        return len(os.listdir(f"/proc/{self.id}/fd"))

    def _session(self) -> list[list[str]]:
        """What the kernel says of each process, from its state on."""
        found = []
        for folder in filter(str.isdigit, os.listdir("/proc")):
            try:
                stat = Path(f"/proc/{folder}/stat").read_text()
            except OSError:
                continue
            # The name before it may hold anything, brackets too.
            fields = stat[stat.rindex(")") + 2 :].split()
            if int(fields[3]) == self.id:
                found.append(fields)
        return found

    def end(self):
        """Asks it to end, and makes it end if it does not."""
        self._signal(signal.SIGTERM)
        give_up = time.monotonic() + ENDED_WITHIN_S
        # A leader that has ended is kept until the rest has too, so that its id stays ours.
        while any(fields[0] != "Z" for fields in self._session()):
            if time.monotonic() > give_up:
                self._signal(signal.SIGKILL)
            time.sleep(0.02)
        self.popen.wait()

    def _signal(self, number: int):
        try:
            os.killpg(self.id, number)
        except ProcessLookupError:
            pass


def busy_s(core: int) -> float:
    """Time since the machine began in which a core worked, or other guests kept it from working."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name == f"cpu{core}":
            user, nice, system, _, _, hard, soft, steal = map(int, fields[:8])
            return (user + nice + system + hard + soft + steal) / TICKS_PER_S
    raise LookupError(f"this machine has no core {core}")
