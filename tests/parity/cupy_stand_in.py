"""A stand-in for CuPy on the host, for tests: what tumorsim uses of CuPy 14, as strict and as late as on a GPU.

- Arrays do not mix with NumPy's, and live on one of two GPUs.
- Nothing that is launched runs before something waits for its stream. Then that stream runs alone; others catch up
  only where an event demands it. So what is read or overwritten without waiting is wrong here every time.
- Memory goes back to a pool of its stream with the last reference to it, and the next array finds 255 in every byte,
  NaN where these are reals. So does pinned memory, and the target of a copy that has not run.
- A kernel is compiled with the options it is given, between the fibers, and takes arguments of the very types.
- While a stream captures, nothing can be waited for, allocated or read.

It offers less than CuPy; where something is missing that CuPy has, add it. Put the module in ``sys.modules`` as
``cupy`` and its `cupyx` as ``cupyx``.
"""

import ctypes
import functools
import math
import operator
import threading
import weakref
from collections import defaultdict, deque
from types import SimpleNamespace

import numpy as np
from fibers import fiber_kernel

GPUS = 2
MARGIN = 256
"""Bytes on either side of an array that no kernel may write."""
_lock = threading.RLock()
_thread = threading.local()
launched = []
"""Every launch: GPU, name, grid, block, arguments."""


class CUDARuntimeError(RuntimeError):
    """As cupy.cuda.runtime.CUDARuntimeError."""


# devices and streams ---------------------------------------------------------------------------------------------


def _current_device():
    return getattr(_thread, "device", 0)


def _current_stream():
    given = getattr(_thread, "stream", None)
    return _null_streams[_current_device()] if given is None or given is Stream.null else given


def _must_not_capture(what):
    if getattr(_thread, "capturing", None) is not None:
        raise CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {what} while a stream captures")


class Device:
    """As cupy.cuda.Device: which GPU is current is known to each thread alone."""

    def __init__(self, device=None):
        self.id = _current_device() if device is None else device

    def use(self):
        if not 0 <= self.id < GPUS:
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
        _thread.device = self.id

    def __enter__(self):
        _thread.before = [*getattr(_thread, "before", []), _current_device()]
        self.use()
        return self

    def __exit__(self, *_):
        _thread.device = _thread.before.pop()

    def synchronize(self):
        _must_not_capture("a synchronisation")
        with _lock:
            for stream in [s for s in _streams if s.device_id == self.id]:
                stream._run()


class Stream:
    """As cupy.cuda.Stream: work in order, done when something waits for it. Only streams that are not blocking."""

    null = None

    def __init__(self, null=False, non_blocking=False):
        if not (null or non_blocking):
            raise NotImplementedError(
                "a blocking stream waits for the null stream, which hides what is missing"
            )
        self.device_id = _current_device()
        self._work, self._begun, self._captured = deque(), 0, None
        _streams.add(self)

    def use(self):
        _thread.stream = self
        return self

    def __enter__(self):
        _thread.streams = [*getattr(_thread, "streams", []), getattr(_thread, "stream", None)]
        return self.use()

    def __exit__(self, *_):
        _thread.stream = _thread.streams.pop()

    def _here(self):
        return _null_streams[_current_device()] if self is Stream.null else self

    def _put(self, work):
        """Last in line; or among what is captured."""
        self = self._here()
        if self.device_id != _current_device():
            raise CUDARuntimeError("cudaErrorInvalidResourceHandle: the stream belongs to another GPU")
        if self._captured is not None:
            self._captured.append(work)
            return
        if getattr(_thread, "capturing", None) is not None and self in _null_streams:
            raise CUDARuntimeError(
                "cudaErrorStreamCaptureImplicit: the null stream is used while a stream captures"
            )
        with _lock:
            self._work.append(work)

    @property
    def _given(self):
        return self._begun + len(self._work)

    def _run(self, until=None):
        with _lock:
            until = self._given if until is None else until
            while self._begun < until:
                self._begun += 1
                self._work.popleft()()

    @property
    def done(self):
        return not self._here()._work

    def synchronize(self):
        _must_not_capture("a synchronisation")
        self._here()._run()

    def record(self, event=None):
        event = event or Event()
        event.record(self)
        return event

    def wait_event(self, event):
        _must_not_capture("a wait for another stream")
        mark = event._mark
        if mark is not None:
            self._put(lambda: mark[0]._run(mark[1]))

    def begin_capture(self, mode=None):
        if self._here() in _null_streams:
            raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: the null stream cannot capture")
        _must_not_capture("a second capture")
        self._captured, _thread.capturing = [], self

    def end_capture(self):
        if self._captured is None:
            raise CUDARuntimeError("cudaErrorIllegalState: this stream does not capture")
        graph, self._captured, _thread.capturing = Graph(self._captured), None, None
        return graph


