/*
 * model_graph.c - work that is captured into a graph and launched later: a
 * captured copy moves nothing when it is made, and reads and writes its host
 * memory at each launch.
 */
#include "model.h"

#include <string.h>

enum node_kind { NODE_IN, NODE_OUT, NODE_FILL, NODE_XOR, NODE_SET, NODE_KINDS };

struct node {
    enum node_kind kind;
    struct model_range part; /* of the block */
    size_t host_offset;
    uint32_t value;
};

enum { MAX_NODES = 4 };

/* A graph works on one block and one buffer. */
struct plan {
    unsigned block, buffer;
    enum model_stream capturing;
    struct node node[MAX_NODES];
    unsigned n_nodes;
};

static struct plan make_plan(struct model_world *world)
{
    struct plan plan = {.block = model_need_block(world, 4)};
    const struct model_block *block = &world->block[plan.block];
    unsigned i;

    plan.buffer = model_need_buffer(world, block->object.bytes);
    plan.capturing = model_once_in(world, 2) ? MODEL_NON_BLOCKING_A
                                             : MODEL_NON_BLOCKING_B;
    plan.n_nodes = 1 + (unsigned)model_choose(world, MAX_NODES);
    for (i = 0; i < plan.n_nodes; i++) {
        struct node *node = &plan.node[i];

        node->kind = (enum node_kind)model_choose(world, NODE_KINDS);
        node->part = model_part(world, block);
        node->value = (uint32_t)model_choose(world, UINT32_MAX);
        if (node->kind == NODE_FILL || node->kind == NODE_XOR) {
            node->part = (struct model_range){
                0, (node->part.offset + node->part.bytes) / 4 * 4};
        }
    }
    return plan;
}

static CUresult record(struct model_world *world, const struct plan *plan,
                       const struct node *node)
{
    const struct model_block *block = &world->block[plan->block];
    const struct model_buffer *buffer = &world->buffer[plan->buffer];
    CUstream stream = world->stream[plan->capturing];
    CUdeviceptr device = block->address + node->part.offset;
    uint8_t *host = buffer->memory + node->part.offset;

    switch (node->kind) {
    case NODE_IN:
        return cu.cuMemcpyHtoDAsync_v2(device, host, node->part.bytes,
                                       stream);
    case NODE_OUT:
        return cu.cuMemcpyDtoHAsync_v2(host, device, node->part.bytes,
                                       stream);
    case NODE_SET:
        return more.cuMemsetD8Async(device, (uint8_t)node->value,
                                    node->part.bytes, stream);
    default:
        return model_launch(node->kind == NODE_FILL ? world->fill
                                                    : world->xor,
                            device, node->value, node->part.bytes / 4,
                            stream);
    }
}

static void apply(struct model_world *world, const struct plan *plan,
                  const struct node *node)
{
    uint8_t *device =
        world->block[plan->block].object.expected + node->part.offset;
    uint8_t *host =
        world->buffer[plan->buffer].object.expected + node->part.offset;
    size_t i;

    switch (node->kind) {
    case NODE_IN:
        memcpy(device, host, node->part.bytes);
        return;
    case NODE_OUT:
        memcpy(host, device, node->part.bytes);
        return;
    case NODE_SET:
        memset(device, (uint8_t)node->value, node->part.bytes);
        return;
    default:
        for (i = 0; i < node->part.bytes; i += 4) {
            uint32_t word = 0;

            if (node->kind == NODE_XOR) {
                memcpy(&word, device + i, 4);
            }
            word ^= node->value;
            memcpy(device + i, &word, 4);
        }
    }
}

static void account(const struct plan *plan, uint64_t *bytes)
{
    unsigned i;

    for (i = 0; i < plan->n_nodes; i++) {
        if (plan->node[i].kind == NODE_IN) {
            bytes[MODEL_H2D] += plan->node[i].part.bytes;
        } else if (plan->node[i].kind == NODE_OUT) {
            bytes[MODEL_D2H] += plan->node[i].part.bytes;
        }
    }
}

/* With one thread any mode will do; with several, one thread's capture must
 * not forbid the others' calls. */
static CUstreamCaptureMode any_mode(struct model_world *world)
{
    if (world->n_worlds == 1 && model_once_in(world, 2)) {
        return CU_STREAM_CAPTURE_MODE_GLOBAL;
    }
    return model_once_in(world, 2) ? CU_STREAM_CAPTURE_MODE_RELAXED
                                   : CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
}

