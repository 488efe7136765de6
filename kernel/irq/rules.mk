# SPDX-License-Identifier: MIT
#
# Interrupts: the table, the controller's driver, the timer.

$(eval $(call room,kernel/irq,kernel))
# Nobody is in a hurry at the prompt, and a boot pays for the size of text.
$(call compiled_with,-Os,$(wildcard kernel/irq/*.c))
