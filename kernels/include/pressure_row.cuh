// The pressure operator along one row of voxels: (A p)_i = Σ_faces T_f (p_i − p_neighbour) / h + G_i p_i.
//   t*   conductance of a face, m/(Pa s);   g   absorption G, 1/(Pa s);   r*   1 / spacing, 1/m
// Beyond a face of the box stands a fixed pressure; T is zero there when the face lets nothing through.
#pragma once
#include "grid.cuh"

struct Outside
{
    real z_low, z_high, y_low, y_high, x_low, x_high;
};

template <class Values>                                 // what p[x] is read from: an array, or what is made of several
struct PressureRowOf
{
    Values p, pz_low, pz_high, py_low, py_high;
    const real *tz_low, *tz_high, *ty_low, *ty_high, *tx, *g;
    bool first_z, last_z, first_y, last_y;
    real rz, ry, rx;
    Outside outside;

    // A p at voxel x of this row, whose neighbours along the row hold `left` and `right`.
    __device__ __forceinline__ real operator()(int x, real left, real right) const
    {
        const real c = p[x], zl = pz_low[x], zh = pz_high[x], yl = py_low[x], yh = py_high[x];
        const real along_x = tx[x] * (c - left) + tx[x + 1] * (c - right);
        const real along_y = ty_low[x] * (c - (first_y ? outside.y_low : yl))
                           + ty_high[x] * (c - (last_y ? outside.y_high : yh));
        const real along_z = tz_low[x] * (c - (first_z ? outside.z_low : zl))
                           + tz_high[x] * (c - (last_z ? outside.z_high : zh));
        return rx * along_x + ry * along_y + rz * along_z + g[x] * c;
    }

    __device__ __forceinline__ real diagonal(int x) const
    {
        return rx * (tx[x] + tx[x + 1]) + ry * (ty_low[x] + ty_high[x]) + rz * (tz_low[x] + tz_high[x]) + g[x];
    }
};

typedef PressureRowOf<const real*> PressureRow;

template <class Values>
static __device__ __forceinline__ PressureRowOf<Values> pressure_row(
    Values p, const real* tz, const real* ty, const real* tx, const real* g, const Outside& outside,
    real hz, real hy, real hx, int z, int y, int nz, int ny, int nx)
{
    const long long row = row_start(z, y, ny, nx), slab = (long long)ny * nx;
    const long long row_y = row_start(z, y, ny + 1, nx);
    PressureRowOf<Values> r;
    r.first_z = z == 0, r.last_z = z == nz - 1, r.first_y = y == 0, r.last_y = y == ny - 1;
    r.p = p + row;
    r.pz_low = r.first_z ? r.p : r.p + -slab, r.pz_high = r.last_z ? r.p : r.p + slab;
    r.py_low = r.first_y ? r.p : r.p + -nx, r.py_high = r.last_y ? r.p : r.p + nx;
    r.tz_low = tz + row, r.tz_high = tz + row + slab;
    r.ty_low = ty + row_y, r.ty_high = ty + row_y + nx;
    r.tx = tx + row_start(z, y, ny, nx + 1);
    r.g = g + row;
    r.rz = 1 / hz, r.ry = 1 / hy, r.rx = 1 / hx;
    r.outside = outside;
    return r;
}

// Call visit(x, left, right) for every voxel of a row, and add up what it returns.
template <class Values, class Visit>
static __device__ __forceinline__ double along_row(const PressureRowOf<Values>& row, int nx, Visit visit)
{
    const Values p = row.p;
    const real low = row.outside.x_low, high = row.outside.x_high;
    double total = 0;
#ifdef TUMORSIM_HOST                                    // the ends apart, so that the compiler vectorises the rest
    total += visit(0, low, nx > 1 ? p[1] : high);
    SUM_X(total)
    for (int x = 1; x < nx - 1; ++x)
        total += visit(x, p[x - 1], p[x + 1]);
    if (nx > 1)
        total += visit(nx - 1, p[nx - 2], high);
#else
    for (int x = threadIdx.x; x < nx; x += blockDim.x)
        total += visit(x, x > 0 ? p[x - 1] : low, x < nx - 1 ? p[x + 1] : high);
#endif
    return total;
}
