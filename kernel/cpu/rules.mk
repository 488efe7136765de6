# SPDX-License-Identifier: MIT
#
# What one CPU has, and what it does that a fault may end.

$(eval $(call room,kernel/cpu,kernel))
$(call machine_only,kernel/cpu/cpu.c)
# Once for each CPU, or each fault.
$(call compiled_with,-Os,$(wildcard kernel/cpu/*.c))
