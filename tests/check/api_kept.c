/*
 * api_kept.c - the interface of cushadow.h as it was promised, said a second
 * time. What is here stays: lines are only added. Compiled against the header,
 * where whatever differs is an error; the names of functions, one a line, are
 * read by t_api.sh and t_object.sh, which hold them against the object.
 */
#define CUSHADOW_IMPLEMENTATION
#include <cushadow.h>

typedef void cushadow_figure_fn(const char *, const char *, uint64_t, void *);

extern unsigned cushadow_version(void);
extern const char *cushadow_strerror(int);
extern enum cushadow_result cushadow_register_device(
    uint64_t, size_t, const char *, const char *, unsigned);
extern enum cushadow_result cushadow_register_host(
    const void *, size_t, const char *, const char *, unsigned);
extern enum cushadow_result cushadow_unregister_device(uint64_t);
extern enum cushadow_result cushadow_unregister_host(const void *);
extern enum cushadow_result cushadow_statistics(cushadow_figure_fn *, void *);
extern enum cushadow_result cushadow_pause(void);
extern enum cushadow_result cushadow_resume(void);

#define KEPT(name_, value_) _Static_assert((name_) == (value_), #name_)
KEPT(CUSHADOW_OK, 0);
KEPT(CUSHADOW_ABSENT, 1);
KEPT(CUSHADOW_INACTIVE, 2);
KEPT(CUSHADOW_INVALID, 3);
KEPT(CUSHADOW_UNKNOWN, 4);
KEPT(CUSHADOW_OVERLAP, 5);
KEPT(CUSHADOW_FULL, 6);
KEPT(sizeof(enum cushadow_result), sizeof(int));
KEPT(CUSHADOW_IMMUTABLE, 1);
KEPT(CUSHADOW_NAME_BYTES, 1024);
