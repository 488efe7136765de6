# SPDX-License-Identifier: MIT
"""A terminal of 80 columns and 24 rows, as tmux has it, with a machine's console in it: what a
person at the console sees."""
import subprocess
import tempfile
import time

from machine import IMAGE, TIMEOUT
from patience import HARD, Patience

COLUMNS, ROWS = 80, 24


class Terminal:
    """QEMU in a terminal. Keys are tmux's names for them, or text."""

    def __init__(self, append="", cpu="max"):
        self._directory = tempfile.TemporaryDirectory(prefix="pagoda-")
        self._socket = self._directory.name + "/tmux"
        self._command = [
            "qemu-system-aarch64", "-M", "virt", "-cpu", cpu, "-m", "512M", "-nic", "none",
            "-display", "none", "-monitor", "none", "-no-reboot", "-chardev",
            "stdio,id=console,signal=off", "-serial", "chardev:console", "-kernel", str(IMAGE),
            "-append", f"'{append}'"]

    def _tmux(self, *arguments):
        result = subprocess.run(["tmux", "-S", self._socket, "-f", "/dev/null", *arguments],
                                capture_output=True, text=True, timeout=HARD, check=True)
        return result.stdout

    def __enter__(self):
        self._tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS),
                   " ".join(self._command))
        self._pid = int(self._tmux("display-message", "-p", "#{pane_pid}"))
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], timeout=HARD, check=False,
                       capture_output=True)
        self._directory.cleanup()

    def text(self, text):
        self._tmux("send-keys", "-l", "--", text)

    def keys(self, *names):
        self._tmux("send-keys", *names)

    def screen(self):
        """The rows, the one with the cursor last: what is below it is blank."""
        row, *rows = self._tmux("display-message", "-p", "#{cursor_y}", ";",
                                "capture-pane", "-p").split("\n")
        return rows[:int(row) + 1]

    def column(self):
        return int(self._tmux("display-message", "-p", "#{cursor_x}"))

    def wait(self, true, what="another screen"):
        """Wait until @true of the screen; returns that. @what: in words."""
        patience = Patience(self._pid, TIMEOUT)
        while True:
            screen = self.screen()
            if true(screen):
                return screen
            why = patience.over(screen)
            assert not why, "\n".join([f"waited for {what}: {why}; the screen is", *screen])
            time.sleep(0.02)

    def wait_row(self, row, column=None):
        """Wait until the cursor's row reads @row, and the cursor is in @column."""
        return self.wait(lambda screen: screen[-1].rstrip() == row.rstrip() and
                         column in (None, self.column()),
                         f"the row {row!r}, the cursor in column {column}")
