/*
 * option_table.h - every CUSHADOW_* variable, one row each.
 *
 * X(field, NAME, KIND, default as text, help). The parser, the struct, the
 * list that `cushadow options` prints, README's table and the tests of the
 * defaults all come from here. KIND is one of options.h's kinds.
 */
#ifndef CSH_BASE_OPTION_TABLE_H
#define CSH_BASE_OPTION_TABLE_H

#define CSH_OPTIONS(X)                                                       \
    X(mode, MODE, MODE, "verify",                                            \
      "verify: elide what is proven unchanged; trust: the same, but what a " \
      "rule other than learn, or the program itself, says is a weight is "   \
      "not read at the first offload after an upload: what was written to "  \
      "it in VRAM is dropped; copy: no elision, pinned paths only; observe: "\
      "change nothing, report what would have been elided; off: forward "    \
      "everything")                                                          \
    X(host, HOST, HOST, "alias",                                             \
      "how an offload fills the program's buffer: alias: by mapping the "    \
      "shadow's pages there wherever that is proven safe, else by copying; " \
      "copy: always by copying, and the program's allocations and calls of " \
      "madvise are left alone")                                              \
    X(min_bytes, MIN_BYTES, SIZE, "64K",                                     \
      "smallest copy that is looked at; smaller ones are forwarded")         \
    X(ram_limit, RAM_LIMIT, SIZE_OR_SHARE, "auto",                           \
      "most host memory for shadows, pinned or not, as a size or a "         \
      "percentage of RAM; auto follows the memory that is free; never more " \
      "than the machine and its cgroups have left")                          \
    X(pinned_limit, PINNED_LIMIT, SIZE_OR_SHARE, "auto",                     \
      "most of it that is pinned, that is, registered with the driver; what " \
      "may not be pinned is a shadow all the same, only slower")             \
    X(proof_timeout_ms, PROOF_TIMEOUT_MS, NUMBER, "250",                     \
      "how long an offload waits for the fingerprint kernel to run before "  \
      "the program's own copy is made instead, in milliseconds")             \
    X(weights, WEIGHTS, WEIGHTS, "learn",                                    \
      "which uploads are weights: those that are offloaded later (learn), "  \
      "every one (all), those from a mapping of a file (file=), those of a " \
      "tensor of a safetensors or GGUF file, or of a model folder "          \
      "(manifest=); within bounds (min=, max=)")                             \
    X(capture, CAPTURE, CAPTURE, "upload",                                   \
      "when a registered weight is captured: upload: on its way to the "     \
      "device; offload: at its first offload, as one that is learned; "      \
      "background: copied at the upload, and fingerprinted by a thread of "  \
      "the shim's afterwards")                                               \
    X(adopt, ADOPT, SWITCH, "0",                                             \
      "1: memory that a captured upload came from becomes a mapping of its " \
      "shadow, so that a program that keeps its copy has it in RAM once; "   \
      "needs Linux 6.8 and CAP_SYS_PTRACE, for userfaultfd")                 \
    X(cohort, COHORT, SWITCH, "0",                                           \
      "1: one fingerprint launch proves a burst of offloads; a weaker "      \
      "contract, which holds for programs that write device memory only "    \
      "through calls that the shim sees (no write except through "           \
      "intercepted calls; NVIDIA's runtime is taken not to write through "   \
      "the private tables that it starts with)")                             \
    X(vram_keep, VRAM_KEEP, SIZE_OR_SHARE, "0",                              \
      "most device memory that keeps weights which the program has freed, "  \
      "so that they need not cross the link when they are loaded again, as " \
      "a size or a percentage of the device's memory; auto: what is free, "  \
      "less the larger of 1 GiB and a tenth; 0: none")                       \
    X(threads, THREADS, THREADS, "auto",                                     \
      "threads that copy and fingerprint one large range, the calling one "  \
      "included; auto: three quarters of the processors it may use, 1 to "   \
      "8, which keep up with the fastest link; 1: no thread is made")        \
    X(log, LOG, LOG, "warn",                                                 \
      "what is logged, then optionally a colon and a file to append to (%p " \
      "is the process id, %h the host name) instead of stderr")              \
    X(stats, STATS, STATS, "text",                                           \
      "what is written when the process ends: text is one line, or a table " \
      "if it goes to a file or the log level is info or above; off: "        \
      "nothing, and nothing is counted")              \
    X(stats_file, STATS_FILE, PATH, "",                                      \
      "where statistics are written, %p and %h as above; text is appended, " \
      "json replaces what was there; by default they go where the log goes") \
    X(trace, TRACE, PATH, "",                                                \
      "a file that tells of each copy that is looked at, and of each proof " \
      "and capture, as it happens: a Chrome trace, which Perfetto opens; %p "\
      "and %h as above; what was there is replaced; none by default")        \
    X(trace_limit, TRACE_LIMIT, SIZE, "64M",                                 \
      "most bytes of that file, but at least 64K; it then says so, and how " \
      "many events it has left out")                                         \
    X(live, LIVE, SWITCH, "1",                                               \
      "1: the figures are shared in a page of memory that cushadow top and " \
      "cushadow stat read, as long as the process lives; 0, or "             \
      "CUSHADOW_STATS=off: they are not")                                    \
    X(strict, STRICT, SWITCH, "0",                                           \
      "1: a bad value makes the first use of CUDA fail instead of falling "  \
      "back to the default")

#endif
