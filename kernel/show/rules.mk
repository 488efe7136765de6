# SPDX-License-Identifier: MIT
#
# What there is to see: report, page tables, registers, memory.

$(eval $(call room,kernel/show,kernel))
# What is shown is read by people, or sent by a UART: there size pays.
$(call compiled_with,-Os,$(wildcard kernel/show/*.c))
