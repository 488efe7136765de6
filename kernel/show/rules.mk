# SPDX-License-Identifier: MIT
#
# What there is to see: report, page tables, registers, memory.

$(eval $(call room,kernel/show,kernel))
# What calls EL2.
$(call machine_only,kernel/show/hyp.c)
