/*
 * kernel_abi.h - requests of Linux that are newer than the headers this must
 * compile with. Owns nothing.
 *
 * Layouts and numbers are those of the kernel's own headers, which never
 * change once released: include/uapi/linux/fs.h (PAGEMAP_SCAN since Linux
 * 6.7, Documentation/admin-guide/mm/pagemap.rst; PROCMAP_QUERY since 6.11),
 * include/uapi/linux/userfaultfd.h (UFFD_USER_MODE_ONLY since 5.11,
 * UFFDIO_CONTINUE since 5.13, UFFDIO_MOVE since 6.8). Whether the running
 * kernel has them is found out by asking.
 */
#ifndef CSH_SHADOW_KERNEL_ABI_H
#define CSH_SHADOW_KERNEL_ABI_H

#include <stdint.h>
#include <sys/ioctl.h>

/* struct procmap_query: the mapping at an address, on /proc/self/maps. */
struct csh_procmap_query {
    uint64_t size;
    uint64_t query_flags;
    uint64_t query_addr;
    uint64_t vma_start, vma_end;
    uint64_t vma_flags;
    uint64_t vma_page_size;
    uint64_t vma_offset;
    uint64_t inode;
    uint32_t dev_major, dev_minor;
    uint32_t vma_name_size, build_id_size;
    uint64_t vma_name_addr, build_id_addr;
};

#define CSH_PROCMAP_QUERY _IOWR('f', 17, struct csh_procmap_query)
#define CSH_PROCMAP_READABLE 0x01u
#define CSH_PROCMAP_WRITABLE 0x02u
#define CSH_PROCMAP_EXECUTABLE 0x04u
#define CSH_PROCMAP_SHARED 0x08u
#define CSH_PROCMAP_COVERING_OR_NEXT 0x10u

/* struct page_region and struct pm_scan_arg: kinds of pages in a range, on
 * /proc/self/pagemap. A page counts if (its categories ^ inverted) has all of
 * `mask` and one of `anyof_mask`. */
struct csh_page_region {
    uint64_t start, end;
    uint64_t categories;
};

struct csh_pagemap_scan {
    uint64_t size;
    uint64_t flags;
    uint64_t start, end;
    uint64_t walk_end;
    uint64_t vec, vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};

#define CSH_PAGEMAP_SCAN _IOWR('f', 16, struct csh_pagemap_scan)
#define CSH_PAGE_IS_FILE (1u << 2)
#define CSH_PAGE_IS_PRESENT (1u << 3)
#define CSH_PAGE_IS_SWAPPED (1u << 4)
#define CSH_PAGE_IS_PFNZERO (1u << 5)

/* One entry of /proc/self/pagemap when it is read. */
#define CSH_PAGEMAP_FILE (UINT64_C(1) << 61)
#define CSH_PAGEMAP_SWAPPED (UINT64_C(1) << 62)
#define CSH_PAGEMAP_PRESENT (UINT64_C(1) << 63)

/* struct uffdio_api, uffdio_range, uffdio_register, uffdio_continue; and
 * uffdio_copy and uffdio_move, which are alike. */
struct csh_uffdio_api {
    uint64_t api, features, ioctls;
};

struct csh_uffdio_continue {
    uint64_t start, bytes;
    uint64_t mode;
    int64_t mapped;
};

struct csh_uffdio_range {
    uint64_t start, bytes;
};

struct csh_uffdio_register {
    struct csh_uffdio_range range;
    uint64_t mode;
    uint64_t ioctls;
};

struct csh_uffdio_transfer {
    uint64_t to, from;
    uint64_t bytes;
    uint64_t mode;
    int64_t done; /* bytes, or a negative errno */
};

/* struct uffd_msg: what is read from the descriptor. */
struct csh_uffd_message {
    uint8_t event;
    uint8_t reserved[7];
    union {
        uint32_t child; /* of a fork: the child's userfaultfd */
        uint64_t words[3];
    } argument;
};

#define CSH_UFFD_API UINT64_C(0xaa)
#define CSH_UFFD_USER_MODE_ONLY 1
#define CSH_UFFD_FEATURE_EVENT_FORK (UINT64_C(1) << 1)
#define CSH_UFFD_FEATURE_MOVE (UINT64_C(1) << 16)
#define CSH_UFFD_EVENT_FORK 0x13
#define CSH_UFFDIO_MISSING UINT64_C(1)
#define CSH_UFFDIO_DONTWAKE UINT64_C(1)
#define CSH_UFFDIO_ALLOW_HOLES UINT64_C(2)
#define CSH_UFFDIO_REGISTER _IOWR(0xaa, 0x00, struct csh_uffdio_register)
#define CSH_UFFDIO_UNREGISTER _IOR(0xaa, 0x01, struct csh_uffdio_range)
#define CSH_UFFDIO_WAKE _IOR(0xaa, 0x02, struct csh_uffdio_range)
#define CSH_UFFDIO_COPY _IOWR(0xaa, 0x03, struct csh_uffdio_transfer)
#define CSH_UFFDIO_MOVE _IOWR(0xaa, 0x05, struct csh_uffdio_transfer)
#define CSH_UFFDIO_API _IOWR(0xaa, 0x3f, struct csh_uffdio_api)
#define CSH_UFFDIO_CONTINUE _IOWR(0xaa, 0x07, struct csh_uffdio_continue)

/* include/uapi/linux/mempolicy.h */
#define CSH_MPOL_F_ADDR 2ul
#define CSH_MPOL_F_MEMS_ALLOWED 4ul

#endif
