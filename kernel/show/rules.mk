# SPDX-License-Identifier: MIT
#
# What there is to see: report, page tables, registers, memory.

$(eval $(call room,kernel/show,kernel))
# What calls EL2.
$(call machine_only,kernel/show/hyp.c)

# A person reads it: it is to be small, not fast.
$(call compiled_with,-Os,$(wildcard kernel/show/*.c))
