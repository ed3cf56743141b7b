// What limits a step of transport: per row the largest, over its voxels, of
//   the cell Péclet number |r|/g of the inner faces on its low sides;        and, divided by ε, in 1/s:
//   Σ_faces g;   Σ_faces g + losses;   the same and what central convection carries out net, Σ ½r outwards (on the faces
//   of the box all of it, where it is outwards);   Σ_axes max r²/g;   what flows out, Σ_out r
//   conductance_*   g      rate_*   r, both on faces, 1/s      reabsorption, lymph_drainage, capture   losses (each or null)
//   *_scale         what they are over where they are halves; exchange: reabsorption and lymph_drainage
#include "coefficients.cuh"
#include "row_sum.cuh"

struct Faces
{
    double low_g, high_g, low_r, high_r;
    bool at_low, at_high;
};

struct Scales { float g, r; };

static __device__ __forceinline__ Faces faces_at(
    const coefficient* g, const coefficient* r, const Scales& scale, long long low, long long step, int k, int n)
{
    const auto value = [](coefficient stored, float scale) { return (double)value_of(stored, scale); };
    return {value(g[low], scale.g), value(g[low + step], scale.g), value(r[low], scale.r), value(r[low + step], scale.r),
            k == 0, k == n - 1};
}

static __device__ __forceinline__ double over(double a, double b) { return b > 0 ? a / b : 0.0; }

static __device__ __forceinline__ double carried_out(const Faces& a)
{
    return (a.at_low ? fmax(-a.low_r, 0.0) : -a.low_r / 2) + (a.at_high ? fmax(a.high_r, 0.0) : a.high_r / 2);
}

static __device__ __forceinline__ double peclet(const Faces& a)
{
    const double r = a.at_low ? 0.0 : fabs(a.low_r);
    return r > 0 ? r / a.low_g : 0.0;    // infinite where nothing diffuses
}

extern "C" __global__ void transport_limits(
    double* __restrict__ largest,
    const coefficient* __restrict__ conductance_x, const coefficient* __restrict__ conductance_y,
    const coefficient* __restrict__ conductance_z, const coefficient* __restrict__ rate_x,
    const coefficient* __restrict__ rate_y, const coefficient* __restrict__ rate_z,
    const coefficient* __restrict__ reabsorption, const coefficient* __restrict__ lymph_drainage,
    const real* __restrict__ capture, const real* __restrict__ available_fraction,
    float conductance_scale, float rate_scale, float exchange_scale, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx), rows = (long long)nz * ny;
    const long long row_x = row_start(z, y, ny, nx + 1), row_y = row_start(z, y, ny + 1, nx);
    const Scales scale = {conductance_scale, rate_scale};
    double most[6] = {0, 0, 0, 0, 0, 0};
    FOR_EACH_X(x, 0, nx) {
        const Faces axes[3] = {faces_at(conductance_x, rate_x, scale, row_x + x, 1, x, nx),
                               faces_at(conductance_y, rate_y, scale, row_y + x, nx, y, ny),
                               faces_at(conductance_z, rate_z, scale, row + x, (long long)ny * nx, z, nz)};
        double spreads = 0, carried = 0, mixed = 0, out = 0;
        for (const Faces& a : axes) {
            most[0] = fmax(most[0], peclet(a));
            spreads += a.low_g + a.high_g;
            carried += carried_out(a);
            mixed += fmax(over(a.low_r * a.low_r, a.low_g), over(a.high_r * a.high_r, a.high_g));
            out += fmax(a.high_r, 0.0) - fmin(a.low_r, 0.0);
        }
        double lost = GIVEN(reabsorption) ? (double)value_of(reabsorption[row + x], exchange_scale) : 0.0;
        lost += GIVEN(lymph_drainage) ? (double)value_of(lymph_drainage[row + x], exchange_scale) : 0.0;
        lost += GIVEN(capture) ? (double)capture[row + x] : 0.0;
        const double part = 1 / (double)available_fraction[row + x];
        const double here[] = {spreads, spreads + lost, spreads + lost + carried, mixed, out};
        for (int k = 0; k < 5; ++k)
            most[k + 1] = fmax(most[k + 1], part * here[k]);
    }
    row_maxima(most);
    if (threadIdx.x == 0)
        for (int k = 0; k < 6; ++k)
            largest[k * rows + (long long)z * ny + y] = most[k];
}
