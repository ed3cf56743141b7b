// Drug into and out of cells at the rates of the moment, for one linear step:
//   q = ρV/(I + ρK_i) + p,   source = (released + I (1 − e^{−q dt}))/dt + local_source·local_plasma
//   κ = f ε ρV/(fεC + K_e ε) · (1 − e^{−q dt})/(q dt) + lasting_uptake: what enters during the step leaves at the same rate
//   cells  I, amount/m³ of tissue: loses what goes to `source`, gains `released_in_cells`
//   cell_density  ρ, 1/m³ (null: no cells take drug up, and nothing leaves them)      local_source, lasting_uptake  or null
#include "grid.cuh"
#include "decayed_part.cuh"
#include "rounding.cuh"

extern "C" __global__ void cell_exchange(
    real* __restrict__ capture, real* __restrict__ source, real* __restrict__ cells,
    const real* __restrict__ concentration, const real* __restrict__ released,
    const real* __restrict__ released_in_cells, const real* __restrict__ cell_density,
    const real* __restrict__ available_fraction, const real* __restrict__ local_source,
    const real* __restrict__ lasting_uptake,
    double fastest, double half_outside, double half_inside, double efflux, double free_fraction, double local_plasma,
    double dt, int seed, int nz, int ny, int nx)
{
    ROW(z, y);
    const long long row = row_start(z, y, ny, nx);
    const unsigned int dither = row_dither(seed, (long long)z * ny + y);
    FOR_X(x, 0, nx) {
        const double epsilon = available_fraction[row + x], held = cells[row + x];
        double leaving = 0, taking = lasting_uptake ? (double)lasting_uptake[row + x] : 0.0;
        if (cell_density) {
            const double density = cell_density[row + x], most = density * fastest;
            const double outside = free_fraction * epsilon * (double)concentration[row + x] + half_outside * epsilon;
            const double room = held + density * half_inside;
            const double rate = (room > 0 ? most / room : 0.0) + efflux;
            const double part = decayed_part(rate * dt);
            leaving = held * part;
            taking += free_fraction * epsilon * most / outside * (rate > 0 ? part / (rate * dt) : 1.0);
        }
        const double inside = released_in_cells[row + x];
        const real left = rounded<real>(held - leaving + inside, dither_at(dither, x));
        double total = ((double)released[row + x] + (held + inside - (double)left)) / dt;
        if (local_source)
            total += (double)local_source[row + x] * local_plasma;
        capture[row + x] = (real)taking;
        cells[row + x] = left;
        source[row + x] = (real)total;
    }
}
