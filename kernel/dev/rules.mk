# SPDX-License-Identifier: MIT
#
# Devices on the bus: windows to them, PCI, PSCI, what the FDT names.

$(eval $(call room,kernel/dev,kernel))
$(call machine_only,kernel/dev/psci.c)
# Set up once: size pays.
$(call compiled_with,-Os,$(wildcard kernel/dev/*.c))
