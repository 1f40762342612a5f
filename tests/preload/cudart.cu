// cudart.cu - the smallest program that makes the CUDA runtime look up all of
// the driver. How far it gets on a simulated driver, which has no private
// export tables, is not its point.
#include <cstdio>
#include <cuda_runtime.h>

__global__ void set(int *where, int value)
{
    *where = value;
}

int main()
{
    int *device = nullptr;
    cudaError_t error = cudaMalloc((void **)&device, 1 << 20);

    std::printf("cudaMalloc: %d\n", (int)error);
    set<<<1, 1>>>(device, 7);
    std::printf("launch: %d\n", (int)cudaGetLastError());
    return 0;
}
