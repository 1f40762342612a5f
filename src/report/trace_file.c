/*
 * trace_file.c - see trace_file.h.
 *
 * Owns the descriptor, the number of whole bytes behind it, and the number of
 * events left out. A write that was given up half way (a full disk, a limit on
 * file sizes) is cut off again, and nothing more is tried: so the file always
 * ends behind a whole event, unless the process is killed inside the write.
 */
#include "report/trace_file.h"

#include <errno.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/output.h"
#include "report/trace_table.h"

/* For what the file says of itself: one event of being full, one of its end,
 * and 64 powers of two, each of less than 200 bytes. */
#define KEPT_BYTES (UINT64_C(16) << 10)

#define CSH_X(id_, name_) name_,
static const char *const names[] = {CSH_TRACE_NAMES(CSH_X)};
#undef CSH_X

static struct csh_lock lock = CSH_LOCK_INIT(CSH_RANK_LEAF);
static struct csh_output output CSH_GUARDED_BY(lock) = {.fd = -1};
static uint64_t n_whole CSH_GUARDED_BY(lock);    /* bytes */
static uint64_t most_bytes CSH_GUARDED_BY(lock); /* without what is kept */
static uint64_t n_left_out CSH_GUARDED_BY(lock); /* events */
static bool is_full CSH_GUARDED_BY(lock);
static bool is_over CSH_GUARDED_BY(lock);
static pid_t owner; /* set before anybody else comes here */

static struct csh_trace_head head_of(enum csh_trace_name name,
                                     const char *phase, uint64_t now_ns)
{
    return (struct csh_trace_head){
        .name = names[name],
        .category = CSH_TRACE_OF_TRACE,
        .phase = phase,
        .at_ns = now_ns,
        .process = (uint64_t)owner,
    };
}

static void write_whole(const char *text, size_t n_bytes) CSH_REQUIRES(lock)
{
    if (is_over || csh_output_write(&output, text, n_bytes)) {
        n_whole += is_over ? 0 : n_bytes;
        return;
    }
    is_over = true;
    (void)csh_output_cut(&output, n_whole);
    csh_warn("trace", "the trace file takes no more; the trace ends after "
             "%llu bytes", (unsigned long long)n_whole);
}

static void say_left_out(uint64_t now_ns) CSH_REQUIRES(lock)
{
    const struct csh_trace_head head =
        head_of(CSH_TRACE_NAME_dropped, "C", now_ns);
    struct csh_trace_block block;

    csh_trace_block_begin(&block);
    csh_trace_put_counter(&block, &head, "events", n_left_out);
    write_whole(block.text, block.n_bytes);
}

static void say_full(uint64_t now_ns) CSH_REQUIRES(lock)
{
    const struct csh_trace_head head =
        head_of(CSH_TRACE_NAME_full, "i", now_ns);
    struct csh_trace_writer writer;
    struct csh_trace_block block;

    csh_trace_block_begin(&block);
    csh_trace_begin_event(&writer, &block, &head);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_number(&writer, "most_bytes", most_bytes + KEPT_BYTES);
    csh_trace_put_text(&writer, "variable", "CUSHADOW_TRACE_LIMIT");
    csh_trace_end_event(&writer);
    write_whole(block.text, block.n_bytes);
}

/* Says so whenever the number has a bit more than it had. */
static void leave_out(unsigned n_events, uint64_t now_ns) CSH_REQUIRES(lock)
{
    uint64_t n_before = n_left_out;

    n_left_out += n_events;
    if ((n_before ^ n_left_out) > n_before) {
        say_left_out(now_ns);
    }
}

bool csh_trace_file_open(const char *pattern, uint64_t most,
                         const struct csh_trace_block *first)
{
    char path[CSH_PATH_BYTES];
    struct csh_output opened;

    if (!csh_output_expand(pattern, path, sizeof(path))) {
        csh_warn("trace", "the trace file's name is too long; there is no "
                 "trace");
        return false;
    }
    if (!csh_output_claim(path, &opened)) {
        csh_warn("trace", "%s the trace file %.200s: %m; there is no trace%s",
                 errno == EWOULDBLOCK ? "another process writes" :
                 "cannot open", path, errno == EWOULDBLOCK ?
                 " (%p in the name is the process id)" : "");
        return false;
    }
    most = most > CSH_TRACE_LEAST_BYTES ? most : CSH_TRACE_LEAST_BYTES;
    owner = getpid();
    csh_lock_acquire(&lock);
    output = opened;
    most_bytes = most - KEPT_BYTES;
    write_whole("[", 1);
    write_whole(first->text + 1, first->n_bytes - 1); /* no comma */
    csh_lock_release(&lock);
    return true;
}

bool csh_trace_file_put(const struct csh_trace_block *block, uint64_t now_ns)
{
    bool goes_on;

    if (getpid() != owner) {
        return true;
    }
    csh_lock_acquire(&lock);
    if (!is_full && (block->n_bytes > most_bytes - n_whole)) {
        is_full = true;
        say_full(now_ns);
    }
    if (!is_full) {
        write_whole(block->text, block->n_bytes);
    }
    leave_out(block->n_left_out + (is_full ? block->n_events : 0), now_ns);
    goes_on = !is_over;
    csh_lock_release(&lock);
    return goes_on;
}

bool csh_trace_file_refuses(unsigned n_events, uint64_t now_ns)
{
    bool refuses;

    if (getpid() != owner) {
        return true;
    }
    csh_lock_acquire(&lock);
    refuses = is_full || is_over;
    if (refuses && !is_over) {
        leave_out(n_events, now_ns);
    }
    csh_lock_release(&lock);
    return refuses;
}

void csh_trace_file_close(uint64_t now_ns)
{
    const struct csh_trace_head head =
        head_of(CSH_TRACE_NAME_end, "i", now_ns);
    struct csh_trace_writer writer;
    struct csh_trace_block block;

    if (getpid() != owner) {
        return;
    }
    csh_trace_block_begin(&block);
    csh_lock_acquire(&lock);
    csh_trace_begin_event(&writer, &block, &head);
    csh_trace_begin_arguments(&writer);
    csh_trace_put_number(&writer, "left_out", n_left_out);
    csh_trace_end_event(&writer);
    write_whole(block.text, block.n_bytes);
    write_whole("\n]\n", 3);
    is_over = true;
    csh_output_close(&output);
    csh_lock_release(&lock);
}
