/*
 * headers.h - the headers of model files, by format.
 *
 * Each reader takes untrusted bytes and lists what it could make of them; what
 * it could not is a fault in the list. Nothing is logged. No lock; one thread
 * for each call.
 *
 * safetensors (huggingface/safetensors, README, "Format"): 8 bytes of length,
 * little-endian; that many bytes of JSON, an object of name -> {dtype, shape,
 * data_offsets: [begin, end]} and __metadata__; then the data, from which the
 * offsets count.
 *
 * GGUF 2 and 3 (ggml, docs/gguf.md): magic, version, counts, key-value pairs,
 * tensor infos; then the data, at the next multiple of general.alignment.
 */
#ifndef CSH_WEIGHTS_HEADERS_H
#define CSH_WEIGHTS_HEADERS_H

#include "weights/bytes.h"
#include "weights/json.h"
#include "weights/tensors.h"

/* Longer headers are not read. (The largest known, of models with tens of
 * thousands of tensors and of tokenizers in GGUF, are a tenth of this.) */
#define CSH_MAX_JSON_BYTES (UINT64_C(16) << 20)
#define CSH_MAX_GGUF_HEADER (UINT64_C(64) << 20)

/* The list is empty before, and to be cleared by the caller after. */
void csh_safetensors_read(const struct csh_bytes *bytes,
                          struct csh_json *json,
                          struct csh_tensors *tensors_p);
void csh_gguf_read(const struct csh_bytes *bytes,
                   struct csh_tensors *tensors_p);

/* Told of each part of a model, by name. False ends the walk. */
typedef bool csh_part_fn(void *opaque, const char *name);

/* The index of a model in shards: {"weight_map": {tensor: file}}. The files,
 * each once for each run of tensors in it; a name that is not that of a file
 * in the same folder is a fault. */
void csh_shard_index_read(const struct csh_bytes *bytes,
                          struct csh_json *json, csh_part_fn *shard,
                          void *opaque, struct csh_fault *fault);

/* A diffusers pipeline (model_index.json): the folders of its components,
 * which are the keys whose value is a list of two names. */
void csh_pipeline_read(const struct csh_bytes *bytes, struct csh_json *json,
                       csh_part_fn *component, void *opaque,
                       struct csh_fault *fault);

/* n bytes from offset, to be freed; NULL with a fault. */
char *csh_json_text(const struct csh_bytes *bytes, uint64_t offset, size_t n,
                    struct csh_fault *fault);

#endif