class Event:
    """As cupy.cuda.Event."""

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self._mark = None

    def record(self, stream):
        _must_not_capture("an event")
        stream = stream._here()
        if stream.device_id != _current_device():
            raise CUDARuntimeError("cudaErrorInvalidResourceHandle: the stream belongs to another GPU")
        with _lock:
            self._mark = stream, stream._given

    @property
    def done(self):
        return self._mark is None or self._mark[0]._begun >= self._mark[1]

    def synchronize(self):
        _must_not_capture("a synchronisation")
        if self._mark is not None:
            self._mark[0]._run(self._mark[1])


class Graph:
    """As cupy.cuda.Graph: what was captured, with the very arguments and addresses."""

    def __init__(self, work):
        self._work = work

    def launch(self, stream=None):
        target = _current_stream() if stream is None else stream
        for work in self._work:
            target._put(work)


_streams = weakref.WeakSet()
_null_streams = []
for _k in range(GPUS):
    with Device(_k):
        _null_streams.append(Stream(null=True))
Stream.null = object.__new__(Stream)  # that of whichever GPU is current


def idle():
    """Run everything, and forget what was launched: how a test begins and ends."""
    for stream in list(_streams):
        stream._run()
    launched.clear()


def forget_memory():
    """Give no memory out again that may be damaged."""
    _device_memory.free.clear()


# memory ----------------------------------------------------------------------------------------------------------


