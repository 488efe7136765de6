# SPDX-License-Identifier: MIT
#
# What there is to see: report, page tables, registers, memory.

$(eval $(call room,kernel/show,kernel))
$(call machine_only,kernel/show/alloc_show.c)
