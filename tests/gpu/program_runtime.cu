/*
 * program_runtime.cu - a program of the CUDA runtime: weights that go to the
 * device and back over and over, on several streams, by every kind of copy,
 * with changes between, by graphs and by the stream-ordered allocator. What it
 * prints must be the same with and without the shim; run.sh builds it with the
 * static and the shared runtime, and for per-thread default streams.
 *
 *     program_runtime [copies|graph|pool|ipc|errors]...
 *
 * Exit status 77: the runtime finds no GPU.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

#include <cuda_runtime.h>

static const size_t n_bytes = 8 << 20;

static void say(const char *what, cudaError_t error)
{
    std::printf("%s: %s\n", what, cudaGetErrorName(error));
}

static unsigned long long digest(const unsigned char *bytes, size_t n)
{
    unsigned long long value = 1469598103934665603ull;

    for (size_t i = 0; i < n; i++) {
        value = (value ^ bytes[i]) * 1099511628211ull;
    }
    return value;
}

__global__ void change(unsigned char *bytes, size_t n, int step, int by)
{
    size_t i = (blockIdx.x * (size_t)blockDim.x + threadIdx.x) * step;

    if (i < n) {
        bytes[i] = (unsigned char)(bytes[i] + by);
    }
}

static unsigned char *host_bytes(int seed, bool is_pinned)
{
    unsigned char *bytes = nullptr;

    if (is_pinned) {
        say("cudaHostAlloc", cudaHostAlloc((void **)&bytes, n_bytes, 0));
    } else {
        bytes = (unsigned char *)std::malloc(n_bytes);
    }
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] = (unsigned char)(i * 31 + seed);
    }
    return bytes;
}

static void copies()
{
    for (int pinned = 0; pinned < 2; pinned++) {
        unsigned char *host = host_bytes(pinned, pinned);
        unsigned char *back = host_bytes(7, pinned);
        unsigned char *device;
        cudaStream_t stream;

        say("cudaStreamCreateWithFlags",
            cudaStreamCreateWithFlags(&stream, pinned ? cudaStreamNonBlocking
                                                      : cudaStreamDefault));
        for (int round = 0; round < 6; round++) {
            say("cudaMalloc", cudaMalloc((void **)&device, n_bytes));
            say("up", cudaMemcpyAsync(device, host, n_bytes,
                                      cudaMemcpyHostToDevice, stream));
            if (round % 3 == 2) {
                change<<<4096, 256, 0, stream>>>(device, n_bytes, 1001,
                                                 round);
                say("change", cudaGetLastError());
            }
            if (round % 2) {
                say("down", cudaMemcpyAsync(back, device, n_bytes,
                                            cudaMemcpyDeviceToHost, stream));
                say("wait", cudaStreamSynchronize(stream));
            } else {
                say("wait", cudaStreamSynchronize(stream));
                say("down", cudaMemcpy(back, device, n_bytes,
                                       cudaMemcpyDefault));
            }
            std::printf("digest %016llx\n", digest(back, n_bytes));
            unsigned char *swap = host;
            host = back;
            back = swap;
            say("cudaFree", cudaFree(device));
        }
        say("cudaStreamDestroy", cudaStreamDestroy(stream));
    }
    std::printf("# bytes each way %zu\n", 12 * n_bytes);
}

static void graph()
{
    unsigned char *host = host_bytes(3, true), *device;
    unsigned char *weight = host_bytes(4, false);
    cudaStream_t stream;
    cudaGraph_t made;
    cudaGraphExec_t ready;

    cudaMalloc((void **)&device, n_bytes);
    cudaStreamCreate(&stream);
    say("up", cudaMemcpy(device, weight, n_bytes, cudaMemcpyHostToDevice));
    say("begin",
        cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    change<<<4096, 256, 0, stream>>>(device, n_bytes, 97, 1);
    say("down", cudaMemcpyAsync(host, device, n_bytes,
                                cudaMemcpyDeviceToHost, stream));
    say("end", cudaStreamEndCapture(stream, &made));
    say("instantiate", cudaGraphInstantiate(&ready, made, 0));
    for (int round = 0; round < 4; round++) {
        say("launch", cudaGraphLaunch(ready, stream));
        say("wait", cudaStreamSynchronize(stream));
        say("offload", cudaMemcpy(weight, device, n_bytes,
                                  cudaMemcpyDeviceToHost));
        std::printf("digest %016llx %016llx\n", digest(host, n_bytes),
                    digest(weight, n_bytes));
    }
    cudaFree(device);
}

static void pool()
{
    unsigned char *host = host_bytes(5, false);
    cudaStream_t stream;

    cudaStreamCreate(&stream);
    for (int round = 0; round < 5; round++) {
        unsigned char *device;

        say("allocate", cudaMallocAsync((void **)&device, n_bytes, stream));
        say("up", cudaMemcpyAsync(device, host, n_bytes,
                                  cudaMemcpyHostToDevice, stream));
        if (round == 3) {
            say("set", cudaMemsetAsync(device, 9, 4096, stream));
        }
        say("down", cudaMemcpyAsync(host, device, n_bytes,
                                    cudaMemcpyDeviceToHost, stream));
        say("free", cudaFreeAsync(device, stream));
        say("wait", cudaStreamSynchronize(stream));
        std::printf("digest %016llx\n", digest(host, n_bytes));
    }
}

/* The child opens the parent's memory, and changes it unseen. */
static int child(const char *file)
{
    cudaIpcMemHandle_t handle;
    unsigned char *device;
    FILE *stream = std::fopen(file, "rb");

    if (stream == nullptr ||
        std::fread(&handle, sizeof(handle), 1, stream) != 1) {
        return 3;
    }
    say("open", cudaIpcOpenMemHandle((void **)&device, handle,
                                     cudaIpcMemLazyEnablePeerAccess));
    change<<<4096, 256>>>(device, n_bytes, 501, 3);
    say("change", cudaDeviceSynchronize());
    say("close", cudaIpcCloseMemHandle(device));
    return 0;
}

