"""Choosing a device, and saying which and why."""

from tumorsim.device.native import NativeDevice, find_compiler
from tumorsim.device.numpy import NumpyDevice
from tumorsim.device.twin import Device
from tumorsim.errors import ConfigError, DeviceError, Problem


def select_device(name: str = "auto") -> tuple[Device, str]:
    """The device called ``auto``, ``cuda``, ``cuda:N``, ``native`` or ``numpy``, and the reason in a sentence.

    ``auto`` takes cuda if a GPU answers, else native if a compiler is found, else numpy. Without a number cuda is the
    GPU that this thread uses already, so that what chooses for itself beside a run is on the same.
    Raises DeviceError when a named device is not there, ConfigError when the name is unknown.
    """
    kind, _, index = name.partition(":")
    if kind == "cuda" and (not index or index.isdigit()):
        return _cuda(int(index) if index else None), "asked for"
    if name == "native":
        return NativeDevice(), "asked for"
    if name == "numpy":
        return NumpyDevice(), "asked for"
    if name == "auto":
        return _automatic()
    raise ConfigError(
        Problem("device", name, "unknown device", "Use auto, cuda, cuda:N (N a GPU number), native or numpy")
    )


def _cuda(index: int | None) -> Device:
    from tumorsim.device.cuda import CudaDevice

    return CudaDevice(index)


def _automatic() -> tuple[Device, str]:
    try:
        return _cuda(None), "a GPU answers"
    except DeviceError as error:
        no_gpu = str(error).splitlines()[0]
    if find_compiler():
        return NativeDevice(), f"no GPU ({no_gpu}), a C++ compiler is here"
    return NumpyDevice(), f"no GPU ({no_gpu}) and no C++ compiler"


def describe_devices() -> list[tuple[str, bool, str]]:
    """Every device: name, whether it can be used here, and what it is or why not."""
    found = []
    for name in ("cuda", "native", "numpy"):
        try:
            device, _ = select_device(name)
            found.append((name, True, device.description))
        except DeviceError as error:
            found.append((name, False, str(error)))
    return found
