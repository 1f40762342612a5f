/*
 * surface_watched_graphs.h - rows of graphs.
 * Part of surface_watched.h; not included elsewhere.
 *
 * Columns are those of surface.h. Parameters that several rows share are named
 * once.
 */
#ifndef CSH_DRIVER_SURFACE_WATCHED_GRAPHS_H
#define CSH_DRIVER_SURFACE_WATCHED_GRAPHS_H

#define CSH_ARGS_GRAPH_INSTANTIATE                                            \
    (CUgraphExec *ph_graph_exec, CUgraph graph, CUgraphNode *ph_error_node,   \
     char *log_buffer, size_t buffer_size),                                   \
    (ph_graph_exec, graph, ph_error_node, log_buffer, buffer_size)

#define CSH_SURFACE_WATCHED_GRAPHS_12000(X)                                   \
    X(cuGraphAddBatchMemOpNode, "cuGraphAddBatchMemOpNode", 11070, PLAIN,     \
      PFN_cuGraphAddBatchMemOpNode_v11070, WATCHED,                           \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       const CUDA_BATCH_MEM_OP_NODE_PARAMS *node_params),                     \
      (ph_graph_node, graph, dependencies, num_dependencies, node_params))    \
    X(cuGraphAddChildGraphNode, "cuGraphAddChildGraphNode", 10000, PLAIN,     \
      PFN_cuGraphAddChildGraphNode_v10000, WATCHED,                           \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       CUgraph child_graph),                                                  \
      (ph_graph_node, graph, dependencies, num_dependencies, child_graph))    \
    X(cuGraphAddDependencies, "cuGraphAddDependencies", 10000, PLAIN,         \
      PFN_cuGraphAddDependencies_v10000, WATCHED,                             \
      (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,         \
       size_t num_dependencies),                                              \
      (graph, from, to, num_dependencies))                                    \
    X(cuGraphAddEmptyNode, "cuGraphAddEmptyNode", 10000, PLAIN,               \
      PFN_cuGraphAddEmptyNode_v10000, WATCHED,                                \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies),             \
      (ph_graph_node, graph, dependencies, num_dependencies))                 \
    X(cuGraphAddEventRecordNode, "cuGraphAddEventRecordNode", 11010, PLAIN,   \
      PFN_cuGraphAddEventRecordNode_v11010, WATCHED,                          \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       CUevent event),                                                        \
      (ph_graph_node, graph, dependencies, num_dependencies, event))          \
    X(cuGraphAddEventWaitNode, "cuGraphAddEventWaitNode", 11010, PLAIN,       \
      PFN_cuGraphAddEventWaitNode_v11010, WATCHED,                            \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       CUevent event),                                                        \
      (ph_graph_node, graph, dependencies, num_dependencies, event))          \
    X(cuGraphAddExternalSemaphoresSignalNode,                                 \
      "cuGraphAddExternalSemaphoresSignalNode", 11020, PLAIN,                 \
      PFN_cuGraphAddExternalSemaphoresSignalNode_v11020, WATCHED,             \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       const CUDA_EXT_SEM_SIGNAL_NODE_PARAMS_v1 *node_params),                \
      (ph_graph_node, graph, dependencies, num_dependencies, node_params))    \
    X(cuGraphAddExternalSemaphoresWaitNode,                                   \
      "cuGraphAddExternalSemaphoresWaitNode", 11020, PLAIN,                   \
      PFN_cuGraphAddExternalSemaphoresWaitNode_v11020, WATCHED,               \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       const CUDA_EXT_SEM_WAIT_NODE_PARAMS_v1 *node_params),                  \
      (ph_graph_node, graph, dependencies, num_dependencies, node_params))    \
    X(cuGraphAddHostNode, "cuGraphAddHostNode", 10000, PLAIN,                 \
      PFN_cuGraphAddHostNode_v10000, WATCHED,                                 \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       const CUDA_HOST_NODE_PARAMS_v1 *node_params),                          \
      (ph_graph_node, graph, dependencies, num_dependencies, node_params))    \
    X(cuGraphAddKernelNode, "cuGraphAddKernelNode", 10000, PLAIN,             \
      PFN_cuGraphAddKernelNode_v10000, WATCHED,                               \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       const CUDA_KERNEL_NODE_PARAMS_v1 *node_params),                        \
      (ph_graph_node, graph, dependencies, num_dependencies, node_params))    \
    X(cuGraphAddKernelNode_v2, "cuGraphAddKernelNode", 12000, PLAIN,          \
      PFN_cuGraphAddKernelNode_v12000, WATCHED,                               \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       const CUDA_KERNEL_NODE_PARAMS_v2 *node_params),                        \
      (ph_graph_node, graph, dependencies, num_dependencies, node_params))    \
    X(cuGraphAddMemAllocNode, "cuGraphAddMemAllocNode", 11040, PLAIN,         \
      PFN_cuGraphAddMemAllocNode_v11040, WATCHED,                             \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       CUDA_MEM_ALLOC_NODE_PARAMS *node_params),                              \
      (ph_graph_node, graph, dependencies, num_dependencies, node_params))    \
    X(cuGraphAddMemFreeNode, "cuGraphAddMemFreeNode", 11040, PLAIN,           \
      PFN_cuGraphAddMemFreeNode_v11040, WATCHED,                              \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       CUdeviceptr dptr),                                                     \
      (ph_graph_node, graph, dependencies, num_dependencies, dptr))           \
    X(cuGraphAddMemcpyNode, "cuGraphAddMemcpyNode", 10000, PLAIN,             \
      PFN_cuGraphAddMemcpyNode_v10000, WATCHED,                               \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       const CUDA_MEMCPY3D_v2 *copy_params, CUcontext ctx),                   \
      (ph_graph_node, graph, dependencies, num_dependencies, copy_params,     \
       ctx))                                                                  \
    X(cuGraphAddMemsetNode, "cuGraphAddMemsetNode", 10000, PLAIN,             \
      PFN_cuGraphAddMemsetNode_v10000, WATCHED,                               \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       const CUDA_MEMSET_NODE_PARAMS_v1 *memset_params, CUcontext ctx),       \
      (ph_graph_node, graph, dependencies, num_dependencies, memset_params,   \
       ctx))                                                                  \
    X(cuGraphBatchMemOpNodeGetParams, "cuGraphBatchMemOpNodeGetParams",       \
      11070, PLAIN, PFN_cuGraphBatchMemOpNodeGetParams_v11070, WATCHED,       \
      (CUgraphNode node, CUDA_BATCH_MEM_OP_NODE_PARAMS *node_params_out),     \
      (node, node_params_out))                                                \
    X(cuGraphBatchMemOpNodeSetParams, "cuGraphBatchMemOpNodeSetParams",       \
      11070, PLAIN, PFN_cuGraphBatchMemOpNodeSetParams_v11070, WATCHED,       \
      (CUgraphNode node, const CUDA_BATCH_MEM_OP_NODE_PARAMS *node_params),   \
      (node, node_params))                                                    \
    X(cuGraphChildGraphNodeGetGraph, "cuGraphChildGraphNodeGetGraph", 10000,  \
      PLAIN, PFN_cuGraphChildGraphNodeGetGraph_v10000, WATCHED,               \
      (CUgraphNode node, CUgraph *ph_graph),                                  \
      (node, ph_graph))                                                       \
    X(cuGraphClone, "cuGraphClone", 10000, PLAIN, PFN_cuGraphClone_v10000,    \
      WATCHED,                                                                \
      (CUgraph *ph_graph_clone, CUgraph original_graph),                      \
      (ph_graph_clone, original_graph))                                       \
    X(cuGraphCreate, "cuGraphCreate", 10000, PLAIN,                           \
      PFN_cuGraphCreate_v10000, WATCHED,                                      \
      (CUgraph *ph_graph, unsigned int flags),                                \
      (ph_graph, flags))                                                      \
    X(cuGraphDebugDotPrint, "cuGraphDebugDotPrint", 11030, PLAIN,             \
      PFN_cuGraphDebugDotPrint_v11030, WATCHED,                               \
      (CUgraph graph, const char *path, unsigned int flags),                  \
      (graph, path, flags))                                                   \
    X(cuGraphDestroy, "cuGraphDestroy", 10000, PLAIN,                         \
      PFN_cuGraphDestroy_v10000, WATCHED,                                     \
      (CUgraph graph),                                                        \
      (graph))                                                                \
    X(cuGraphDestroyNode, "cuGraphDestroyNode", 10000, PLAIN,                 \
      PFN_cuGraphDestroyNode_v10000, WATCHED,                                 \
      (CUgraphNode node),                                                     \
      (node))                                                                 \
    X(cuGraphEventRecordNodeGetEvent, "cuGraphEventRecordNodeGetEvent",       \
      11010, PLAIN, PFN_cuGraphEventRecordNodeGetEvent_v11010, WATCHED,       \
      (CUgraphNode node, CUevent *event_out),                                 \
      (node, event_out))                                                      \
    X(cuGraphEventRecordNodeSetEvent, "cuGraphEventRecordNodeSetEvent",       \
      11010, PLAIN, PFN_cuGraphEventRecordNodeSetEvent_v11010, WATCHED,       \
      (CUgraphNode node, CUevent event),                                      \
      (node, event))                                                          \
    X(cuGraphEventWaitNodeGetEvent, "cuGraphEventWaitNodeGetEvent", 11010,    \
      PLAIN, PFN_cuGraphEventWaitNodeGetEvent_v11010, WATCHED,                \
      (CUgraphNode node, CUevent *event_out),                                 \
      (node, event_out))                                                      \
    X(cuGraphEventWaitNodeSetEvent, "cuGraphEventWaitNodeSetEvent", 11010,    \
      PLAIN, PFN_cuGraphEventWaitNodeSetEvent_v11010, WATCHED,                \
      (CUgraphNode node, CUevent event),                                      \
      (node, event))                                                          \
    X(cuGraphExecBatchMemOpNodeSetParams,                                     \
      "cuGraphExecBatchMemOpNodeSetParams", 11070, PLAIN,                     \
      PFN_cuGraphExecBatchMemOpNodeSetParams_v11070, WATCHED,                 \
      (CUgraphExec graph_exec, CUgraphNode node,                              \
       const CUDA_BATCH_MEM_OP_NODE_PARAMS *node_params),                     \
      (graph_exec, node, node_params))                                        \
    X(cuGraphExecChildGraphNodeSetParams,                                     \
      "cuGraphExecChildGraphNodeSetParams", 11010, PLAIN,                     \
      PFN_cuGraphExecChildGraphNodeSetParams_v11010, WATCHED,                 \
      (CUgraphExec graph_exec, CUgraphNode node, CUgraph child_graph),        \
      (graph_exec, node, child_graph))                                        \
    X(cuGraphExecDestroy, "cuGraphExecDestroy", 10000, PLAIN,                 \
      PFN_cuGraphExecDestroy_v10000, WATCHED,                                 \
      (CUgraphExec graph_exec),                                               \
      (graph_exec))                                                           \
    X(cuGraphExecEventRecordNodeSetEvent,                                     \
      "cuGraphExecEventRecordNodeSetEvent", 11010, PLAIN,                     \
      PFN_cuGraphExecEventRecordNodeSetEvent_v11010, WATCHED,                 \
      (CUgraphExec graph_exec, CUgraphNode node, CUevent event),              \
      (graph_exec, node, event))                                              \
    X(cuGraphExecEventWaitNodeSetEvent, "cuGraphExecEventWaitNodeSetEvent",   \
      11010, PLAIN, PFN_cuGraphExecEventWaitNodeSetEvent_v11010, WATCHED,     \
      (CUgraphExec graph_exec, CUgraphNode node, CUevent event),              \
      (graph_exec, node, event))                                              \
    X(cuGraphExecExternalSemaphoresSignalNodeSetParams,                       \
      "cuGraphExecExternalSemaphoresSignalNodeSetParams", 11020, PLAIN,       \
      PFN_cuGraphExecExternalSemaphoresSignalNodeSetParams_v11020, WATCHED,   \
      (CUgraphExec graph_exec, CUgraphNode node,                              \
       const CUDA_EXT_SEM_SIGNAL_NODE_PARAMS_v1 *node_params),                \
      (graph_exec, node, node_params))                                        \
    X(cuGraphExecExternalSemaphoresWaitNodeSetParams,                         \
      "cuGraphExecExternalSemaphoresWaitNodeSetParams", 11020, PLAIN,         \
      PFN_cuGraphExecExternalSemaphoresWaitNodeSetParams_v11020, WATCHED,     \
      (CUgraphExec graph_exec, CUgraphNode node,                              \
       const CUDA_EXT_SEM_WAIT_NODE_PARAMS_v1 *node_params),                  \
      (graph_exec, node, node_params))                                        \
    X(cuGraphExecGetFlags, "cuGraphExecGetFlags", 12000, PLAIN,               \
      PFN_cuGraphExecGetFlags_v12000, WATCHED,                                \
      (CUgraphExec graph_exec, cuuint64_t *flags),                            \
      (graph_exec, flags))                                                    \
    X(cuGraphExecHostNodeSetParams, "cuGraphExecHostNodeSetParams", 10020,    \
      PLAIN, PFN_cuGraphExecHostNodeSetParams_v10020, WATCHED,                \
      (CUgraphExec graph_exec, CUgraphNode node,                              \
       const CUDA_HOST_NODE_PARAMS_v1 *node_params),                          \
      (graph_exec, node, node_params))                                        \
    X(cuGraphExecKernelNodeSetParams, "cuGraphExecKernelNodeSetParams",       \
      10010, PLAIN, PFN_cuGraphExecKernelNodeSetParams_v10010, WATCHED,       \
      (CUgraphExec graph_exec, CUgraphNode node,                              \
       const CUDA_KERNEL_NODE_PARAMS_v1 *node_params),                        \
      (graph_exec, node, node_params))                                        \
    X(cuGraphExecKernelNodeSetParams_v2, "cuGraphExecKernelNodeSetParams",    \
      12000, PLAIN, PFN_cuGraphExecKernelNodeSetParams_v12000, WATCHED,       \
      (CUgraphExec graph_exec, CUgraphNode node,                              \
       const CUDA_KERNEL_NODE_PARAMS_v2 *node_params),                        \
      (graph_exec, node, node_params))                                        \
    X(cuGraphExecMemcpyNodeSetParams, "cuGraphExecMemcpyNodeSetParams",       \
      10020, PLAIN, PFN_cuGraphExecMemcpyNodeSetParams_v10020, WATCHED,       \
      (CUgraphExec graph_exec, CUgraphNode node,                              \
       const CUDA_MEMCPY3D_v2 *copy_params, CUcontext ctx),                   \
      (graph_exec, node, copy_params, ctx))                                   \
    X(cuGraphExecMemsetNodeSetParams, "cuGraphExecMemsetNodeSetParams",       \
      10020, PLAIN, PFN_cuGraphExecMemsetNodeSetParams_v10020, WATCHED,       \
      (CUgraphExec graph_exec, CUgraphNode node,                              \
       const CUDA_MEMSET_NODE_PARAMS_v1 *memset_params, CUcontext ctx),       \
      (graph_exec, node, memset_params, ctx))                                 \
    X(cuGraphExecUpdate, "cuGraphExecUpdate", 10020, PLAIN,                   \
      PFN_cuGraphExecUpdate_v10020, WATCHED,                                  \
      (CUgraphExec graph_exec, CUgraph graph, CUgraphNode *error_node_out,    \
       CUgraphExecUpdateResult *update_result_out),                           \
      (graph_exec, graph, error_node_out, update_result_out))                 \
    X(cuGraphExecUpdate_v2, "cuGraphExecUpdate", 12000, PLAIN,                \
      PFN_cuGraphExecUpdate_v12000, WATCHED,                                  \
      (CUgraphExec graph_exec, CUgraph graph,                                 \
       CUgraphExecUpdateResultInfo *result_info),                             \
      (graph_exec, graph, result_info))                                       \
    X(cuGraphExternalSemaphoresSignalNodeGetParams,                           \
      "cuGraphExternalSemaphoresSignalNodeGetParams", 11020, PLAIN,           \
      PFN_cuGraphExternalSemaphoresSignalNodeGetParams_v11020, WATCHED,       \
      (CUgraphNode node, CUDA_EXT_SEM_SIGNAL_NODE_PARAMS_v1 *params_out),     \
      (node, params_out))                                                     \
    X(cuGraphExternalSemaphoresSignalNodeSetParams,                           \
      "cuGraphExternalSemaphoresSignalNodeSetParams", 11020, PLAIN,           \
      PFN_cuGraphExternalSemaphoresSignalNodeSetParams_v11020, WATCHED,       \
      (CUgraphNode node,                                                      \
       const CUDA_EXT_SEM_SIGNAL_NODE_PARAMS_v1 *node_params),                \
      (node, node_params))                                                    \
    X(cuGraphExternalSemaphoresWaitNodeGetParams,                             \
      "cuGraphExternalSemaphoresWaitNodeGetParams", 11020, PLAIN,             \
      PFN_cuGraphExternalSemaphoresWaitNodeGetParams_v11020, WATCHED,         \
      (CUgraphNode node, CUDA_EXT_SEM_WAIT_NODE_PARAMS_v1 *params_out),       \
      (node, params_out))                                                     \
    X(cuGraphExternalSemaphoresWaitNodeSetParams,                             \
      "cuGraphExternalSemaphoresWaitNodeSetParams", 11020, PLAIN,             \
      PFN_cuGraphExternalSemaphoresWaitNodeSetParams_v11020, WATCHED,         \
      (CUgraphNode node,                                                      \
       const CUDA_EXT_SEM_WAIT_NODE_PARAMS_v1 *node_params),                  \
      (node, node_params))                                                    \
    X(cuGraphGetEdges, "cuGraphGetEdges", 10000, PLAIN,                       \
      PFN_cuGraphGetEdges_v10000, WATCHED,                                    \
      (CUgraph graph, CUgraphNode *from, CUgraphNode *to,                     \
       size_t *num_edges),                                                    \
      (graph, from, to, num_edges))                                           \
    X(cuGraphGetNodes, "cuGraphGetNodes", 10000, PLAIN,                       \
      PFN_cuGraphGetNodes_v10000, WATCHED,                                    \
      (CUgraph graph, CUgraphNode *nodes, size_t *num_nodes),                 \
      (graph, nodes, num_nodes))                                              \
    X(cuGraphGetRootNodes, "cuGraphGetRootNodes", 10000, PLAIN,               \
      PFN_cuGraphGetRootNodes_v10000, WATCHED,                                \
      (CUgraph graph, CUgraphNode *root_nodes, size_t *num_root_nodes),       \
      (graph, root_nodes, num_root_nodes))                                    \
    X(cuGraphHostNodeGetParams, "cuGraphHostNodeGetParams", 10000, PLAIN,     \
      PFN_cuGraphHostNodeGetParams_v10000, WATCHED,                           \
      (CUgraphNode node, CUDA_HOST_NODE_PARAMS_v1 *node_params),              \
      (node, node_params))                                                    \
    X(cuGraphHostNodeSetParams, "cuGraphHostNodeSetParams", 10000, PLAIN,     \
      PFN_cuGraphHostNodeSetParams_v10000, WATCHED,                           \
      (CUgraphNode node, const CUDA_HOST_NODE_PARAMS_v1 *node_params),        \
      (node, node_params))                                                    \
    X(cuGraphInstantiate, "cuGraphInstantiate", 10000, PLAIN,                 \
      PFN_cuGraphInstantiate_v10000, WATCHED, CSH_ARGS_GRAPH_INSTANTIATE)     \
    X(cuGraphInstantiate_v2, "cuGraphInstantiate", 11000, PLAIN,              \
      PFN_cuGraphInstantiate_v11000, WATCHED, CSH_ARGS_GRAPH_INSTANTIATE)     \
    X(cuGraphKernelNodeCopyAttributes, "cuGraphKernelNodeCopyAttributes",     \
      11000, PLAIN, PFN_cuGraphKernelNodeCopyAttributes_v11000, WATCHED,      \
      (CUgraphNode dst, CUgraphNode src),                                     \
      (dst, src))                                                             \
    X(cuGraphKernelNodeGetAttribute, "cuGraphKernelNodeGetAttribute", 11000,  \
      PLAIN, PFN_cuGraphKernelNodeGetAttribute_v11000, WATCHED,               \
      (CUgraphNode node, CUkernelNodeAttrID attr,                             \
       CUkernelNodeAttrValue_v1 *value_out),                                  \
      (node, attr, value_out))                                                \
    X(cuGraphKernelNodeGetParams, "cuGraphKernelNodeGetParams", 10000,        \
      PLAIN, PFN_cuGraphKernelNodeGetParams_v10000, WATCHED,                  \
      (CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v1 *node_params),            \
      (node, node_params))                                                    \
    X(cuGraphKernelNodeGetParams_v2, "cuGraphKernelNodeGetParams", 12000,     \
      PLAIN, PFN_cuGraphKernelNodeGetParams_v12000, WATCHED,                  \
      (CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v2 *node_params),            \
      (node, node_params))                                                    \
    X(cuGraphKernelNodeSetAttribute, "cuGraphKernelNodeSetAttribute", 11000,  \
      PLAIN, PFN_cuGraphKernelNodeSetAttribute_v11000, WATCHED,               \
      (CUgraphNode node, CUkernelNodeAttrID attr,                             \
       const CUkernelNodeAttrValue_v1 *value),                                \
      (node, attr, value))                                                    \
    X(cuGraphKernelNodeSetParams, "cuGraphKernelNodeSetParams", 10000,        \
      PLAIN, PFN_cuGraphKernelNodeSetParams_v10000, WATCHED,                  \
      (CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS_v1 *node_params),      \
      (node, node_params))                                                    \
    X(cuGraphKernelNodeSetParams_v2, "cuGraphKernelNodeSetParams", 12000,     \
      PLAIN, PFN_cuGraphKernelNodeSetParams_v12000, WATCHED,                  \
      (CUgraphNode node, const CUDA_KERNEL_NODE_PARAMS_v2 *node_params),      \
      (node, node_params))                                                    \
    X(cuGraphMemAllocNodeGetParams, "cuGraphMemAllocNodeGetParams", 11040,    \
      PLAIN, PFN_cuGraphMemAllocNodeGetParams_v11040, WATCHED,                \
      (CUgraphNode node, CUDA_MEM_ALLOC_NODE_PARAMS *params_out),             \
      (node, params_out))                                                     \
    X(cuGraphMemFreeNodeGetParams, "cuGraphMemFreeNodeGetParams", 11040,      \
      PLAIN, PFN_cuGraphMemFreeNodeGetParams_v11040, WATCHED,                 \
      (CUgraphNode node, CUdeviceptr *dptr_out),                              \
      (node, dptr_out))                                                       \
    X(cuGraphMemcpyNodeGetParams, "cuGraphMemcpyNodeGetParams", 10000,        \
      PLAIN, PFN_cuGraphMemcpyNodeGetParams_v10000, WATCHED,                  \
      (CUgraphNode node, CUDA_MEMCPY3D_v2 *node_params),                      \
      (node, node_params))                                                    \
    X(cuGraphMemcpyNodeSetParams, "cuGraphMemcpyNodeSetParams", 10000,        \
      PLAIN, PFN_cuGraphMemcpyNodeSetParams_v10000, WATCHED,                  \
      (CUgraphNode node, const CUDA_MEMCPY3D_v2 *node_params),                \
      (node, node_params))                                                    \
    X(cuGraphMemsetNodeGetParams, "cuGraphMemsetNodeGetParams", 10000,        \
      PLAIN, PFN_cuGraphMemsetNodeGetParams_v10000, WATCHED,                  \
      (CUgraphNode node, CUDA_MEMSET_NODE_PARAMS_v1 *node_params),            \
      (node, node_params))                                                    \
    X(cuGraphMemsetNodeSetParams, "cuGraphMemsetNodeSetParams", 10000,        \
      PLAIN, PFN_cuGraphMemsetNodeSetParams_v10000, WATCHED,                  \
      (CUgraphNode node, const CUDA_MEMSET_NODE_PARAMS_v1 *node_params),      \
      (node, node_params))                                                    \
    X(cuGraphNodeFindInClone, "cuGraphNodeFindInClone", 10000, PLAIN,         \
      PFN_cuGraphNodeFindInClone_v10000, WATCHED,                             \
      (CUgraphNode *ph_node, CUgraphNode original_node,                       \
       CUgraph cloned_graph),                                                 \
      (ph_node, original_node, cloned_graph))                                 \
    X(cuGraphNodeGetDependencies, "cuGraphNodeGetDependencies", 10000,        \
      PLAIN, PFN_cuGraphNodeGetDependencies_v10000, WATCHED,                  \
      (CUgraphNode node, CUgraphNode *dependencies,                           \
       size_t *num_dependencies),                                             \
      (node, dependencies, num_dependencies))                                 \
    X(cuGraphNodeGetDependentNodes, "cuGraphNodeGetDependentNodes", 10000,    \
      PLAIN, PFN_cuGraphNodeGetDependentNodes_v10000, WATCHED,                \
      (CUgraphNode node, CUgraphNode *dependent_nodes,                        \
       size_t *num_dependent_nodes),                                          \
      (node, dependent_nodes, num_dependent_nodes))                           \
    X(cuGraphNodeGetEnabled, "cuGraphNodeGetEnabled", 11060, PLAIN,           \
      PFN_cuGraphNodeGetEnabled_v11060, WATCHED,                              \
      (CUgraphExec graph_exec, CUgraphNode node, unsigned int *is_enabled),   \
      (graph_exec, node, is_enabled))                                         \
    X(cuGraphNodeGetType, "cuGraphNodeGetType", 10000, PLAIN,                 \
      PFN_cuGraphNodeGetType_v10000, WATCHED,                                 \
      (CUgraphNode node, CUgraphNodeType *type),                              \
      (node, type))                                                           \
    X(cuGraphNodeSetEnabled, "cuGraphNodeSetEnabled", 11060, PLAIN,           \
      PFN_cuGraphNodeSetEnabled_v11060, WATCHED,                              \
      (CUgraphExec graph_exec, CUgraphNode node, unsigned int is_enabled),    \
      (graph_exec, node, is_enabled))                                         \
    X(cuGraphReleaseUserObject, "cuGraphReleaseUserObject", 11030, PLAIN,     \
      PFN_cuGraphReleaseUserObject_v11030, WATCHED,                           \
      (CUgraph graph, CUuserObject object, unsigned int count),               \
      (graph, object, count))                                                 \
    X(cuGraphRemoveDependencies, "cuGraphRemoveDependencies", 10000, PLAIN,   \
      PFN_cuGraphRemoveDependencies_v10000, WATCHED,                          \
      (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,         \
       size_t num_dependencies),                                              \
      (graph, from, to, num_dependencies))                                    \
    X(cuGraphRetainUserObject, "cuGraphRetainUserObject", 11030, PLAIN,       \
      PFN_cuGraphRetainUserObject_v11030, WATCHED,                            \
      (CUgraph graph, CUuserObject object, unsigned int count,                \
       unsigned int flags),                                                   \
      (graph, object, count, flags))                                          \
    X(cuUserObjectCreate, "cuUserObjectCreate", 11030, PLAIN,                 \
      PFN_cuUserObjectCreate_v11030, WATCHED,                                 \
      (CUuserObject *object_out, void *ptr, CUhostFn destroy,                 \
       unsigned int initial_refcount, unsigned int flags),                    \
      (object_out, ptr, destroy, initial_refcount, flags))                    \
    X(cuUserObjectRelease, "cuUserObjectRelease", 11030, PLAIN,               \
      PFN_cuUserObjectRelease_v11030, WATCHED,                                \
      (CUuserObject object, unsigned int count),                              \
      (object, count))                                                        \
    X(cuUserObjectRetain, "cuUserObjectRetain", 11030, PLAIN,                 \
      PFN_cuUserObjectRetain_v11030, WATCHED,                                 \
      (CUuserObject object, unsigned int count),                              \
      (object, count))

