# SPDX-License-Identifier: MIT
"""tests/patience.py: what a wait is over for, and what it is not."""
import pathlib
import re
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import patience  # noqa: E402

SPIN = [sys.executable, "-c", "while True: pass"]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(patience, "TICK", 0.05)


@pytest.fixture
def restless(monkeypatch):
    monkeypatch.setattr(patience, "STILL", 0.5)


def test_a_process_that_computes_is_waited_for_by_what_it_has_computed():
    with pytest.raises(AssertionError, match="waited for the end of .*it has computed for"):
        patience.run(SPIN, seconds=0.3)


@pytest.mark.usefixtures("restless")
def test_a_process_that_does_nothing_is_waited_for_by_the_clock():
    with pytest.raises(AssertionError, match="sleep.*it has not run, or idled, for"):
        patience.run(["sleep", "100"])


@pytest.mark.usefixtures("restless")
def test_a_process_that_only_wakes_up_now_and_then_is_waited_for_by_the_clock():
    """As the emulator of a machine that idles: its timer interrupts are no progress."""
    with pytest.raises(AssertionError, match="it has not run, or idled, for"):
        patience.run(["sh", "-c", "while sleep 0.1; do :; done"])


def test_what_is_below_a_process_counts_as_its_own():
    with pytest.raises(AssertionError, match="it has computed for"):
        patience.run(["sh", "-c", '"$@" & wait', "sh", "timeout", "20", *SPIN], seconds=0.3)


def test_a_process_kept_from_running_is_waited_for():
    """Stopped and let go on, over and over: longer by the clock than it may compute."""
    script = "import time\nwhile time.process_time() < 0.4: pass\nprint('done')"
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as running:
        waiting = patience.Patience(running.pid, 1)
        while running.poll() is None:
            for name in ("STOP", "CONT"):
                subprocess.run(["kill", f"-{name}", str(running.pid)], check=False)
                time.sleep(0.12 if name == "STOP" else 0.03)
            assert waiting.over() == ""
        assert running.stdout.read() == b"done\n"
    assert time.monotonic() - began > 1


def test_output_begins_the_wait_again():
    with subprocess.Popen(SPIN) as running:
        waiting = patience.Patience(running.pid, 0.3)
        began = time.monotonic()
        while patience.processor_time(running.pid) < 0.9:
            assert waiting.over(seen=int(20 * (time.monotonic() - began))) == ""
            time.sleep(0.01)
        while not waiting.over(seen="the same"):
            time.sleep(0.01)
        running.kill()


@pytest.mark.usefixtures("restless")
def test_what_was_said_is_in_the_message():
    with pytest.raises(AssertionError, match="last words"):
        patience.run(["sh", "-c", "echo last words; exec sleep 100"])


def test_a_command_that_ends_is_as_subprocess_has_it():
    result = patience.run(["sh", "-c", "echo out; echo err >&2; exit 3"], text=True)
    assert (result.stdout, result.stderr, result.returncode) == ("out\n", "err\n", 3)
    with pytest.raises(subprocess.CalledProcessError):
        patience.run(["false"], check=True)


def test_no_wait_in_the_tests_helpers_is_for_seconds():
    """What waits for a machine or browser does so by patience.py."""
    tests = pathlib.Path(__file__).parents[1]
    for name in ("boot/machine.py", "boot/terminal.py", "boot/gdb.py", "viewer/browser.py",
                 "viewer/captures.py"):
        text = (tests / name).read_text(encoding="utf-8")
        found = re.findall(r"timeout=(?!TICK|HARD|patience\.HARD|TIMEOUT,\n).*|deadline", text)
        assert found == [], name
