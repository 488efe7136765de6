# SPDX-License-Identifier: MIT
"""How long a test waits for another process: while that gets on. A busy machine gives it little
time, so seconds on the clock say nothing about it; what it has done with the time that it got does.
A wait is over when it has used a processor for so long that it must be stuck, when it has next to
not run for as long, or when nobody would wait any longer. Linux only: reads /proc.
"""
import contextlib
import os
import select
import signal
import subprocess
import time

TICK = 1  # second, between looks at what is waited for
STILL = 60  # seconds on the clock for which it may sleep or be kept waiting,
WOKEN = 0.3  # and seconds of a processor that are no work: what idles wakes up now and then
HARD = 1800  # seconds on the clock, however much gets on


def _read(pid):
    """(parent, seconds of processor time) of a process; its ended children's count as its own."""
    with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _tree(root):
    """{pid: seconds of processor time} of a process and all below it."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found[int(name)] = _read(name)
            except (OSError, IndexError):
                pass  # it has ended in the meantime
    tree, below = {}, [root] if root in found else []
    while below:
        pid = below.pop()
        tree[pid] = found[pid][1]
        below += [child for child, (parent, _) in found.items() if parent == pid]
    return tree


def processor_time(root):
    """Seconds for which a process and all below it have been on a processor."""
    return sum(_tree(root).values())


class Patience:
    """One wait for process @pid, which needs much less than @seconds of a processor."""

    def __init__(self, pid, seconds):
        self._pid, self._seconds = pid, seconds
        self._looked = time.monotonic()
        self._end = self._looked + HARD
        self._seen = self._begin = self._used = self._ran = None

    def over(self, seen=None):
        """Why not to wait any longer; "": wait on. @seen: whatever changes when it gets on, such as
        the length of its output. Looks at the process once in a TICK, so it may be asked often."""
        now = time.monotonic()
        if now < self._looked + TICK:
            return ""
        self._looked, used = now, processor_time(self._pid)
        if self._begin is None or seen != self._seen:
            self._seen, self._begin, self._used, self._ran = seen, used, used, now
        if used > self._used + WOKEN:
            self._used, self._ran = used, now
        if used - self._begin > self._seconds:
            return f"it has computed for {used - self._begin:.0f} seconds since it last got on"
        if now - self._ran > STILL:
            return f"it has not run, or idled, for {now - self._ran:.0f} seconds"
        return f"{HARD} seconds are over" if now > self._end else ""


def wait_readable(file, pid, seconds):
    """Wait until something comes from @file. Returns why not, "" where it does."""
    patience = Patience(pid, seconds)
    while not select.select([file], [], [], TICK)[0]:
        if why := patience.over():
            return why
    return ""


def run(command, seconds=60, check=False, **options):
    """As subprocess.run() with captured output, with patience in place of a time limit."""
    with subprocess.Popen(command, stdout=subprocess.PIPE,
                          stderr=options.pop("stderr", subprocess.PIPE), **options) as process:
        patience = Patience(process.pid, seconds)
        while True:
            try:
                output, errors = process.communicate(timeout=TICK)
                break
            except subprocess.TimeoutExpired:
                if why := patience.over():
                    for pid in _tree(process.pid):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    output, errors = process.communicate()
                    raise AssertionError(f"waited for the end of {command}: {why}\n{output}\n"
                                         f"{errors}") from None
    if check and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output, errors)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
