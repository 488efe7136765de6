// SPDX-License-Identifier: MIT
/*
 * The end of a boot that cannot go on: in words on the console, and in registers.
 * Runs with the MMU off, whenever after .bss was cleared; also on the host. May not use: absolute
 * addresses, pointers in static data.
 */
#include <pagoda/arch.h>
#include <pagoda/format.h>
#include <pagoda/serial.h>
#include <pagoda/start.h>
#include <pagoda/string.h>

void boot_fail(const struct boot_handoff *handoff, const struct stop *stop)
{
	char reason[STOP_TEXT_MAX], line[STOP_TEXT_MAX + 32];
	u64 console = handoff->facts.console.value;

	if (console != 0) {
		struct serial_kind kind = handoff->facts.console_kind;
		volatile void *registers = (volatile void *)(uintptr_t)console;

		stop_describe(stop, reason, sizeof(reason));
		format(line, sizeof(line), "pagoda: cannot boot: %s\n", reason);
		serial_enable(kind, registers);
		serial_write(kind, registers, line, strlen(line));
	}
	cpu_halt(stop->code, stop->value, stop->limit, stop->extra);
}
