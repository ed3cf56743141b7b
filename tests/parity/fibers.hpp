// CUDA's blocks of threads on the host as they are: every thread is a fiber that runs until a barrier, a shuffle or its
// end. So what kernels do only on a GPU (shared memory, warps, a voxel a thread) runs without one, and in any order of
// threads and blocks.
#pragma once
#include <cmath>
#include <csetjmp>
#include <cstring>
#include <type_traits>
#include <ucontext.h>
#include <utility>

struct Dim3 { int x, y, z; };
static Dim3 blockIdx, threadIdx, blockDim, gridDim;
static const int MOST_THREADS = 1024;

#define __global__ __attribute__((visibility("hidden")))
#define __device__
#define __forceinline__ inline
#define __restrict__
#define __shared__ static
#define __launch_bounds__(...)

using std::exp; using std::expm1; using std::log; using std::log1p; using std::sqrt;
using std::fabs; using std::fmax; using std::fmin;
template <class Number> static inline Number max(Number a, Number b) { return a > b ? a : b; }
template <class Number> static inline Number min(Number a, Number b) { return a < b ? a : b; }

// Rounded by themselves: nothing is fused with what is volatile.
static inline float __fmul_rn(float a, float b) { volatile float product = a * b; return product; }
static inline double __dmul_rn(double a, double b) { volatile double product = a * b; return product; }
static inline float __fdividef(float a, float b) { volatile float inverse = 1 / b; return a * inverse; }
static inline unsigned long long __double_as_longlong(double a) { unsigned long long b; memcpy(&b, &a, 8); return b; }
static inline double __longlong_as_double(unsigned long long a) { double b; memcpy(&b, &a, 8); return b; }

enum State { READY, AT_BARRIER, AT_SHUFFLE, DONE };

struct Fiber
{
    ucontext_t context;
    jmp_buf place;
    State state;
    int shuffles;
    bool begun;
    char stack[1 << 16];
};

static Fiber fibers[MOST_THREADS];
static jmp_buf scheduler;
static int running;
static void (*work)();

static void pause_as(State state)
{
    fibers[running].state = state;
    if (!_setjmp(fibers[running].place))
        _longjmp(scheduler, 1);
}

static void thread_main()
{
    for (;;) {
        work();
        pause_as(DONE);
    }
}

static void resume(int thread)
{
    Fiber& fiber = fibers[thread];
    running = threadIdx.x = thread;
    if (_setjmp(scheduler))
        return;
    if (fiber.begun)
        _longjmp(fiber.place, 1);
    fiber.begun = true;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack;
    fiber.context.uc_stack.ss_size = sizeof fiber.stack;
    makecontext(&fiber.context, thread_main, 0);
    setcontext(&fiber.context);
}

static void __syncthreads() { pause_as(AT_BARRIER); }

static double __shfl_down_sync(unsigned, double value, int offset)
{
    static double exchanged[2][MOST_THREADS];                // whoever is at the next but one has seen all read this one
    const int me = running, turn = fibers[me].shuffles++ % 2;
    exchanged[turn][me] = value;
    pause_as(AT_SHUFFLE);
    return me % 32 + offset < 32 ? exchanged[turn][me + offset] : value;
}

// Let go all of a group that wait for each other; false where some wait and others never come.
static bool release(State state, int first, int count)
{
    int waiting = 0;
    for (int k = first; k < first + count; ++k)
        waiting += fibers[k].state == state;
    for (int k = first; waiting == count && k < first + count; ++k)
        fibers[k].state = READY;
    return waiting == 0 || waiting == count;
}

// Run one block; what is wrong with its barriers, or null.
static const char* run_block(bool backwards)
{
    const int threads = blockDim.x;
    for (int k = 0; k < threads; ++k)
        fibers[k].state = READY;
    for (;;) {
        for (int k = 0; k < threads; ++k) {
            const int thread = backwards ? threads - 1 - k : k;
            if (fibers[thread].state == READY)
                resume(thread);
        }
        for (int warp = 0; warp < threads; warp += 32)
            if (!release(AT_SHUFFLE, warp, threads - warp < 32 ? threads - warp : 32))
                return "a shuffle that not all threads of a warp reach";
        int ready = 0, done = 0;
        for (int k = 0; k < threads; ++k)
            ready += fibers[k].state == READY, done += fibers[k].state == DONE;
        if (done == threads)
            return nullptr;
        if (!ready && !release(AT_BARRIER, 0, threads))
            return "a barrier that not all threads of a block reach";
    }
}

// A kernel that takes its arguments as CUDA does, each from where it lies, here one every eight bytes.
static const char* given;

template <class... Types, std::size_t... K>
static void call(void (*kernel)(Types...), std::index_sequence<K...>)
{
    kernel(*(const Types*)(given + 8 * K)...);
}

template <class... Types>
static void call(void (*kernel)(Types...))
{
    call(kernel, std::index_sequence_for<Types...>{});
}

// What its parameters are: P a pointer, else f, d, i, B (unsigned char) and so on as in numpy.dtype.char; ? what is unknown.
template <class Type>
static constexpr char kind()
{
    if (std::is_pointer_v<Type>) return 'P';
    if (std::is_same_v<Type, float>) return 'f';
    if (std::is_same_v<Type, double>) return 'd';
    if (std::is_same_v<Type, int>) return 'i';
    if (std::is_same_v<Type, unsigned char>) return 'B';
    return '?';
}

template <class... Types>
static const char* kinds(void (*)(Types...))
{
    static const char all[] = {kind<Types>()..., 0};
    return all;
}

// Run all blocks, first to last or the other way round; what is wrong with the barriers of one, or null.
static const char* run_grid(const char* arguments, Dim3 grid, int threads, bool backwards)
{
    given = arguments, gridDim = grid, blockDim = {threads, 1, 1};
    const int blocks = grid.x * grid.y * grid.z;
    for (int k = 0; k < blocks; ++k) {
        const int block = backwards ? blocks - 1 - k : k;
        blockIdx = {block % grid.x, block / grid.x % grid.y, block / (grid.x * grid.y)};
        if (const char* fault = run_block(backwards))
            return fault;
    }
    return nullptr;
}
