/*
 * model_buffers.c - host buffers of every kind: made, freed, grown, registered
 * and written by the host.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE ((size_t)4096)

static const char *const kind_names[MODEL_KINDS] = {
    "malloc", "aligned", "zeroed",     "mapped",
    "pinned", "registered", "partly"};

/* Without a choice for each byte. */
void model_scribble(struct model_world *world, uint8_t *memory, size_t bytes)
{
    uint64_t x = model_choose(world, UINT32_MAX) * 2 + 1;
    size_t i;

    for (i = 0; i + 8 <= bytes; i += 8) {
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        memcpy(memory + i, &x, 8);
    }
    for (; i < bytes; i++) {
        memory[i] = (uint8_t)(x >> (8 * (i % 8)));
    }
}

/* The mapping starts somewhere before the buffer, so that the buffer has any
 * phase within its page. */
static void map(struct model_world *world, struct model_buffer *buffer)
{
    static const size_t phases[] = {0, 16, 64, 1, 4095};
    size_t phase = phases[model_choose(world, 5)];

    buffer->mapping_bytes =
        (buffer->object.bytes + phase + PAGE - 1) / PAGE * PAGE;
    buffer->mapping = mmap(NULL, buffer->mapping_bytes,
                           PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer->mapping == MAP_FAILED) {
        model_fail(world, "no mapping of %zu bytes", buffer->mapping_bytes);
    }
    buffer->memory = (uint8_t *)buffer->mapping + phase;
}

static void make_registered(struct model_world *world,
                            struct model_buffer *buffer, size_t offset,
                            size_t bytes)
{
    buffer->registered = buffer->memory + offset;
    FINE(world, cu.cuMemHostRegister_v2(buffer->registered, bytes, 0));
}

static void get_memory(struct model_world *world, struct model_buffer *buffer)
{
    size_t bytes = buffer->object.bytes;

    buffer->registered = NULL;
    buffer->mapping = NULL;
    switch (buffer->kind) {
    case MODEL_MALLOC:
        buffer->memory = model_allocate(world, bytes);
        break;
    case MODEL_ALIGNED:
        buffer->memory = fresh(bytes);
        break;
    case MODEL_ZEROED:
        buffer->memory = calloc(1, bytes);
        if (buffer->memory == NULL) {
            model_fail(world, "no memory for %zu bytes", bytes);
        }
        break;
    case MODEL_PINNED:
        FINE(world, cu.cuMemHostAlloc((void **)&buffer->memory, bytes, 0));
        break;
    default:
        map(world, buffer);
        break;
    }
    if (buffer->kind == MODEL_REGISTERED) {
        make_registered(world, buffer, 0, bytes);
    } else if (buffer->kind == MODEL_PARTLY) {
        make_registered(world, buffer, bytes / 4, bytes / 2 + 1);
    }
}

static void begin_buffer(struct model_world *world, unsigned number,
                         size_t bytes, enum model_kind kind)
{
    struct model_buffer *buffer = &world->buffer[number];

    model_begin_object(world, &buffer->object, bytes);
    buffer->kind = kind;
    model_note(world, "buffer %u: %zu bytes %s", number, bytes,
               kind_names[kind]);
    get_memory(world, buffer);
}

void model_make_buffer(struct model_world *world, unsigned number,
                       size_t bytes, enum model_kind kind)
{
    struct model_buffer *buffer = &world->buffer[number];

    begin_buffer(world, number, bytes, kind);
    if (model_once_in(world, 2)) { /* else its pages stay untouched */
        model_scribble(world, buffer->memory, bytes);
        memcpy(buffer->object.expected, buffer->memory, bytes);
    } else if (kind == MODEL_MALLOC || kind == MODEL_ALIGNED) {
        memset(buffer->memory, 0x3C, bytes);
        memset(buffer->object.expected, 0x3C, bytes);
    } else {
        memset(buffer->object.expected, 0, bytes);
        model_check_buffer(world, number, (struct model_range){0, bytes});
    }
}