static void ipc(const char *self)
{
    unsigned char *host = host_bytes(6, false), *device;
    char file[] = "/tmp/program_runtime.XXXXXX", command[4200];
    cudaIpcMemHandle_t handle;
    FILE *stream = fdopen(mkstemp(file), "wb");

    cudaMalloc((void **)&device, n_bytes);
    say("up", cudaMemcpy(device, host, n_bytes, cudaMemcpyHostToDevice));
    say("down", cudaMemcpy(host, device, n_bytes, cudaMemcpyDeviceToHost));
    say("handle", cudaIpcGetMemHandle(&handle, device));
    std::fwrite(&handle, sizeof(handle), 1, stream);
    std::fclose(stream);
    std::fflush(stdout);
    std::snprintf(command, sizeof(command), "'%s' child %s", self, file);
    std::printf("child: %d\n", WEXITSTATUS(std::system(command)));
    say("down", cudaMemcpy(host, device, n_bytes, cudaMemcpyDeviceToHost));
    std::printf("digest %016llx\n", digest(host, n_bytes));
    unlink(file);
    cudaFree(device);
}

static void errors()
{
    unsigned char *host = host_bytes(8, false), *device;

    say("too much", cudaMalloc((void **)&device, (size_t)1 << 50));
    say("last", cudaGetLastError());
    cudaMalloc((void **)&device, n_bytes);
    say("wrong way", cudaMemcpy(device, host, n_bytes,
                                cudaMemcpyDeviceToHost));
    say("last", cudaGetLastError());
    say("free twice", cudaFree(device));
    say("free twice", cudaFree(device));
    say("last", cudaGetLastError());
    /* Nothing works after this, with or without the shim. */
    cudaMalloc((void **)&device, n_bytes);
    change<<<1, 1>>>((unsigned char *)16, 1, 1, 1);
    say("down", cudaMemcpy(host, device, n_bytes, cudaMemcpyDeviceToHost));
    say("down", cudaMemcpy(host, device, n_bytes, cudaMemcpyDeviceToHost));
    say("free", cudaFree(device));
}

int main(int argc, char **argv)
{
    if (argc == 3 && std::strcmp(argv[1], "child") == 0) {
        return child(argv[2]);
    }
    int n_devices = 0;
    cudaError_t error = cudaGetDeviceCount(&n_devices);

    if (error != cudaSuccess || n_devices == 0) {
        std::fprintf(stderr, "the runtime finds no GPU: %s\n",
                     cudaGetErrorName(error));
        return 77;
    }
    for (int i = 1; i < argc; i++) {
        std::printf("== %s\n", argv[i]);
        if (std::strcmp(argv[i], "copies") == 0) copies();
        if (std::strcmp(argv[i], "graph") == 0) graph();
        if (std::strcmp(argv[i], "pool") == 0) pool();
        if (std::strcmp(argv[i], "ipc") == 0) ipc(argv[0]);
        if (std::strcmp(argv[i], "errors") == 0) errors();
    }
    return 0;
}
