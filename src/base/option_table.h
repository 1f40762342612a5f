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
      "verify: elide what is proven unchanged; copy: no elision, pinned "    \
      "paths only; observe: change nothing, report what would have been "    \
      "elided; off: forward everything")                                     \
    X(min_bytes, MIN_BYTES, SIZE, "64K",                                     \
      "smallest copy that is looked at; smaller ones are forwarded")         \
    X(pinned_limit, PINNED_LIMIT, SIZE_OR_SHARE, "auto",                     \
      "most host memory for shadows: bytes with K, M or G, a percentage of " \
      "RAM, or auto")                                                        \
    X(proof_timeout_ms, PROOF_TIMEOUT_MS, NUMBER, "250",                     \
      "how long an offload waits for the fingerprint kernel to run before "  \
      "the program's own copy is made instead, in milliseconds")             \
    X(log, LOG, LOG, "warn",                                                 \
      "off, error, warn, info, debug or trace, then optionally a colon and " \
      "a file to append to (%p is the process id); default is stderr")       \
    X(stats, STATS, STATS, "text",                                           \
      "what is written when the process ends: text, json or off")            \
    X(stats_file, STATS_FILE, PATH, "",                                      \
      "where statistics are written (%p is the process id, %h the host "     \
      "name); default is stderr")                                            \
    X(strict, STRICT, SWITCH, "0",                                           \
      "1: a bad value makes the first use of CUDA fail instead of falling "  \
      "back to the default")

#endif
