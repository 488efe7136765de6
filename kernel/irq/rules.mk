# SPDX-License-Identifier: MIT
#
# Interrupts.

$(eval $(call room,kernel/irq,kernel))
$(call compiled_with,-Os,kernel/irq/interrupt.c)
$(call machine_only,kernel/irq/interrupt.c)
