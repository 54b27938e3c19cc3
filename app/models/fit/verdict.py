"""Whether a model fits a machine. Pure; sizes in bytes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.models.fit.shapes import Shape

_BASE = 100_000_000  # the runtime itself
_GPU_BASE = 500_000_000  # CUDA's context
_MARGIN, _LEAST_MARGIN = 0.15, 150_000_000  # added to the estimate, the larger of the two
_USABLE_SHARE = 0.9  # of a memory
_LEAST_CTX, _CTX_STEP = 512, 256
_BITS = {"Q8_0": 8.5, "Q4_K_M": 4.8}  # a weight


@dataclass(frozen=True, slots=True)
class Machine:
    name: str
    ram: int
    gpu: int = 0


@dataclass(frozen=True, slots=True)
class Fit:
    num_ctx: int
    kv_cache: int
    total: int
    fits: bool
    verdict: str


MACHINES = {
    "t4": Machine("t4", ram=12_700_000_000, gpu=15_800_000_000),
    "colab": Machine("colab", ram=12_700_000_000, gpu=15_800_000_000),  # its free tier has a T4
    "laptop-8gb": Machine("laptop-8gb", ram=8_000_000_000),
    "laptop-16gb": Machine("laptop-16gb", ram=16_000_000_000),
}


def fit(shape: Shape, machine: Machine, num_ctx: int, num_batch: int) -> Fit:
    """At `num_ctx`, or the model's own window where that is smaller."""
    num_ctx = min(num_ctx, shape.context or num_ctx)
    total = _needed(shape, num_ctx, num_batch)
    fits, verdict = _verdict(shape, machine, num_ctx, num_batch)
    return Fit(num_ctx, shape.kv_cache(num_ctx, num_batch), total, fits, verdict)


def _needed(shape: Shape, num_ctx: int, num_batch: int) -> int:
    compute = num_batch * (shape.vocabulary + 4 * shape.embedding) * 4
    counted = shape.weights + shape.kv_cache(num_ctx, num_batch) + compute + _BASE
    return counted + max(int(counted * _MARGIN), _LEAST_MARGIN)


def _verdict(shape: Shape, machine: Machine, num_ctx: int, num_batch: int) -> tuple[bool, str]:
    gpu = int(machine.gpu * _USABLE_SHARE) - _GPU_BASE
    ram = int(machine.ram * _USABLE_SHARE)
    needed = _needed(shape, num_ctx, num_batch)
    if needed <= gpu:
        return True, "fits the GPU"
    if needed <= max(gpu, 0) + ram:
        fewer = _largest(shape, gpu, num_ctx, num_batch)
        hint = f", or on the GPU alone with num_ctx up to {fewer}" if fewer else ""
        return True, f"partly on the CPU, slow{hint}" if machine.gpu else "fits RAM, on the CPU"
    if fewer := _largest(shape, max(gpu, 0) + ram, num_ctx, num_batch):
        return False, f"only with num_ctx up to {fewer}"
    return False, _smaller(shape, machine, num_ctx, num_batch)


def _largest(shape: Shape, memory: int, num_ctx: int, num_batch: int) -> int | None:
    """The largest window that fits."""
    windows: Sequence[int] = range(_LEAST_CTX, num_ctx, _CTX_STEP)
    return next((ctx for ctx in reversed(windows) if _needed(shape, ctx, num_batch) <= memory), None)


def _smaller(shape: Shape, machine: Machine, num_ctx: int, num_batch: int) -> str:
    """Whether quantised weights would fit."""
    if not shape.quantised and shape.parameters:
        for name, bits in _BITS.items():
            smaller = replace(shape, weights=int(shape.parameters * bits / 8), quantised=True)
            fits, where = _verdict(smaller, machine, num_ctx, num_batch)
            if fits:
                return f"does not fit; as {name} it would: {where}"
    return "does not fit"
