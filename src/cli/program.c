/*
 * program.c - see program.h. Owns the mapping of a file while it is read.
 */
#include "cli/program.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __aarch64__
#define OUR_MACHINE EM_AARCH64
#else
#define OUR_MACHINE EM_X86_64
#endif

/* Scripts of scripts: as deep as Linux follows them. */
#define MAX_DEPTH 4

struct file {
    const unsigned char *bytes;
    size_t n_bytes;
};

bool csh_program_find(const char *name, char *file_p)
{
    const char *path = getenv("PATH");

    if (strchr(name, '/') != NULL) {
        return snprintf(file_p, PATH_MAX, "%s", name) < PATH_MAX;
    }
    while (path != NULL) {
        int n = (int)strcspn(path, ":");

        if (snprintf(file_p, PATH_MAX, "%.*s/%s", n, path, name) <
                PATH_MAX && access(file_p, X_OK) == 0) {
            return true;
        }
        path = path[n] == ':' ? path + n + 1 : NULL;
    }
    return false;
}

bool csh_program_is_static(int fd)
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    unsigned i;

    if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_phentsize != sizeof(segment)) {
        return false;
    }
    for (i = 0; i < header.e_phnum; ++i) {
        if (pread(fd, &segment, sizeof(segment),
                  (off_t)(header.e_phoff + i * sizeof(segment))) !=
                sizeof(segment) || segment.p_type == PT_INTERP) {
            return false;
        }
    }
    return true;
}

/* --- inside of an ELF file ------------------------------------------- */

static bool copy_from(const struct file *file, uint64_t offset, void *to,
                      size_t n_bytes)
{
    if (offset > file->n_bytes || file->n_bytes - offset < n_bytes) {
        return false;
    }
    memcpy(to, file->bytes + offset, n_bytes);
    return true;
}

/* A string in the file; "" if it does not end there, or is longer than any
 * path. */
static const char *string_at(const struct file *file, uint64_t offset)
{
    uint64_t room = offset < file->n_bytes ? file->n_bytes - offset : 0;

    room = room < PATH_MAX ? room : PATH_MAX;
    if (room == 0 || memchr(file->bytes + offset, '\0', room) == NULL) {
        return "";
    }
    return (const char *)file->bytes + offset;
}

static bool section_at(const struct file *file, const Elf64_Ehdr *header,
                       unsigned i, Elf64_Shdr *section_p)
{
    return i < header->e_shnum && header->e_shentsize == sizeof(*section_p) &&
           copy_from(file, header->e_shoff + i * sizeof(*section_p),
                     section_p, sizeof(*section_p));
}

static void read_linker(const struct file *file, const Elf64_Ehdr *header,
                        struct csh_program *program)
{
    Elf64_Phdr segment;
    unsigned i;

    for (i = 0; i < header->e_phnum; ++i) {
        if (copy_from(file, header->e_phoff + i * sizeof(segment), &segment,
                      sizeof(segment)) && segment.p_type == PT_INTERP) {
            snprintf(program->linker, sizeof(program->linker), "%s",
                     string_at(file, segment.p_offset));
        }
    }
}

static void read_needed(const struct file *file, const Elf64_Shdr *section,
                        const Elf64_Shdr *strings,
                        struct csh_program *program)
{
    uint64_t offset;
    Elf64_Dyn entry;
    size_t n;

    for (offset = 0; offset < section->sh_size; offset += sizeof(entry)) {
        if (!copy_from(file, section->sh_offset + offset, &entry,
                       sizeof(entry)) || entry.d_tag == DT_NULL) {
            return;
        }
        n = strlen(program->needed);
        if (entry.d_tag == DT_NEEDED) {
            snprintf(program->needed + n, sizeof(program->needed) - n, "%s ",
                     string_at(file, strings->sh_offset + entry.d_un.d_val));
        }
    }
}

static void read_symbols(const struct file *file, const Elf64_Shdr *section,
                         const Elf64_Shdr *strings,
                         struct csh_program *program)
{
    uint64_t offset;
    Elf64_Sym symbol;

    for (offset = 0; offset < section->sh_size; offset += sizeof(symbol)) {
        if (!copy_from(file, section->sh_offset + offset, &symbol,
                       sizeof(symbol))) {
            return;
        }
        if (symbol.st_shndx != SHN_UNDEF &&
            strcmp(string_at(file, strings->sh_offset + symbol.st_name),
                   "malloc") == 0) {
            program->defines_malloc = true;
        }
    }
}

