# SPDX-License-Identifier: MIT
#
# The console and its log.

$(eval $(call room,kernel/console,kernel))