bool model_is_own_mapping(const struct model_buffer *buffer)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return buffer->mapping != NULL; /* a block has no head of glibc's */
#else
    return buffer->mapping != NULL ||
           (buffer->kind < MODEL_MAPPED &&
            (((const size_t *)(const void *)buffer->memory)[-1] & 2) != 0);
#endif
}

/* What such a block holds is what it holds: zeros where glibc mapped it for
 * itself, else it is read. */
void model_make_target(struct model_world *world, unsigned number,
                       size_t bytes)
{
    struct model_buffer *buffer = &world->buffer[number];
    bool is_read;

    if (buffer->object.expected != NULL) {
        model_free_buffer(world, number);
    }
    begin_buffer(world, number, bytes, MODEL_ALIGNED);
    is_read = model_once_in(world, 3);
    if (is_read || !model_is_own_mapping(buffer)) {
        memcpy(buffer->object.expected, buffer->memory, bytes);
    } else {
        memset(buffer->object.expected, 0, bytes);
    }
}

bool model_is_pageable(const struct model_buffer *buffer)
{
    return buffer->kind <= MODEL_MAPPED;
}

static enum model_kind any_kind(struct model_world *world)
{
    static const enum model_kind kinds[] = {
        MODEL_MALLOC,  MODEL_MALLOC,  MODEL_ALIGNED, MODEL_ALIGNED,
        MODEL_ALIGNED, MODEL_ALIGNED, MODEL_ZEROED,  MODEL_MAPPED,
        MODEL_MAPPED,  MODEL_PINNED,  MODEL_REGISTERED, MODEL_PARTLY};

    return kinds[model_choose(world, sizeof(kinds) / sizeof(kinds[0]))];
}

static void end_buffer(struct model_buffer *buffer)
{
    if (buffer->mapping != NULL) {
        munmap(buffer->mapping, buffer->mapping_bytes);
    } else if (buffer->kind != MODEL_PINNED) {
        free(buffer->memory);
    }
    model_end_object(&buffer->object);
    buffer->mapping = NULL;
    buffer->registered = NULL;
}

void model_free_buffer(struct model_world *world, unsigned number)
{
    struct model_buffer *buffer = &world->buffer[number];

    model_note(world, "free buffer %u", number);
    model_settle(world, &buffer->object);
    if (buffer->kind == MODEL_PINNED) {
        FINE(world, cu.cuMemFreeHost(buffer->memory));
    }
    if (buffer->registered != NULL) {
        FINE(world, cu.cuMemHostUnregister(buffer->registered));
    }
    end_buffer(buffer);
}

void model_lose_pinning(struct model_world *world, unsigned number)
{
    struct model_buffer *buffer = &world->buffer[number];

    (void)world;
    buffer->object.owner = MODEL_NOBODY;
    if (buffer->object.expected == NULL) {
        return;
    }
    if (buffer->kind == MODEL_PINNED) {
        end_buffer(buffer);
    } else if (buffer->registered != NULL) {
        buffer->registered = NULL;
        buffer->kind = MODEL_MAPPED;
    }
}

unsigned model_need_buffer(struct model_world *world, size_t bytes)
{
    unsigned i, first = (unsigned)model_choose(world, MODEL_BUFFERS);

    for (i = 0; i < MODEL_BUFFERS && !model_once_in(world, 6); i++) {
        unsigned number = (first + i) % MODEL_BUFFERS;

        if (world->buffer[number].object.expected != NULL &&
            world->buffer[number].object.bytes >= bytes) {
            return number;
        }
    }
    if (world->buffer[first].object.expected != NULL) {
        model_free_buffer(world, first);
    }
    if (bytes < 4096 || model_once_in(world, 3)) {
        bytes = model_at_least(world, bytes);
    }
    model_make_buffer(world, first, bytes, any_kind(world));
    return first;
}