class _Pool:
    """Freed memory by place (a stream) and size, last in, first out; ``blocks`` are all that ever were."""

    def __init__(self):
        self.free, self.blocks = defaultdict(list), {}

    def take(self, place, nbytes):
        size = max(512, -(-nbytes // 512) * 512)
        with _lock:
            kept = self.free[place, size]
            memory = kept.pop() if kept else np.full(size + 2 * MARGIN, 255, np.uint8)
            self.blocks[memory.ctypes.data + MARGIN] = memory, place
        return memory, functools.partial(self._give_back, (place, size), memory)

    def _give_back(self, key, memory):
        with _lock:
            self.free[key].append(memory)


_device_memory, _pinned_memory = _Pool(), _Pool()


class _Block:
    """Memory of a GPU as long as an array of it lives; taken back in the order of the stream it was made on."""

    def __init__(self, nbytes):
        _must_not_capture("an allocation")
        stream = _current_stream()
        self.device_id = _current_device()
        memory, give_back = _device_memory.take(stream, nbytes)
        weakref.finalize(self, give_back)
        self.bytes = memory[MARGIN : MARGIN + nbytes]
        values = self.bytes
        stream._put(lambda: values.fill(255))


def _whole(memory):
    return memory[:MARGIN].min() == 255 == memory[-MARGIN:].min()


def _empty_pinned(shape, dtype=float, order="C"):
    dtype, shape = np.dtype(dtype), (shape,) if isinstance(shape, int) else tuple(shape)
    nbytes = math.prod(shape) * dtype.itemsize
    memory, give_back = _pinned_memory.take(None, nbytes)
    memory.fill(255)
    held = (ctypes.c_char * max(nbytes, 1)).from_buffer(memory.data[MARGIN:])
    weakref.finalize(held, give_back)
    return np.frombuffer(held, np.uint8)[:nbytes].view(dtype).reshape(shape)


def _in_pinned(array):
    """The same values, which do not keep their pinned memory from being let go; None where it is not pinned."""
    for start, (memory, _) in list(_pinned_memory.blocks.items()):
        offset = array.ctypes.data - start
        if 0 <= offset <= memory.size - 2 * MARGIN - array.nbytes:
            return memory[MARGIN + offset :][: array.nbytes].view(array.dtype).reshape(array.shape)
    return None


# arrays ----------------------------------------------------------------------------------------------------------


def _refuse(*values):
    for value in values:
        if not isinstance(value, ndarray | bool | int | float | np.generic):
            raise TypeError(f"Unsupported type {type(value)}")


def _hosts(values):
    """The memory of arrays, which must be on the current GPU; else the value."""
    for value in values:
        if isinstance(value, ndarray) and value._block.device_id != _current_device():
            raise ValueError("Array device must be same as the current device")
    return [value._host if isinstance(value, ndarray) else value for value in values]


def _sample(value):
    return np.ones((), value.dtype)[()] if isinstance(value, ndarray) else value


def _elementwise(function, *inputs, out=None, dtype=None):
    """A ufunc, put in line."""
    _refuse(*inputs)
    hosts = _hosts(inputs)
    with np.errstate(all="ignore"):
        found = function(*map(_sample, inputs), **({} if dtype is None else {"dtype": dtype})).dtype
    shape = np.broadcast_shapes(*(np.shape(host) for host in hosts))
    if out is None:
        out = ndarray(shape, found)
    elif not isinstance(out, ndarray):
        raise TypeError("return arrays must be of CuPy's ArrayType")
    elif out.shape != shape or not np.can_cast(found, out.dtype, "same_kind"):
        raise TypeError(f"cannot put {found}{shape} into {out.dtype}{out.shape}")
    (target,) = _hosts([out])

    def work():
        with np.errstate(all="ignore"):
            target[...] = function(*hosts, **({} if dtype is None else {"dtype": dtype}))

    _current_stream()._put(work)
    return out


def _computed(function, *inputs):
    """A new array of what a function makes of others, whose shape and dtype do not depend on their values."""
    hosts = _hosts(inputs)
    like = function(*(np.zeros_like(h) if isinstance(h, np.ndarray) else h for h in hosts))
    out = ndarray(np.shape(like), like.dtype)
    target = out._host

    def work():
        target[...] = function(*hosts)

    _current_stream()._put(work)
    return out


class ndarray:
    """As cupy.ndarray: values on a GPU, which only copies bring to the host."""

    __array_priority__ = 100
    __hash__ = None

    def __init__(self, shape, dtype=float):
        dtype = np.dtype(dtype)
        shape = (shape,) if isinstance(shape, int) else tuple(map(operator.index, shape))
        self._block = _Block(math.prod(shape) * dtype.itemsize)
        self._host = self._block.bytes.view(dtype).reshape(shape)

    def _view(self, host):
        """Of the same memory."""
        view = object.__new__(ndarray)
        view._block, view._host = self._block, host
        return view

    shape = property(lambda self: self._host.shape)
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: self._host.flags)
    device = property(lambda self: Device(self._block.device_id))

    @property
    def data(self):
        return SimpleNamespace(ptr=self._host.ctypes.data, device_id=self._block.device_id)

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if method != "__call__":
            return NotImplemented
        return _elementwise(ufunc, *inputs, out=out and out[0], **options)

    def __array_function__(self, function, types, args, options):
        if function is np.moveaxis:
            return self._view(np.moveaxis(args[0]._host, *args[1:], **options))
        raise NotImplementedError(f"{function.__name__} is not in the stand-in: is it in CuPy?")

    # to the host

    def get(self, stream=None, order="C", out=None, blocking=True):
        """As cupy.ndarray.get; a copy that does not block goes to pinned memory."""
        _must_not_capture("a copy to the host")
        with self.device:
            target = (stream or _current_stream())._here()
            contiguous = self if self.flags.c_contiguous else self.copy()  # which the current stream does
            if out is None:
                out = np.empty(self.shape, self.dtype)
            if not (isinstance(out, np.ndarray) and out.dtype == self.dtype and out.shape == self.shape):
                raise TypeError("out must be a NumPy array of the same dtype and shape")
            out.view(np.uint8).fill(255) if out.ndim else out.fill(0)
            source, pinned = contiguous._host, _in_pinned(out)
            values = out if pinned is None else pinned
            target._put(lambda: np.copyto(values, source))
            if blocking or pinned is None:
                target._run()
        return out

    def set(self, values, stream=None):
        _must_not_capture("a copy from the host")
        if not (isinstance(values, np.ndarray) and values.dtype == self.dtype and values.shape == self.shape):
            raise TypeError("only a NumPy array of the same dtype and shape can be set")
        source, target = _empty_pinned(values.shape, values.dtype), self._host
        source[...] = values  # to pinned memory, as CuPy does
        with self.device:
            (stream or _current_stream())._put(lambda: np.copyto(target, source))

    __bool__ = lambda self: bool(self.get())  # noqa: E731
    __float__ = lambda self: float(self.get())  # noqa: E731
    __int__ = lambda self: int(self.get())  # noqa: E731
    __repr__ = lambda self: repr(self.get())  # noqa: E731
    __format__ = lambda self, how: format(self.get(), how)  # noqa: E731

    # parts and shapes

    def __len__(self):
        return len(self._host)

    def __getitem__(self, key):
        if not isinstance(key, ndarray):
            return self._view(_with_ellipsis(self._host, key))
        return _computed(lambda values, places: values[places], self, key)

    def __setitem__(self, key, value):
        _refuse(value)
        if isinstance(key, ndarray):
            target, places, given = _hosts([self, key, value])

            def work():
                target[places] = given

            _current_stream()._put(work)
        elif isinstance(value, ndarray):
            _copied(value, self[key])
        else:
            _copied(_number(value, self.dtype), self[key])

    def reshape(self, *shape):
        shape = shape[0] if len(shape) == 1 else shape
        if self.flags.c_contiguous:
            return self._view(self._host.reshape(shape))
        return self.copy().reshape(shape)

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if not copy and self.dtype == dtype:
            return self
        return _computed(lambda values: values.astype(dtype), self)

    def copy(self, order="C"):
        return _computed(lambda values: values.copy(), self)

    # numbers of many values

    def sum(self, axis=None, dtype=None, out=None, keepdims=False):
        return _computed(lambda values: np.sum(values, axis=axis, dtype=dtype, keepdims=keepdims), self)

    def max(self, axis=None, out=None, keepdims=False):
        return _computed(lambda values: np.max(values, axis=axis, keepdims=keepdims), self)


def _with_ellipsis(host, key):
    """A view even where the key names one value."""
    keys = key if isinstance(key, tuple) else (key,)
    if any(isinstance(k, np.ndarray | list) for k in keys):
        raise TypeError("index with an array of the GPU")
    return host[keys if any(k is Ellipsis for k in keys) else (*keys, ...)]


def _copied(source, target):
    from_, to = _hosts([source, target])
    np.broadcast_to(np.empty(from_.shape, np.uint8), to.shape)
    _current_stream()._put(lambda: np.copyto(to, from_, casting="unsafe"))


def _number(value, dtype):
    """A number as an argument of a kernel, which takes no memory of the GPU."""
    number = object.__new__(ndarray)
    number._block = SimpleNamespace(device_id=_current_device())
    number._host = np.asarray(value).astype(dtype)
    return number


_BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide}
_COMPARISONS = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
_UNARY = {"neg": np.negative, "abs": np.absolute}


