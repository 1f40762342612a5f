/*
 * graph.c - captured work: graphs, and their execution.
 *
 * An executable graph has its own copy of all nodes. A launch queues one item
 * a node behind what is in the stream, and a last one that waits for all of
 * them and becomes the stream's tail. Two launches of one executable graph
 * follow each other, whatever their streams.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct CUgraphExec_st {
    uint32_t mark;
    CUgraph graph;         /* its own copy */
    struct sim_item *last; /* end of the last launch */
};

CUgraph sim_graph_new(void)
{
    CUgraph graph = sim_handle_new(sizeof(*graph));

    graph->mark = SIM_GRAPH_MARK;
    return graph;
}

CUgraphNode sim_graph_add(CUgraph graph, CUcontext context,
                          const struct sim_work *work,
                          const CUgraphNode *dependencies,
                          size_t n_dependencies)
{
    CUgraphNode node = sim_allocate(sizeof(*node));

    node->work = *work;
    node->context = context;
    node->n_dependencies = n_dependencies;
    node->dependencies = sim_allocate(n_dependencies * sizeof(node));
    if (n_dependencies > 0) {
        memcpy(node->dependencies, dependencies,
               n_dependencies * sizeof(node));
    }
    if (graph->n_nodes == graph->max_nodes) {
        graph->max_nodes = graph->max_nodes == 0 ? 16 : 2 * graph->max_nodes;
        graph->nodes = realloc(graph->nodes, graph->max_nodes * sizeof(node));
        if (graph->nodes == NULL) {
            abort();
        }
    }
    node->index = graph->n_nodes;
    graph->nodes[graph->n_nodes++] = node;
    return node;
}

void sim_graph_end(CUgraph graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        sim_work_dispose(&graph->nodes[i]->work);
        free(graph->nodes[i]->dependencies);
        free(graph->nodes[i]);
    }
    free(graph->nodes);
    graph->nodes = NULL;
    graph->n_nodes = 0;
    graph->mark = 0;
}

/* A node depends on earlier ones only: they are added in that order. */
static CUgraph copy_of(const struct CUgraph_st *graph)
{
    CUgraph copy = sim_graph_new();

    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct CUgraphNode_st *node = graph->nodes[i];
        struct sim_work work;
        CUgraphNode added;

        sim_work_clone(&work, &node->work);
        added = sim_graph_add(copy, node->context, &work, node->dependencies,
                              node->n_dependencies);
        for (size_t k = 0; k < added->n_dependencies; k++) {
            added->dependencies[k] =
                copy->nodes[node->dependencies[k]->index];
        }
    }
    return copy;
}

static bool is_graph(CUgraph graph)
{
    return graph != NULL && graph->mark == SIM_GRAPH_MARK;
}

static bool is_exec(CUgraphExec exec)
{
    return exec != NULL && exec->mark == SIM_EXEC_MARK;
}

static CUresult instantiate(CUgraphExec *exec_p, CUgraph graph)
{
    CUcontext context;
    CUresult result = sim_begin(&context);
    CUgraphExec exec;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (exec_p == NULL || !is_graph(graph)) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    exec = sim_handle_new(sizeof(*exec));
    exec->mark = SIM_EXEC_MARK;
    exec->graph = copy_of(graph);
    *exec_p = exec;
    return sim_end(CUDA_SUCCESS);
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec_p, CUgraph graph,
                                     unsigned long long flags)
{
    SIM_ENTER(cuGraphInstantiateWithFlags);
    (void)flags;
    return instantiate(exec_p, graph);
}

CUresult cuGraphInstantiate_v2(CUgraphExec *exec_p, CUgraph graph,
                               CUgraphNode *error_p, char *log,
                               size_t log_bytes)
{
    SIM_ENTER(cuGraphInstantiate_v2);
    (void)error_p;
    if (log != NULL && log_bytes > 0) {
        *log = '\0';
    }
    return instantiate(exec_p, graph);
}

static CUresult instantiate_params(CUgraphExec *exec_p, CUgraph graph,
                                   CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    CUresult result = instantiate(exec_p, graph);

    if (params != NULL) {
        params->hErrNode_out = NULL;
        params->result_out = result == CUDA_SUCCESS
                                 ? CUDA_GRAPH_INSTANTIATE_SUCCESS
                                 : CUDA_GRAPH_INSTANTIATE_ERROR;
    }
    return result;
}

CUresult cuGraphInstantiateWithParams(CUgraphExec *exec_p, CUgraph graph,
                                      CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    SIM_ENTER(cuGraphInstantiateWithParams);
    return instantiate_params(exec_p, graph, params);
}

CUresult cuGraphInstantiateWithParams_ptsz(
    CUgraphExec *exec_p, CUgraph graph, CUDA_GRAPH_INSTANTIATE_PARAMS *params)
{
    SIM_ENTER(cuGraphInstantiateWithParams_ptsz);
    return instantiate_params(exec_p, graph, params);
}

