# SPDX-License-Identifier: MIT
#
# Exceptions.

$(call kasan_only,kernel/trap/kasan.c)
$(eval $(call room,kernel/trap,kernel))
$(call unchecked,$(wildcard kernel/trap/*.c))
$(call machine_only,kernel/trap/symbols.c)
