// Fluxes that two voxels share. On the GPU each thread computes both faces of its voxel anew; on the host each flux is
// computed once and kept in a row, where the neighbour finds the same number.
//
//   FACES_ALONG(name, nx, inner, first, last)   the faces across the row: name.at(x) below voxel x. But at the ends it is
//       inner(x, far_low, far_high), with the voxels next but one to the face, or the nearest that the row has
//   FACES_BELOW(name, axis, y, nx, low)         the faces towards the row below along an axis: low(x). In a loop over x
//       name.replaced(x, high) returns the flux from below; `high`, through the face above, is what the next row finds
#pragma once

#ifdef TUMORSIM_HOST
#include <vector>

struct FacesAlong
{
    real* row;

    template <class Flux>
    inline FacesAlong(real* room, int nx, const Flux& inner, real first, real last) : row(room)
    {
        VECTORISE
        for (int x = 2; x < nx - 1; ++x)
            row[x] = inner(x, x - 2, x + 1);
        if (nx > 1) {
            row[1] = inner(1, 0, nx > 2 ? 2 : 1);
            row[nx - 1] = inner(nx - 1, nx > 2 ? nx - 3 : 0, nx - 1);
        }
        row[0] = first;
        row[nx] = last;
    }

    inline real at(int x) const { return row[x]; }
};
#define FACES_ALONG(name, nx, inner, first, last) \
    real name##_room[(nx) + 1]; const FacesAlong name(name##_room, nx, inner, first, last)

enum { ALONG_Z, ALONG_Y };

// What this thread keeps of the slab below in its tile, and of the row below.
static inline real* kept_faces(int axis, int y, int nx)
{
    static thread_local std::vector<real> rooms[2];
    std::vector<real>& room = rooms[axis];
    const std::size_t rows = axis == ALONG_Z ? Walk::TILE : 1;
    if (room.size() < rows * nx)
        room.resize(rows * nx);
    return room.data() + (axis == ALONG_Z ? y % Walk::TILE * nx : 0);
}

struct FacesBelow
{
    real* row;

    template <class Flux>
    inline FacesBelow(int axis, int y, int nx, const Flux& low) : row(kept_faces(axis, y, nx))
    {
        if (axis == ALONG_Z ? walk.from_below_z : walk.from_below_y)
            return;
        VECTORISE
        for (int x = 0; x < nx; ++x)
            row[x] = low(x);
    }

    inline real replaced(int x, real high) const
    {
        const real low = row[x];
        row[x] = high;
        return low;
    }
};
#define FACES_BELOW(name, axis, y, nx, low) const FacesBelow name(axis, y, nx, low)
#else
template <class Flux>
struct FacesAlong
{
    const Flux& inner;
    int nx;
    real first, last;

    __device__ __forceinline__ real at(int x) const { return x == 0 ? first : x == nx ? last : inner(x, max(x - 2, 0), min(x + 1, nx - 1)); }
};
#define FACES_ALONG(name, nx, inner, first, last) const FacesAlong<decltype(inner)> name = {inner, nx, first, last}

template <class Flux>
struct FacesBelow
{
    const Flux& low;

    __device__ __forceinline__ real replaced(int x, real) const { return low(x); }
};
#define FACES_BELOW(name, axis, y, nx, low) const FacesBelow<decltype(low)> name = {low}
#endif
