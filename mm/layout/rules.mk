# SPDX-License-Identifier: MIT
#
# What is where: regions of the address space, memory ranges, the linear map.

$(eval $(call built,kernel,mm/layout/words.c))
$(call unchecked,mm/layout/words.c)
$(eval $(call room,mm/layout,shared))
# The list and the linear map are made once, before memory_release_init() unmaps their code.
# With KASAN=1 the shadow's place is added to the list after it.
start_objects += $(call objects_of,mm/layout/linear.c $(if $(kasan),,mm/layout/memory_map.c))
# A few times in a boot.
$(call compiled_with,-Os,mm/layout/memory_insert.c)