#if CUDA_VERSION >= 12020

#define CSH_SURFACE_WATCHED_GRAPHS_12020(X)                                   \
    X(cuGraphAddNode, "cuGraphAddNode", 12020, PLAIN,                         \
      PFN_cuGraphAddNode_v12020, WATCHED,                                     \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies, size_t num_dependencies,              \
       CUgraphNodeParams *node_params),                                       \
      (ph_graph_node, graph, dependencies, num_dependencies, node_params))    \
    X(cuGraphExecNodeSetParams, "cuGraphExecNodeSetParams", 12020, PLAIN,     \
      PFN_cuGraphExecNodeSetParams_v12020, WATCHED,                           \
      (CUgraphExec graph_exec, CUgraphNode node,                              \
       CUgraphNodeParams *node_params),                                       \
      (graph_exec, node, node_params))                                        \
    X(cuGraphNodeSetParams, "cuGraphNodeSetParams", 12020, PLAIN,             \
      PFN_cuGraphNodeSetParams_v12020, WATCHED,                               \
      (CUgraphNode node, CUgraphNodeParams *node_params),                     \
      (node, node_params))

#else
#define CSH_SURFACE_WATCHED_GRAPHS_12020(X)
#endif

#if CUDA_VERSION >= 12030

#define CSH_SURFACE_WATCHED_GRAPHS_12030(X)                                   \
    X(cuGraphAddDependencies_v2, "cuGraphAddDependencies", 12030, PLAIN,      \
      PFN_cuGraphAddDependencies_v12030, WATCHED,                             \
      (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,         \
       const CUgraphEdgeData *edge_data, size_t num_dependencies),            \
      (graph, from, to, edge_data, num_dependencies))                         \
    X(cuGraphAddNode_v2, "cuGraphAddNode", 12030, PLAIN,                      \
      PFN_cuGraphAddNode_v12030, WATCHED,                                     \
      (CUgraphNode *ph_graph_node, CUgraph graph,                             \
       const CUgraphNode *dependencies,                                       \
       const CUgraphEdgeData *dependency_data, size_t num_dependencies,       \
       CUgraphNodeParams *node_params),                                       \
      (ph_graph_node, graph, dependencies, dependency_data,                   \
       num_dependencies, node_params))                                        \
    X(cuGraphConditionalHandleCreate, "cuGraphConditionalHandleCreate",       \
      12030, PLAIN, PFN_cuGraphConditionalHandleCreate_v12030, WATCHED,       \
      (CUgraphConditionalHandle *handle_out, CUgraph graph, CUcontext ctx,    \
       unsigned int default_launch_value, unsigned int flags),                \
      (handle_out, graph, ctx, default_launch_value, flags))                  \
    X(cuGraphGetEdges_v2, "cuGraphGetEdges", 12030, PLAIN,                    \
      PFN_cuGraphGetEdges_v12030, WATCHED,                                    \
      (CUgraph graph, CUgraphNode *from, CUgraphNode *to,                     \
       CUgraphEdgeData *edge_data, size_t *num_edges),                        \
      (graph, from, to, edge_data, num_edges))                                \
    X(cuGraphNodeGetDependencies_v2, "cuGraphNodeGetDependencies", 12030,     \
      PLAIN, PFN_cuGraphNodeGetDependencies_v12030, WATCHED,                  \
      (CUgraphNode node, CUgraphNode *dependencies,                           \
       CUgraphEdgeData *edge_data, size_t *num_dependencies),                 \
      (node, dependencies, edge_data, num_dependencies))                      \
    X(cuGraphNodeGetDependentNodes_v2, "cuGraphNodeGetDependentNodes",        \
      12030, PLAIN, PFN_cuGraphNodeGetDependentNodes_v12030, WATCHED,         \
      (CUgraphNode node, CUgraphNode *dependent_nodes,                        \
       CUgraphEdgeData *edge_data, size_t *num_dependent_nodes),              \
      (node, dependent_nodes, edge_data, num_dependent_nodes))                \
    X(cuGraphRemoveDependencies_v2, "cuGraphRemoveDependencies", 12030,       \
      PLAIN, PFN_cuGraphRemoveDependencies_v12030, WATCHED,                   \
      (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to,         \
       const CUgraphEdgeData *edge_data, size_t num_dependencies),            \
      (graph, from, to, edge_data, num_dependencies))

#else
#define CSH_SURFACE_WATCHED_GRAPHS_12030(X)
#endif

#define CSH_SURFACE_WATCHED_GRAPHS(X)                                         \
    CSH_SURFACE_WATCHED_GRAPHS_12000(X)                                       \
    CSH_SURFACE_WATCHED_GRAPHS_12020(X)                                       \
    CSH_SURFACE_WATCHED_GRAPHS_12030(X)

#endif
