"""One way to lay a model out over the devices: what each of them would have to hold. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from appliance.engines.llama import placement
from appliance.engines.llama.sizes import INPUT_COPIES, KvType, Sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.engines.llama.anatomy import Shape
    from appliance.engines.llama.devices import Device
    from appliance.engines.specs import Llama

MEGA: Final = 1_000_000


@dataclass(slots=True)
class Share:
    """What lies on one device, in bytes. `usable` is free memory less the margin."""

    device: Device
    usable: int
    weights: int = 0
    cache: int = 0
    compute: int = 0
    other: int = 0

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.compute + self.other


@dataclass(slots=True)
class Layout:
    """`split` is llama.cpp's `tensor_split`; `placed` is false if the layers found no place."""

    cpu: Share
    gpus: list[Share]
    split: tuple[float, ...] = ()
    draft_gpu: int | None = None
    placed: bool = True

    @property
    def main_memory(self) -> int:
        """What is taken from main memory, by GPUs without their own too."""
        return self.cpu.bytes + sum(gpu.bytes for gpu in self.gpus if gpu.device.shared)

    @property
    def fits(self) -> bool:
        """Whether every device can hold its share."""
        free = all(gpu.bytes <= gpu.usable for gpu in self.gpus if gpu.bytes)
        return self.placed and free and self.main_memory <= self.cpu.usable


@dataclass(frozen=True, slots=True)
class Layouts:
    """Lays one model, and its draft model if there is one, out over the CPU and the GPUs that may be used."""

    spec: Llama
    shape: Shape
    draft: Shape | None
    cpu: Device
    gpus: Sequence[Device]
    by_rows: bool
    flash: bool
    slots: int
    batch: int

    def of(self, layers: int, cells: int, kv_type: KvType, *, even: bool = False) -> Layout:
        """With `layers` on the GPUs, and the draft model on one of them where that fits, else on the CPU.

        `even` spreads the layers over the GPUs in step with their room; without it they are only looked for a place.
        """
        candidates = range(len(self.gpus)) if self.draft is not None and layers else range(0)
        for gpu in sorted(candidates, key=lambda each: -self.gpus[each].free):
            if (layout := self._of(layers, cells, kv_type, gpu, even=even)).fits:
                return layout
        return self._of(layers, cells, kv_type, None, even=even)

    def _of(self, layers: int, cells: int, kv_type: KvType, draft_gpu: int | None, *, even: bool) -> Layout:
        sizes, first = self._sizes(self.shape, kv_type), self.shape.layers + 1 - layers
        margin = self.spec.memory_margin_mb * MEGA
        cpu, *gpus = (Share(device, max(0, device.free - margin)) for device in (self.cpu, *self.gpus))
        cpu.weights = self.shape.input_bytes + sum(sizes.weights(place, gpu=False) for place in range(first))
        cpu.cache = sum(sizes.cache(place, cells) for place in range(first))
        cpu.compute = sizes.compute(cells) if first else 0
        copied = 0 if layers else cpu.cache  # while gaps in it are closed
        cpu.other = sizes.host(cells) + copied
        layout = Layout(cpu, gpus, draft_gpu=draft_gpu)
        if self.draft is not None:
            self._add_draft(layout, self._sizes(self.draft, kv_type), cells)
        if layers:
            self._add_layers(layout, sizes, range(first, self.shape.layers + 1), cells, even=even)
        return layout

    def _sizes(self, shape: Shape, kv_type: KvType) -> Sizes:
        return Sizes(shape, kv_type, self.flash, self.batch, self.slots, self.spec.sequences)

    def _add_draft(self, layout: Layout, sizes: Sizes, cells: int) -> None:
        shape, on_gpu = sizes.shape, layout.draft_gpu is not None
        holder = layout.cpu if layout.draft_gpu is None else layout.gpus[layout.draft_gpu]
        places = range(shape.layers + 1)
        layout.cpu.weights += shape.input_bytes
        layout.cpu.other += sizes.host(cells)
        holder.weights += sum(sizes.weights(place, gpu=on_gpu) for place in places)
        holder.cache += sum(sizes.cache(place, cells) for place in places)
        holder.compute += sizes.compute(cells)
        holder.other += sizes.scratch(cells) if on_gpu else 0

    def _add_layers(self, layout: Layout, sizes: Sizes, places: range, cells: int, *, even: bool) -> None:
        gpus, given = layout.gpus, list(self.spec.tensor_split)
        weights = [sizes.weights(place, gpu=True) for place in places]
        caches = [sizes.cache(place, cells) for place in places]
        compute = sizes.compute(cells, copies=INPUT_COPIES if len(gpus) > 1 else 1)
        fixed = compute + sizes.scratch(cells)
        left = layout.cpu.usable - layout.main_memory
        rooms = [min(gpu.usable - gpu.bytes, left) if gpu.device.shared else gpu.usable - gpu.bytes for gpu in gpus]
        shares = given if any(given) else [float(max(0, room - fixed)) for room in rooms]
        if len(gpus) == 1:
            counts: list[int] | None = [len(places)]
        elif self.by_rows or any(given):
            counts = placement.by_shares(len(places), shares) if any(shares) else None
            layout.split = tuple(shares)
        else:
            costs = [weight + cache for weight, cache in zip(weights, caches, strict=True)]
            counts = placement.evenly(costs, rooms, fixed) if even else placement.filled(costs, rooms, fixed)
            layout.split = tuple(map(float, counts or ()))
        if counts is None:
            layout.placed, counts = False, [len(places), *([0] * (len(gpus) - 1))]
        for gpu, stretch, share in zip(gpus, placement.stretches(counts), shares, strict=True):
            rows = ceil(sum(weights) * share / sum(shares)) if self.by_rows and any(shares) else 0
            if not stretch and not rows:
                continue
            gpu.weights += rows if self.by_rows else sum(weights[at] for at in stretch)
            gpu.cache += sum(caches[at] for at in stretch)
            gpu.compute += compute
            gpu.other += sizes.scratch(cells)