/* A copy on a stream that does not capture, beside the capture. */
static void copy_beside(struct model_world *world, const struct plan *plan)
{
    enum model_stream stream = plan->capturing == MODEL_NON_BLOCKING_A
                                   ? MODEL_NON_BLOCKING_B
                                   : MODEL_NON_BLOCKING_A;
    unsigned i = (plan->block + 1) % MODEL_BLOCKS;
    unsigned k = (plan->buffer + 1) % MODEL_BUFFERS;
    struct model_block *from = &world->block[i];
    struct model_buffer *to = &world->buffer[k];
    size_t bytes = from->object.bytes;

    if (from->object.expected == NULL || to->object.bytes < bytes ||
        from->object.owner != MODEL_NOBODY ||
        to->object.owner != MODEL_NOBODY || to->kind > MODEL_MAPPED) {
        return;
    }
    model_note(world, "beside the capture: buffer %u from block %u", k, i);
    FINE(world, cu.cuMemcpyDtoHAsync_v2(to->memory, from->address, bytes,
                                        world->stream[stream]));
    memcpy(to->object.expected, from->object.expected, bytes);
    model_check_buffer(world, k, (struct model_range){0, bytes});
}

static CUgraphExec capture(struct model_world *world, const struct plan *plan)
{
    CUgraph graph = NULL;
    CUgraphExec exec;
    unsigned i;

    FINE(world, cu.cuStreamBeginCapture_v2(world->stream[plan->capturing],
                                           any_mode(world)));
    for (i = 0; i < plan->n_nodes; i++) {
        FINE(world, record(world, plan, &plan->node[i]));
    }
    if (model_once_in(world, 2)) {
        copy_beside(world, plan);
    }
    FINE(world, cu.cuStreamEndCapture(world->stream[plan->capturing],
                                      &graph));
    account(plan, world->captured_bytes);
    FINE(world, cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
    FINE(world, cu.cuGraphDestroy(graph));
    return exec;
}

static void launch(struct model_world *world, const struct plan *plan,
                   CUgraphExec exec)
{
    enum model_stream stream = model_any_stream(world);
    unsigned i;

    model_note(world, "launch the graph, stream %u", stream);
    model_claim(world, &world->block[plan->block].object, stream);
    model_claim(world, &world->buffer[plan->buffer].object, stream);
    FINE(world, cu.cuGraphLaunch(exec, model_name(world, stream, false)));
    for (i = 0; i < plan->n_nodes; i++) {
        apply(world, plan, &plan->node[i]);
    }
    account(plan, world->launched_bytes);
}

void model_graph(struct model_world *world)
{
    struct plan plan = make_plan(world);
    struct model_buffer *buffer = &world->buffer[plan.buffer];
    unsigned n_launches = 1 + (unsigned)model_choose(world, 3);
    CUgraphExec exec;

    model_note(world, "graph of %u nodes: block %u, buffer %u, stream %u",
               plan.n_nodes, plan.block, plan.buffer, plan.capturing);
    exec = capture(world, &plan);
    while (n_launches-- > 0) {
        launch(world, &plan, exec);
        if (model_once_in(world, 2)) {
            model_settle(world, &buffer->object);
            model_check_buffer(
                world, plan.buffer,
                (struct model_range){0, buffer->object.bytes});
            buffer->memory[0] ^= 1;
            buffer->object.expected[0] ^= 1;
        }
    }
    /* Work of a destroyed graph goes on (cuda.h, cuGraphExecDestroy), but not
     * every driver's: the program waits. */
    model_settle(world, &world->block[plan.block].object);
    model_settle(world, &buffer->object);
    FINE(world, cu.cuGraphExecDestroy(exec));
}

/* A call that is prohibited beside a capture, which is lost by it. */
void model_spoilt_capture(struct model_world *world)
{
    unsigned block = model_need_block(world, 1), buffer;
    struct model_buffer *to;
    size_t bytes = world->block[block].object.bytes;
    CUgraph graph = NULL;
    CUdeviceptr none;

    buffer = model_need_buffer(world, bytes);
    to = &world->buffer[buffer];
    model_note(world, "spoilt capture: block %u, buffer %u", block, buffer);
    model_settle(world, &world->block[block].object);
    model_settle(world, &to->object);
    FINE(world,
         cu.cuStreamBeginCapture_v2(world->stream[MODEL_NON_BLOCKING_A],
                                    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    if (model_once_in(world, 2)) {
        WANT(world, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
             cu.cuMemcpyDtoH_v2(to->memory, world->block[block].address,
                                bytes));
    } else {
        WANT(world, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
             cu.cuMemAlloc_v2(&none, bytes));
    }
    WANT(world, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
         cu.cuStreamEndCapture(world->stream[MODEL_NON_BLOCKING_A], &graph));
    model_check_buffer(world, buffer,
                       (struct model_range){0, to->object.bytes});
}
