# SPDX-License-Identifier: MIT
#
# Exceptions.

$(eval $(call room,kernel/trap,kernel))
$(call machine_only,kernel/trap/symbols.c)
# An exception is the end of something else, or of all: size pays.
$(call compiled_with,-Os,$(wildcard kernel/trap/*.c))
