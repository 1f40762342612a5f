/*
 * fuzz_model.c - the model's programs, chosen by a fuzzer's bytes.
 *
 * Each choice of an operation takes as many bytes of the input as it needs;
 * the world ends with the input. A wrong byte or result aborts, and the
 * fuzzer keeps the input. Build in the build folder, without the shim in it:
 *
 *   clang -g -O1 -std=gnu11 -D_GNU_SOURCE -D__CUDA_API_VERSION_INTERNAL \
 *     -fsanitize=fuzzer -I$CUDA/include -I$SRC/src -o fuzz_model \
 *     $SRC/tests/model/fuzz_model.c $SRC/tests/model/model_[!t]*.c \
 *     $SRC/tests/cycle/program.c -ldl -lpthread
 *
 * and run on the simulated driver, with the shim or without it:
 *
 *   mkdir -p corpus
 *   CYCLE_SHIM=1 CUSHADOW_PROOF_TIMEOUT_MS=20000 \
 *     LD_LIBRARY_PATH=tests/sim/.libs LD_PRELOAD=.libs/libcushadow.so \
 *     ./fuzz_model -max_len=4096 -max_total_time=600 -detect_leaks=0 corpus
 *
 * `fuzz_model CRASH-FILE` makes a kept input again.
 *
 * Driver and shim live as long as the process, so what an input meets may
 * depend on the inputs before it: a crash that its file alone does not make
 * again needs the corpus before it.
 */
#include "model.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    model_aborts = true;
    model_start();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static struct model_world world;

    memset(&world, 0, sizeof(world));
    world.n_worlds = 1;
    world.source.bytes = bytes;
    world.source.n_bytes = n_bytes;
    model_open(&world);
    while (!world.is_over) {
        model_step(&world);
    }
    model_check_all(&world);
    model_close(&world);
    return 0;
}
