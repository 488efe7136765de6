# SPDX-License-Identifier: MIT
"""A machine under firmware, stopped at an instruction of the Image, wherever firmware has put that;
what is in its RAM and registers then; and from there on its log of every instruction. For
scripts/discipline: firmware executes a thousand times as much as the Image.

The Image that firmware loads has a branch to itself at that instruction. QEMU's debugger stub gives
the system registers, and writes the instruction back.
"""
import json
import pathlib
import re
import socket
import struct
import time

LOOP = 0x14000000  # b .
TIMEOUT = 120  # seconds until firmware has come to the Image
LOG = "cpu,in_asm,int,nochain"


class NotReached(Exception):
    """Firmware has not come to the Image."""


def connect(path):
    """A socket of a QEMU that is starting."""
    connection = socket.socket(socket.AF_UNIX)
    for _ in range(200):
        try:
            connection.connect(str(path))
            connection.settimeout(TIMEOUT)
            return connection
        except OSError:
            time.sleep(0.05)
    raise NotReached(f"QEMU does not answer at {path}")


class Monitor:
    """QEMU's monitor, through QMP."""

    def __init__(self, path):
        self._file = connect(path).makefile("rw", encoding="utf-8")
        self._file.readline()
        self._command({"execute": "qmp_capabilities"})

    def _command(self, command):
        self._file.write(json.dumps(command) + "\n")
        self._file.flush()
        while True:
            line = self._file.readline()
            if not line:
                raise NotReached("QEMU has ended")
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise NotReached(answer["error"]["desc"])

    def say(self, line):
        return self._command({"execute": "human-monitor-command",
                              "arguments": {"command-line": line}})


class Debugger:
    """As much of GDB's remote protocol as is needed."""

    def __init__(self, path):
        self._connection = connect(path)
        self._buffer = b""

    def _byte(self):
        if not self._buffer:
            self._buffer = self._connection.recv(65536)
            if not self._buffer:
                raise NotReached("QEMU's debugger stub has ended")
        byte, self._buffer = self._buffer[:1], self._buffer[1:]
        return byte

    def ask(self, packet):
        data = packet.encode()
        self._connection.sendall(b"$" + data + b"#%02x" % (sum(data) % 256))
        while self._byte() != b"$":
            pass
        answer = b""
        while (byte := self._byte()) != b"#":
            answer += byte
        self._byte(), self._byte()
        self._connection.sendall(b"+")
        return answer.decode("latin-1")

    def description(self, name):
        text, offset = "", 0
        while True:
            part = self.ask(f"qXfer:features:read:{name}:{offset:x},ffb")
            text, offset = text + part[1:], offset + len(part) - 1
            if part[:1] != "m":
                return text

    def system_registers(self):
        """{name in small letters: value}."""
        self.description("target.xml")
        found = {}
        for line in re.findall(r"<reg [^>]*>", self.description("system-registers.xml")):
            name = re.search(r'name="(\w+)"', line)[1].lower()
            number = int(re.search(r'regnum="(\d+)"', line)[1])
            value = self.ask(f"p{number:x}")
            if re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{16}", value):
                found[name] = int.from_bytes(bytes.fromhex(value), "little")
        return found

    def write(self, address, data):
        if self.ask(f"M{address:x},{len(data):x}:{data.hex()}") != "OK":
            raise NotReached(f"the instruction at {address:#x} cannot be written back")

    def leave(self):
        """The machine goes on."""
        self.ask("D")


def with_loop(data, offset):
    """The Image @data with a branch to itself at @offset."""
    return data[:offset] + struct.pack("<I", LOOP) + data[offset + 4:]


def wait(monitor, offset):
    """The address at which the machine loops: that of the instruction at @offset of the Image."""
    end, before = time.monotonic() + TIMEOUT, None
    while time.monotonic() < end:
        found = re.search(r"PC=([0-9a-f]{16})", monitor.say("info registers"))
        pc = int(found[1], 16)
        if pc == before and pc % 4096 == offset % 4096 and \
                f"{LOOP:#010x}" in monitor.say(f"x /1xw {pc:#x}"):
            return pc
        before = pc
        time.sleep(0.2)
    raise NotReached(f"firmware did not come to the Image within {TIMEOUT} seconds")


def take_over(folder, stop, ram, log, old):
    """Stop the machine whose sockets are in @folder at @stop, (offset in the Image, word there);
    put the word back, and let it go on with @log logged. @ram: (start, size); @old: QEMU before
    8.1. (where the Image lies, a file of its RAM, {register: value})."""
    offset, word = stop
    monitor = Monitor(folder / "monitor")
    pc = wait(monitor, offset)
    monitor.say("stop")
    snapshot = pathlib.Path(folder) / "ram"
    monitor.say(f'pmemsave {ram[0]:#x} {ram[1]:#x} "{snapshot}"')
    with open(snapshot, "r+b") as file:
        file.seek(pc - ram[0])
        file.write(word)
    debugger = Debugger(folder / "debugger")
    debugger.ask("?")
    registers = debugger.system_registers()
    debugger.write(pc, word)
    monitor.say("singlestep on" if old else "one-insn-per-tb on")
    monitor.say(f"log {log}")
    debugger.leave()
    return pc - offset, snapshot, registers
