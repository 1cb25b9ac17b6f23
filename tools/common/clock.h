/* SPDX-License-Identifier: MIT OR Unlicense */
/* A clock for waiting. */
#ifndef TOOLS_CLOCK_H
#define TOOLS_CLOCK_H

#include <stdint.h>

/* Milliseconds that never go back. */
int64_t steady_ms(void);

#endif
