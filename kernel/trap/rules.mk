# SPDX-License-Identifier: MIT
#
# Exceptions.

$(eval $(call room,kernel/trap,kernel))
