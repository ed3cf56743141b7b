// One stage of super-time-stepped diffusion, εdC/dt = Σ_faces g (C_beyond − C), in place over the stage before last:
//   before_last ← μ·last + ν·before_last + (1 − μ − ν)·start + dt·(μ̃·L(last) + γ̃·L(start)),   L = Σ g (…)/ε
//   conductance_*   g = harmonic(εD)/h² on faces, 1/s; on the faces of the box 2εD/h², or 0 where nothing passes
//   start_rate      L(start); the first stage writes it      ν = 0: before_last is written, not read
//   booked          per row: the amount that leaves the box per unit of time in the state `last`
#include "grid.cuh"
#include "row_sum.cuh"

struct Neighbours
{
    const real *c, *gx, *gy, *gz;         // this row, and the low faces around it
    long long slab, line;
    int z, y, nz, ny, nx;
    real y_low, y_high, z_low, z_high, x_low, x_high;
};

static __device__ __forceinline__ real gain_yz(const Neighbours& n, int x)
{
    const real* c = n.c + x;
    const real south = n.y > 0 ? c[-n.line] : n.y_low, north = n.y < n.ny - 1 ? c[n.line] : n.y_high;
    const real below = n.z > 0 ? c[-n.slab] : n.z_low, above = n.z < n.nz - 1 ? c[n.slab] : n.z_high;
    return n.gy[x] * (south - c[0]) + n.gy[x + n.line] * (north - c[0]) +
           n.gz[x] * (below - c[0]) + n.gz[x + n.slab] * (above - c[0]);
}

static __device__ __forceinline__ real gain_x(const Neighbours& n, int x, real west, real east)
{
    return n.gx[x] * (west - n.c[x]) + n.gx[x + 1] * (east - n.c[x]);
}

// What leaves the box through the faces beside this row, per unit of time.
static __device__ __forceinline__ double leaving(const Neighbours& n)
{
    double sum = 0;
    if (threadIdx.x == 0)
        sum += (double)(n.gx[0] * (n.c[0] - n.x_low)) + (double)(n.gx[n.nx] * (n.c[n.nx - 1] - n.x_high));
    const bool y_low = n.y == 0, y_high = n.y == n.ny - 1, z_low = n.z == 0, z_high = n.z == n.nz - 1;
    if (y_low || y_high || z_low || z_high)
        for (int x = threadIdx.x; x < n.nx; x += blockDim.x) {
            const real c = n.c[x];
            if (y_low) sum += n.gy[x] * (c - n.y_low);
            if (y_high) sum += n.gy[x + n.line] * (c - n.y_high);
            if (z_low) sum += n.gz[x] * (c - n.z_low);
            if (z_high) sum += n.gz[x + n.slab] * (c - n.z_high);
        }
    return row_sum(sum);
}

extern "C" __global__ void diffuse(
    real* __restrict__ before_last, real* __restrict__ start_rate, double* __restrict__ booked,
    const real* __restrict__ last, const real* __restrict__ start,
    const real* __restrict__ conductance_x, const real* __restrict__ conductance_y,
    const real* __restrict__ conductance_z, const real* __restrict__ available_fraction,
    real outside_z_low, real outside_z_high, real outside_y_low, real outside_y_high,
    real outside_x_low, real outside_x_high,
    int first, double mu, double nu, double mu_rate, double gamma_rate, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const Neighbours n = {
        last + row, conductance_x + row_start(z, y, ny, nx + 1), conductance_y + row_start(z, y, ny + 1, nx),
        conductance_z + row, (long long)ny * nx, nx, z, y, nz, ny, nx,
        outside_y_low, outside_y_high, outside_z_low, outside_z_high, outside_x_low, outside_x_high};
    const real* epsilon = available_fraction + row;
    const real* origin = start + row;
    real* result = before_last + row;
    real* rate = start_rate + row;
    const real m = (real)mu, v = (real)nu, rest = (real)(1.0 - mu - nu), mr = (real)mu_rate, gr = (real)gamma_rate;

    if (first) {
        FOR_X(x, 1, nx - 1) {
            rate[x] = (gain_x(n, x, n.c[x - 1], n.c[x + 1]) + gain_yz(n, x)) / epsilon[x];
            result[x] = n.c[x] + mr * rate[x];
        }
    } else {
        FOR_X(x, 1, nx - 1) {
            const real here = (gain_x(n, x, n.c[x - 1], n.c[x + 1]) + gain_yz(n, x)) / epsilon[x];
            result[x] = m * n.c[x] + (v != 0 ? v * result[x] : (real)0) + rest * origin[x] + mr * here + gr * rate[x];
        }
    }
    const int edges = nx < 2 ? nx : 2;           // the two ends of the row
    for (int e = threadIdx.x; e < edges; e += blockDim.x) {
        const int x = e == 0 ? 0 : nx - 1;
        const real west = x > 0 ? n.c[x - 1] : outside_x_low, east = x < nx - 1 ? n.c[x + 1] : outside_x_high;
        const real here = (gain_x(n, x, west, east) + gain_yz(n, x)) / epsilon[x];
        if (first) {
            rate[x] = here;
            result[x] = n.c[x] + mr * here;
        } else
            result[x] = m * n.c[x] + (v != 0 ? v * result[x] : (real)0) + rest * origin[x] + mr * here + gr * rate[x];
    }
    const double sum = leaving(n);
    if (threadIdx.x == 0)
        booked[(long long)z * ny + y] = sum;
}
