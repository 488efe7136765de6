# SPDX-License-Identifier: MIT
#
# Handing out memory: pages, objects, areas.

$(call kasan_only,mm/alloc/kasan.c)
$(eval $(call room,mm/alloc,kernel))
$(call unchecked,mm/alloc/kasan.c)