def _operators():
    for name, ufunc in (_BINARY | _COMPARISONS).items():
        yield f"__{name}__", lambda self, other, ufunc=ufunc: _elementwise(ufunc, self, other)
    for name, ufunc in _BINARY.items():
        yield f"__r{name}__", lambda self, other, ufunc=ufunc: _elementwise(ufunc, other, self)
        yield f"__i{name}__", lambda self, other, ufunc=ufunc: _elementwise(ufunc, self, other, out=self)
    for name, ufunc in _UNARY.items():
        yield f"__{name}__", lambda self, ufunc=ufunc: _elementwise(ufunc, self)


for _name, _method in _operators():
    setattr(ndarray, _name, _method)


def empty(shape, dtype=float, order="C"):
    return ndarray(shape, dtype)


def zeros(shape, dtype=float, order="C"):
    made = ndarray(shape, dtype)
    values = made._host
    _current_stream()._put(lambda: values.fill(0))
    return made


def asarray(a, dtype=None, order=None, *, blocking=False):
    if isinstance(a, ndarray):
        return a if dtype is None else a.astype(dtype, copy=False)
    _must_not_capture("a copy from the host")
    a = np.asarray(a, dtype)
    made = ndarray(a.shape, a.dtype)
    made.set(a)
    return made


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    if isinstance(a, ndarray):
        return a.get(stream=stream, order=order, out=out, blocking=blocking)
    return np.asarray(a)


