# SPDX-License-Identifier: MIT
#
# Exceptions.

$(call kasan_only,kernel/trap/kasan.c)
$(eval $(call room,kernel/trap,kernel))
$(call unchecked,$(wildcard kernel/trap/*.c))
$(call machine_only,kernel/trap/symbols.c)
# An exception is the end of something else, or of all: size pays.
$(call compiled_with,-Os,$(wildcard kernel/trap/*.c))
