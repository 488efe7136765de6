# SPDX-License-Identifier: MIT
"""As much of GDB's remote serial protocol as it takes to move a CPU behind its back. Source: the
GDB manual, appendix "GDB Remote Serial Protocol".
"""
import re

from machine import TIMEOUT
from patience import wait_readable

REGISTERS = {**{f"x{i}": i for i in range(31)}, "sp": 31, "pc": 32}
INTERRUPT = b"\x03"
CHUNK = 1024  # bytes; as hex digits they fit into a packet of QEMU's
WORD = 4  # bytes in an instruction, which is what a breakpoint is for


class Gdb:
    """A debugger on the gdbstub of @machine, whose CPU it stops at once. At the prompt that sleeps,
    wherever its PC is set to: a byte ends the sleep, of a kind that the line editor ignores.
    """

    def __init__(self, machine):
        self._socket, self._pid = machine.gdb, machine.pid
        self._received = b""
        self._system = {}
        self.stop()
        # QEMU lets registers be written only by a debugger that has asked how they are laid out.
        self._request(b"qXfer:features:read:target.xml:0,ffb")
        machine.send("\0")

    def stop(self):
        """Take the CPU from what it does. Returns the debugger."""
        self._socket.sendall(INTERRUPT)
        assert self._reply().startswith(b"T02"), "SIGINT expected"
        return self

    def _reply(self):
        while not (match := re.search(rb"\$([^#]*)#[0-9a-f]{2}", self._received)):
            why = wait_readable(self._socket, self._pid, TIMEOUT)
            assert not why, f"waited for an answer of the gdbstub, have {self._received}: {why}"
            more = self._socket.recv(1 << 16)
            assert more, "the gdbstub has gone"
            self._received += more
        self._received = self._received[match.end():]
        self._socket.sendall(b"+")
        return match.group(1)

    def _send(self, packet):
        self._socket.sendall(b"$%s#%02x" % (packet, sum(packet) % 256))

    def _request(self, packet):
        self._send(packet)
        reply = self._reply()
        assert reply and not reply.startswith(b"E"), f"{packet}: {reply}"
        return reply

    def read(self, register):
        return int.from_bytes(bytes.fromhex(self._request(b"p%x" % REGISTERS[register]).decode()),
                              "little")

    def read_system(self, name):
        """A system register by the name that QEMU's description has for it."""
        if not self._system:
            text = b""
            while not text.endswith(b"</feature>"):
                text += self._request(b"qXfer:features:read:system-registers.xml:%x,ff0"
                                      % len(text))[1:]
            self._system = {match[1].decode(): int(match[2]) for match in re.finditer(
                rb'name="(\w+)"[^>]*regnum="(\d+)"', text)}
        return int.from_bytes(bytes.fromhex(
            self._request(b"p%x" % self._system[name]).decode()), "little")

    def write(self, **registers):
        for name, value in registers.items():
            assert self._request(b"P%x=%s" % (REGISTERS[name], value.to_bytes(
                8, "little").hex().encode())) == b"OK"

    def write_memory(self, address, data):
        """Through the MMU as it is now, permissions ignored."""
        assert self._request(b"M%x,%x:%s" % (address, len(data), data.hex().encode())) == b"OK"

    def write_physical(self, address, data):
        """To physical memory, whatever the MMU maps."""
        assert self._request(b"Qqemu.PhyMemMode:1") == b"OK"
        for start in range(0, len(data), CHUNK):
            self.write_memory(address + start, data[start:start + CHUNK])
        assert self._request(b"Qqemu.PhyMemMode:0") == b"OK"

    def step(self):
        """Let the CPU execute one instruction."""
        self._send(b"s")
        assert self._reply().startswith(b"T05"), "SIGTRAP expected"

    def mrs(self, op0, op1, crn, crm, op2):
        """A system register, read by the CPU itself at the level that it is at."""
        pc, x0 = self.read("pc"), self.read("x0")
        before = bytes.fromhex(self._request(b"m%x,%x" % (pc, WORD)).decode())
        instruction = 0xD5200000 | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5
        self.write_memory(pc, instruction.to_bytes(WORD, "little"))
        self.step()
        assert self.read("pc") == pc + WORD, "MRS is trapped"
        value = self.read("x0")
        self.write_memory(pc, before)
        self.write(pc=pc, x0=x0)
        return value

    def run_to(self, *addresses):
        """Let the CPU run until its PC is one of @addresses. Returns which."""
        for address in addresses:
            assert self._request(b"Z1,%x,%x" % (address, WORD)) == b"OK"
        self.go_on()
        assert self._reply().startswith(b"T05"), "SIGTRAP expected"
        for address in addresses:
            assert self._request(b"z1,%x,%x" % (address, WORD)) == b"OK"
        return self.read("pc")

    def go_on(self):
        """Let the CPU run, from where its PC now is."""
        self._send(b"c")