/* Queues all nodes behind `start`; items[i] is node i's, one reference. */
static void queue_nodes(const struct CUgraph_st *graph, struct sim_item *start,
                        struct sim_item **items)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const struct CUgraphNode_st *node = graph->nodes[i];
        struct sim_work work;

        sim_work_clone(&work, &node->work);
        items[i] = sim_item_new(node->context, &work);
        sim_work_count(&work);
        sim_item_after(items[i], start);
        for (size_t k = 0; k < node->n_dependencies; k++) {
            sim_item_after(items[i], items[node->dependencies[k]->index]);
        }
        sim_item_submit(items[i], false);
    }
}

static CUresult launch(CUgraphExec exec, CUstream handle,
                       enum sim_flavour flavour)
{
    struct sim_work mark = {.op = SIM_OP_MARK};
    CUcontext context;
    CUresult result = sim_begin(&context);
    struct sim_item *start, **items;
    CUstream stream;
    size_t n_items;

    if (result != CUDA_SUCCESS) {
        return result;
    }
    stream = sim_stream_resolve(context, handle, flavour);
    if (stream == NULL || !is_exec(exec)) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    result = sim_capture_check_use(stream);
    if (result == CUDA_SUCCESS && stream->capture != NULL) {
        result = CUDA_ERROR_NOT_SUPPORTED; /* no graphs inside graphs here */
    }
    if (result != CUDA_SUCCESS) {
        return sim_end(result);
    }
    n_items = exec->graph->n_nodes;
    items = sim_allocate(n_items * sizeof(*items));
    start = sim_item_reference(
        sim_stream_queue(stream, &mark, &exec->last, 1, false));
    queue_nodes(exec->graph, start, items);
    sim_item_release(exec->last);
    exec->last = sim_item_reference(
        sim_stream_queue(stream, &mark, items, n_items, false));
    for (size_t i = 0; i < n_items; i++) {
        sim_item_release(items[i]);
    }
    sim_item_release(start);
    free(items);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream)
{
    SIM_ENTER(cuGraphLaunch);
    return launch(exec, stream, SIM_PLAIN);
}

CUresult cuGraphLaunch_ptsz(CUgraphExec exec, CUstream stream)
{
    SIM_ENTER(cuGraphLaunch_ptsz);
    return launch(exec, stream, SIM_PER_THREAD);
}

static CUresult upload(CUgraphExec exec)
{
    CUcontext context;
    CUresult result = sim_begin(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return sim_end(is_exec(exec) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE);
}

CUresult cuGraphUpload(CUgraphExec exec, CUstream stream)
{
    SIM_ENTER(cuGraphUpload);
    (void)stream;
    return upload(exec);
}

CUresult cuGraphUpload_ptsz(CUgraphExec exec, CUstream stream)
{
    SIM_ENTER(cuGraphUpload_ptsz);
    (void)stream;
    return upload(exec);
}

CUresult cuGraphExecDestroy(CUgraphExec exec)
{
    CUresult result;

    SIM_ENTER(cuGraphExecDestroy);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (!is_exec(exec)) {
        return sim_end(CUDA_ERROR_INVALID_HANDLE);
    }
    exec->mark = 0;
    sim_graph_end(exec->graph);
    sim_item_release(exec->last);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuGraphCreate(CUgraph *graph_p, unsigned int flags)
{
    CUresult result;

    SIM_ENTER(cuGraphCreate);
    result = sim_begin_driver();
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (graph_p == NULL || flags != 0) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    *graph_p = sim_graph_new();
    return sim_end(CUDA_SUCCESS);
}

static CUresult begin_graph(CUgraph graph)
{
    CUresult result = sim_begin_driver();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return is_graph(graph) ? CUDA_SUCCESS : sim_end(CUDA_ERROR_INVALID_VALUE);
}

CUresult cuGraphDestroy(CUgraph graph)
{
    CUresult result;

    SIM_ENTER(cuGraphDestroy);
    result = begin_graph(graph);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    sim_graph_end(graph);
    return sim_end(CUDA_SUCCESS);
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *n_nodes_p)
{
    CUresult result;

    SIM_ENTER(cuGraphGetNodes);
    result = begin_graph(graph);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (n_nodes_p == NULL) {
        return sim_end(CUDA_ERROR_INVALID_VALUE);
    }
    if (nodes == NULL) {
        *n_nodes_p = graph->n_nodes;
        return sim_end(CUDA_SUCCESS);
    }
    for (size_t i = 0; i < *n_nodes_p; i++) {
        nodes[i] = i < graph->n_nodes ? graph->nodes[i] : NULL;
    }
    if (*n_nodes_p > graph->n_nodes) {
        *n_nodes_p = graph->n_nodes;
    }
    return sim_end(CUDA_SUCCESS);
}
