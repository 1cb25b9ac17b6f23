/* SPDX-License-Identifier: MIT OR Unlicense */
/* A plugin for qemu's user mode: prints how many instructions ran between the first and the second call of getppid(),
 * between the third and the fourth, and so on. What qemu offers to plugins is declared here as far as it is needed: its
 * header is seldom installed. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define GETPPID 173 /* on 64-bit ARM */

struct block;
typedef void (*on_block)(uint64_t id, struct block *block);
typedef void (*on_call)(uint64_t id, unsigned cpu, int64_t number, uint64_t a, uint64_t b, uint64_t c,
                        uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, on_block callback);
void qemu_plugin_register_vcpu_tb_exec_inline(struct block *block, int operation, void *number,
                                              uint64_t value);
void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, on_call callback);
size_t qemu_plugin_tb_n_insns(const struct block *block);

extern int qemu_plugin_version;
int qemu_plugin_version = 1;

static uint64_t counted, begun;
static unsigned calls;

static void count_block(uint64_t id, struct block *block) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &counted, qemu_plugin_tb_n_insns(block)); /* 0: adds */
}

static void see_call(uint64_t id, unsigned cpu, int64_t number, uint64_t a, uint64_t b, uint64_t c,
                     uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
    (void)id, (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number != GETPPID) return;
    if (calls++ % 2) fprintf(stderr, "%" PRIu64 "\n", counted - begun);
    begun = counted;
}

int qemu_plugin_install(uint64_t id, const void *about, int count, char **options);

int qemu_plugin_install(uint64_t id, const void *about, int count, char **options) {
    (void)about, (void)count, (void)options;
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    qemu_plugin_register_vcpu_syscall_cb(id, see_call);
    return 0;
}
