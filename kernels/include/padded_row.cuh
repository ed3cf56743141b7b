// A row of voxels that may be read up to two places beyond its ends, where the last value repeats:
//   PADDED_ROW(c, pointer, nx);  c.at(x - 2) ... c.at(x + 2)
// On the host it is a copy, so that the walk along the row stays one loop of plain loads.
#pragma once

#ifdef TUMORSIM_HOST
struct PaddedRow
{
    real* row;

    PaddedRow(real* room, const real* values, int nx) : row(room + 2)
    {
        __builtin_memcpy(row, values, nx * sizeof(real));
        row[-2] = row[-1] = values[0];
        row[nx] = row[nx + 1] = values[nx - 1];
    }

    inline real at(int x) const { return row[x]; }
};
#define PADDED_ROW(name, values, nx) real name##_room[(nx) + 4]; const PaddedRow name(name##_room, values, nx)
#else
struct PaddedRow
{
    const real* row;
    int last;

    __device__ __forceinline__ real at(int x) const { return row[min(max(x, 0), last)]; }
};
#define PADDED_ROW(name, values, nx) const PaddedRow name = {values, (nx) - 1}
#endif
