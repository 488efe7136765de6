# SPDX-License-Identifier: MIT
#
# Handing out memory: pages, objects, areas.

$(eval $(call room,mm/alloc,kernel))