void model_renew_buffer(struct model_world *world)
{
    unsigned number = (unsigned)model_choose(world, MODEL_BUFFERS);
    size_t bytes = world->buffer[number].object.bytes;

    if (world->buffer[number].object.expected != NULL) {
        model_free_buffer(world, number);
    }
    if (bytes == 0 || model_once_in(world, 2)) {
        bytes = model_size(world);
    }
    model_make_buffer(world, number, bytes, any_kind(world));
}

/* realloc keeps the bytes and may move them; what is new is written. */
void model_resize_buffer(struct model_world *world)
{
    unsigned number = model_need_buffer(world, 1);
    struct model_buffer *buffer = &world->buffer[number];
    size_t old = buffer->object.bytes, bytes = model_size(world);

    if (buffer->kind >= MODEL_MAPPED) {
        return;
    }
    model_note(world, "buffer %u: realloc %zu to %zu", number, old, bytes);
    model_settle(world, &buffer->object);
    buffer->memory = realloc(buffer->memory, bytes);
    buffer->object.expected = realloc(buffer->object.expected, bytes);
    if (buffer->memory == NULL || buffer->object.expected == NULL) {
        model_fail(world, "no memory for %zu bytes", bytes);
    }
    buffer->object.bytes = bytes;
    buffer->object.generation++;
    if (bytes > old) {
        model_scribble(world, buffer->memory + old, bytes - old);
        memcpy(buffer->object.expected + old, buffer->memory + old,
               bytes - old);
    }
    model_check_buffer(world, number, (struct model_range){0, bytes});
}

void model_register_buffer(struct model_world *world)
{
    unsigned number = model_need_buffer(world, 1);
    struct model_buffer *buffer = &world->buffer[number];

    if (buffer->mapping == NULL) {
        return;
    }
    model_note(world, "buffer %u: %s", number,
               buffer->registered != NULL ? "unregister" : "register");
    model_settle(world, &buffer->object);
    if (buffer->registered != NULL) {
        FINE(world, cu.cuMemHostUnregister(buffer->registered));
        buffer->registered = NULL;
        buffer->kind = MODEL_MAPPED;
    } else {
        make_registered(world, buffer, 0, buffer->object.bytes);
        buffer->kind = MODEL_REGISTERED;
    }
}

void model_write_buffer(struct model_world *world)
{
    unsigned number = model_need_buffer(world, 1);
    struct model_buffer *buffer = &world->buffer[number];
    size_t at = model_choose(world, buffer->object.bytes);
    size_t bytes = 1 + model_choose(world, buffer->object.bytes - at);

    model_settle(world, &buffer->object);
    switch (model_choose(world, 4)) {
    case 0:
        model_note(world, "buffer %u: write all", number);
        model_scribble(world, buffer->memory, buffer->object.bytes);
        at = 0;
        bytes = buffer->object.bytes;
        break;
    case 1:
        model_note(world, "buffer %u: write %zu bytes at %zu", number, bytes,
                   at);
        model_scribble(world, buffer->memory + at, bytes);
        break;
    default:
        model_note(world, "buffer %u: flip a bit of byte %zu", number, at);
        buffer->memory[at] ^= (uint8_t)(1u << model_choose(world, 8));
        bytes = 1;
        break;
    }
    memcpy(buffer->object.expected + at, buffer->memory + at, bytes);
}

/* Compares a block and a buffer as a whole. */
void model_look(struct model_world *world)
{
    unsigned block = model_need_block(world, 1);
    unsigned buffer = model_need_buffer(world, 1);

    model_note(world, "look at block %u and buffer %u", block, buffer);
    model_check_block(world, block);
    model_settle(world, &world->buffer[buffer].object);
    model_check_buffer(
        world, buffer,
        (struct model_range){0, world->buffer[buffer].object.bytes});
}
