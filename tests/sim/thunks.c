/*
 * thunks.c - a second address for every entry point, for
 * SIMCUDA_RESOLVER=other: a driver whose cuGetProcAddress answers with other
 * addresses than dlsym finds. Each thunk is one jump, so arguments of any
 * number and type pass through it. Read-only.
 */
#include "entries.h"

#if defined(__x86_64__)
#define SIM_JUMP "jmp "
#define SIM_TARGET(symbol_) #symbol_ "@PLT"
#elif defined(__aarch64__)
#define SIM_JUMP "b "
#define SIM_TARGET(symbol_) #symbol_
#else
#error "write the jump of this processor here"
#endif

#define SIM_THUNK(symbol_, base_, since_, flavour_, pfn_) \
    "sim_thunk_" #symbol_ ": " SIM_JUMP SIM_TARGET(symbol_) "\n"
#define SIM_THUNK_ADDRESS(symbol_, base_, since_, flavour_, pfn_) \
    ".quad sim_thunk_" #symbol_ "\n"

__asm__(".text\n"
        ".p2align 4\n" SIM_ENTRIES(SIM_THUNK)
        ".section .data.rel.ro,\"aw\"\n"
        ".p2align 3\n"
        ".globl sim_thunks\n"
        ".hidden sim_thunks\n"
        "sim_thunks:\n" SIM_ENTRIES(SIM_THUNK_ADDRESS)
        ".text\n");
