/* SPDX-License-Identifier: MIT OR Unlicense */
#define LIVE_SERVER_IMPLEMENTATION
#include "../../examples/live_server.h"
