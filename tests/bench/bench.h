/*
 * bench.h - what the benchmarks share: the two ways to an entry of the
 * driver, and a fair comparison of them.
 */
#ifndef BENCH_H
#define BENCH_H

/* The two addresses of one entry in one process. */
struct bench_entry {
    void *wrapper; /* what the program gets from dlsym: the shim's */
    void *direct;  /* what libcuda.so.1 itself defines */
};

/* Looks the symbol up. Ends the program with status 1 and a line on stderr
 * if there is no driver or no such entry, or if the shim is not in front. */
struct bench_entry bench_find(const char *symbol);

/* Makes n calls of the function. */
typedef void bench_repeat(void *function, unsigned n);

/* Launches, of the entry cuLaunchKernel. */
void bench_launch(void *function, unsigned n);

/* Nanoseconds that one call takes longer through the wrapper: the median over
 * many rounds, in each of which both ways are timed, in changing order. */
double bench_overhead_ns(bench_repeat *repeat,
                         const struct bench_entry *entry);

/* The program's own way to an entry, as dlsym answers. Ends the program with a
 * line on stderr if there is none. */
void *bench_look_up(const char *symbol);

/* Ends the program with a line on stderr unless the CUresult is success. */
void bench_check(int result, const char *what);

/* The middle one of n, which are sorted by this. */
double bench_median(double *values, int n);

/* "NAME VALUE UNIT" on stdout. */
void bench_print(const char *name, double value, const char *unit);

#endif