def copyto(dst, src, casting="same_kind", where=None):
    dst[...] = src


def multiply(x1, x2, /, out=None, *, dtype=None):
    return _elementwise(np.multiply, x1, x2, out=out, dtype=dtype)


# kernels ---------------------------------------------------------------------------------------------------------


class RawModule:
    """As cupy.RawModule, with g++ for NVRTC and the fibers for the GPU. A module is loaded on one GPU at a time."""

    def __init__(self, *, code=None, path=None, options=(), backend="nvrtc"):
        self._code, self._options = code, tuple(options)

    def get_function(self, name):
        return _RawKernel(fiber_kernel(self._code, name, self._options))


class _RawKernel:
    def __init__(self, kernel):
        self._kernel = kernel

    def __call__(self, grid, block, args, *, shared_mem=0):
        x, y, z = (*grid, 1, 1)[:3]
        threads, *others = block
        if shared_mem or any(n != 1 for n in others):
            raise NotImplementedError("the fibers have one row of threads and no shared memory by size")
        if not (1 <= threads <= 1024 and 1 <= x < 2**31 and 1 <= y < 2**16 and 1 <= z < 2**16):
            raise CUDARuntimeError(f"CUDA_ERROR_INVALID_VALUE: grid {grid}, block {block}")
        kernel, packed = self._kernel, self._kernel.packed([_argument(value) for value in args])
        blocks = [_block_at(int(value)) for value in args if isinstance(value, np.intp) and value]
        launched.append((_current_device(), kernel.name, tuple(grid), tuple(block), tuple(args)))

        def work():
            kernel.run((x, y, z), threads, packed)
            assert all(map(_whole, blocks)), f"{kernel.name} writes beyond an array"

        _current_stream()._put(work)


def _argument(value):
    """What CuPy makes of an argument of a kernel."""
    if isinstance(value, ndarray):
        return np.intp(value.data.ptr)
    if isinstance(value, np.generic):
        return value
    return {bool: np.bool_, int: np.int64, float: np.float64}[type(value)](value)


def _block_at(address):
    """The memory that an address of the current GPU lies in."""
    blocks = _device_memory.blocks
    near = [address] if address in blocks else list(blocks)
    for start in near:
        memory, stream = blocks[start]
        inside = start <= address <= start + memory.size - 2 * MARGIN
        if inside and stream.device_id == _current_device():
            return memory
    raise CUDARuntimeError(f"CUDA_ERROR_ILLEGAL_ADDRESS: no array of this GPU is at {address}")


class ElementwiseKernel:
    """As cupy.ElementwiseKernel, for an operation that is one line of C and of Python."""

    def __init__(self, in_params, out_params, operation, name="kernel"):
        self._names = [word.split()[-1] for word in in_params.split(",")]
        target, _, self._formula = operation.replace("f *", " *").partition("=")
        if target.strip() != out_params.split()[-1]:
            raise NotImplementedError(operation)

    def __call__(self, *arrays):
        *inputs, out = arrays
        (target,), hosts = _hosts([out]), _hosts(inputs)

        def work():
            target[...] = eval(self._formula, {}, dict(zip(self._names, hosts, strict=True)))

        _current_stream()._put(work)


def _properties(device):
    if not 0 <= device < GPUS:
        raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")
    return {"name": b"Stand-in", "major": 9, "minor": 0, "totalGlobalMem": 2**30}


runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError,
    getDeviceProperties=_properties,
    getDeviceCount=lambda: GPUS,
    getDevice=_current_device,
    driverGetVersion=lambda: 13000,
    deviceSynchronize=lambda: Device().synchronize(),
)
cuda = SimpleNamespace(
    Device=Device,
    Stream=Stream,
    Event=Event,
    Graph=Graph,
    runtime=runtime,
    get_current_stream=lambda: getattr(_thread, "stream", None) or Stream.null,
)
cupyx = SimpleNamespace(empty_pinned=_empty_pinned)