/* The first of each kind: there is one, and a hostile file may have thousands
 * that name the same bytes. */
static void read_sections(const struct file *file, const Elf64_Ehdr *header,
                          struct csh_program *program)
{
    bool has_dynamic = false, has_symbols = false;
    Elf64_Shdr section, strings;
    unsigned i;

    for (i = 0; section_at(file, header, i, &section); ++i) {
        if (!section_at(file, header, section.sh_link, &strings)) {
            continue;
        }
        if (section.sh_type == SHT_DYNAMIC && !has_dynamic) {
            has_dynamic = true;
            read_needed(file, &section, &strings, program);
        } else if (section.sh_type == SHT_DYNSYM && !has_symbols) {
            has_symbols = true;
            read_symbols(file, &section, &strings, program);
        }
    }
}

/* --- any file -------------------------------------------------------- */

static void read_script(const struct file *file, struct csh_program *program)
{
    const char *text = (const char *)file->bytes + 2;
    size_t room = file->n_bytes - 2, n = 0;

    while (n < room && n < sizeof(program->linker) - 1 && text[n] != '\n' &&
           text[n] != '\0') {
        ++n;
    }
    program->kind = CSH_PROGRAM_SCRIPT;
    memcpy(program->linker, text, n);
    program->linker[n] = '\0';
}

static void read_bytes(const struct file *file, struct csh_program *program)
{
    Elf64_Ehdr header;

    if (file->n_bytes > 2 && memcmp(file->bytes, "#!", 2) == 0) {
        read_script(file, program);
    } else if (copy_from(file, 0, &header, sizeof(header)) &&
               memcmp(header.e_ident, ELFMAG, SELFMAG) == 0) {
        if (header.e_ident[EI_CLASS] != ELFCLASS64 ||
            header.e_machine != OUR_MACHINE ||
            header.e_phentsize != sizeof(Elf64_Phdr)) {
            program->kind = CSH_PROGRAM_FOREIGN;
            return;
        }
        read_linker(file, &header, program);
        read_sections(file, &header, program);
        program->kind = program->linker[0] != '\0' ? CSH_PROGRAM_DYNAMIC
                                                   : CSH_PROGRAM_STATIC;
    }
}

/* To open a device may do something, so that is not tried. */
static int open_file(const char *name)
{
    struct stat status;

    return stat(name, &status) == 0 && S_ISREG(status.st_mode)
               ? open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
               : -1;
}

void csh_program_read(const char *file, struct csh_program *program_p)
{
    int fd = open_file(file);
    struct file mapped;
    struct stat status;
    void *bytes;

    memset(program_p, 0, sizeof(*program_p));
    program_p->kind = CSH_PROGRAM_OTHER;
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_size > 0) {
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE,
                     fd, 0);
        if (bytes != MAP_FAILED) {
            mapped = (struct file){bytes, (size_t)status.st_size};
            read_bytes(&mapped, program_p);
            munmap(bytes, mapped.n_bytes);
        }
    }
    close(fd);
}

/* "/usr/bin/env -S python3 -u" runs python3. */
static const char *interpreter_of(char *line)
{
    char *rest, *word = strtok_r(line, " \t", &rest);
    const char *slash = word != NULL ? strrchr(word, '/') : NULL;

    if (slash == NULL || strcmp(slash, "/env") != 0) {
        return word;
    }
    do {
        word = strtok_r(NULL, " \t", &rest);
    } while (word != NULL && (word[0] == '-' || strchr(word, '=') != NULL));
    return word;
}

bool csh_program_resolve(const char *name, char *file_p,
                         struct csh_program *program_p)
{
    char line[sizeof(program_p->linker)];
    int depth;

    for (depth = 0; depth < MAX_DEPTH; ++depth) {
        if (name == NULL || !csh_program_find(name, file_p) ||
            access(file_p, R_OK) != 0) {
            return false;
        }
        csh_program_read(file_p, program_p);
        if (program_p->kind != CSH_PROGRAM_SCRIPT) {
            return true;
        }
        memcpy(line, program_p->linker, sizeof(line));
        name = interpreter_of(line);
    }
    return false;
}
