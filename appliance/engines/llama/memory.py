"""The memory plan: whether a model fits, and with how much context, before it is loaded. Pure arithmetic.

Weights come first, then a context that is of use, then room for more conversations. What does not fit is made smaller
in this order: the cells beyond one whole conversation; the length of a conversation; and, where the GPUs cannot hold
all layers even so, the number of layers on them. If the smallest of all that does not fit, the model is refused.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from appliance.engines.faults import ModelDoesNotFit
from appliance.engines.llama.layout import MEGA, Layout, Layouts, Share
from appliance.engines.llama.sizes import KV_TYPES, KvType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.engines.llama.anatomy import Shape
    from appliance.engines.llama.devices import Device
    from appliance.engines.specs import Llama

STEP: Final = 256
"""llama.cpp rounds the cells up to a multiple of this."""

SMALLEST_CONTEXT: Final = 1024
"""Tokens below which a conversation is of no use; less only if less is asked for."""

SLOTS: Final = 64
"""Sequences that the cache tells apart: those that are written, and the conversations kept beside them. They cost
nothing by themselves, except with recurrent layers, which have a state for each."""

BLOCK: Final = 32
"""A quantised cache needs heads of a multiple of this."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What one device has to hold, and what of its memory may be used, in bytes."""

    device: str
    weights: int
    cache: int
    compute: int
    other: int
    """Driver, outputs and samplers."""
    usable: int
    """Free memory less the margin."""

    @property
    def bytes(self) -> int:
        """All of it."""
        return self.weights + self.cache + self.compute + self.other


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How the model is to be loaded, with llama.cpp's names in quotes."""

    context: int
    """Tokens of one conversation, prompt and reply together."""
    cells: int
    """`n_ctx`, with `kv_unified`: tokens of all conversations together."""
    slots: int
    """`n_seq_max`."""
    batch: int
    """`n_batch` and `n_ubatch`; at least `slots`."""
    flash_attention: bool
    kv_type: KvType
    gpu_layers: int
    """`n_gpu_layers`; the output counts as a layer."""
    split_mode: Literal["none", "layer", "row"]
    main_gpu: int
    """-1, with `split_mode` "none": no GPU is touched."""
    tensor_split: tuple[float, ...] = ()
    """A number for each GPU, or empty where there is nothing to split."""
    draft_gpu: int | None = None
    """The GPU that holds the whole draft model; None: the CPU does, if there is one."""
    needs: tuple[Need, ...]
    """The devices that are used, the CPU first."""
    notes: tuple[str, ...] = ()
    """What is otherwise than asked for, a clause each, for the log."""

    @property
    def ggml_types(self) -> tuple[int, int]:
        """`type_k` and `type_v`."""
        keys, values = KV_TYPES[self.kv_type]
        return keys.number, values.number


def plan(spec: Llama, shape: Shape, devices: Sequence[Device], draft: Shape | None = None) -> Plan:
    """Lay the model, and its draft model if there is one, out over the devices, of which the first is the CPU.

    Raises `ModelDoesNotFit`, which names what is needed, what is free and what to change.
    """
    return _Planning(spec, shape, devices, draft).plan()


class _Planning:
    def __init__(self, spec: Llama, shape: Shape, devices: Sequence[Device], draft: Shape | None) -> None:
        self._spec, self._shape, self._draft = spec, shape, draft
        self._notes: list[str] = []
        self._mode = spec.split_mode
        self._layouts = Layouts(
            spec,
            shape,
            draft,
            cpu=devices[0],
            gpus=self._gpus([device for device in devices if device.kind == "gpu"]),
            by_rows=self._mode == "row",
            flash=spec.flash_attention != "off",
            slots=self._slots,
            batch=max(spec.batch, self._slots),  # llama.cpp gives up on an output buffer that is smaller
        )

    @property
    def _slots(self) -> int:
        """One more than the sequences at least."""
        spec = self._spec
        return max(spec.sequences + 1, 0 if self._shape.state_bytes else min(SLOTS, spec.batch))

    def _gpus(self, gpus: list[Device]) -> list[Device]:
        """Those that may be used."""
        spec = self._spec
        if not gpus or spec.gpu_layers == 0:
            return []
        if self._mode != "layer" and spec.main_gpu >= len(gpus):
            raise ModelDoesNotFit(f"llm.main_gpu is {spec.main_gpu}, but the GPUs are numbered 0 to {len(gpus) - 1}")
        if self._mode == "none":
            return [gpus[spec.main_gpu]]
        if any(spec.tensor_split) and len(spec.tensor_split) != len(gpus):
            raise ModelDoesNotFit(f"llm.tensor_split has {len(spec.tensor_split)} shares for {len(gpus)} GPUs")
        if self._mode == "row" and not all(gpu.splits_rows for gpu in gpus):
            self._mode = "layer"
            self._notes.append("these GPUs cannot split a matrix by rows and are given whole layers (llm.split_mode)")
        return gpus

    def plan(self) -> Plan:
        spec, shape = self._spec, self._shape
        context = spec.context
        if 0 < shape.trained_context < context:
            self._notes.append(
                f"the model knows {shape.trained_context} tokens of context, not {context} (llm.context)"
            )
            context = shape.trained_context
        wanted = _padded(spec.cells or 2 * context)
        layers, cells = self._search(min(_padded(context), wanted), wanted)
        if cells < wanted:
            self._notes.append(f"memory has room for {cells} cells of the {wanted} that were wanted (llm.cells)")
        if cells < context:
            self._notes.append(f"a conversation can have {cells} tokens, not {context} (llm.context)")
        kv_type = self._kv_type(layers)
        if kv_type == "f16" and spec.kv_type == "auto" and not layers and self._layouts.flash:
            self._notes.append(f"heads that are no multiple of {BLOCK} need a cache of f16 (llm.kv_type)")
        layout = self._layouts.of(layers, cells, kv_type, even=True)
        if not layout.fits:  # GPUs that share main memory can have room for their own use only once
            layout = self._layout(layers, cells)
        if self._draft is not None and layers and layout.draft_gpu is None:
            self._notes.append("no GPU has room for the draft model; it runs on the CPU (llm.draft_model)")
        return Plan(
            context=min(context, cells),
            cells=cells,
            slots=self._layouts.slots,
            batch=self._layouts.batch,
            flash_attention=self._layouts.flash,
            kv_type=kv_type,
            gpu_layers=layers,
            split_mode=self._mode if layers else "none",
            main_gpu=spec.main_gpu if layers else -1,
            tensor_split=layout.split,
            draft_gpu=layout.draft_gpu,
            needs=tuple(_need(share) for share in (layout.cpu, *layout.gpus) if share.bytes),
            notes=tuple(self._notes),
        )

    def _kv_type(self, layers: int) -> KvType:
        """The type of the cache with so many layers on the GPUs."""
        asked, flash = self._spec.kv_type, self._layouts.flash
        shapes = [each for each in (self._shape, self._draft) if each is not None]
        lengths = [length for each in shapes for length in (each.key_length, each.value_length)]
        whole = not any(length % BLOCK for length in lengths)
        if asked == "auto":
            return "q8_0+f16" if flash and whole and not layers else "f16"
        if asked != "f16" and not flash:
            raise ModelDoesNotFit(
                f"llm.kv_type {asked} needs flash attention: set llm.flash_attention to on, or llm.kv_type to f16"
            )
        if asked != "f16" and not whole:
            raise ModelDoesNotFit(
                f"llm.kv_type {asked} needs heads of a multiple of {BLOCK}, and those of {self._shape.name} are "
                f"{', '.join(map(str, lengths))}: set llm.kv_type to f16"
            )
        return asked

    def _search(self, context: int, wanted: int) -> tuple[int, int]:
        """Layers on the GPUs, and cells."""
        asked, full = self._spec.gpu_layers, self._shape.layers + 1
        low = min(SMALLEST_CONTEXT, context)
        layers = 0 if not self._layouts.gpus else full if asked < 0 else min(asked, full)
        if cells := self._most(layers, low, wanted):
            return layers, cells
        if not layers or asked > 0:
            raise self._refusal(layers, low)
        for least in (context, low):
            for fewer in range(full - 1, -1, -1):
                if cells := self._most(fewer, least, wanted):
                    self._notes.append(
                        f"the GPU memory holds {fewer} of {full} layers; the rest runs on the CPU (llm.gpu_layers)"
                    )
                    return fewer, cells
        raise self._refusal(0, low)

    def _most(self, layers: int, low: int, high: int) -> int | None:
        """The most cells from `low` to `high` that fit."""
        if not self._layout(layers, low).fits:
            return None
        while low < high:
            middle = _padded((low + high + 1) // 2)
            if self._layout(layers, middle).fits:
                low = middle
            else:
                high = middle - STEP
        return low

    def _layout(self, layers: int, cells: int) -> Layout:
        return self._layouts.of(layers, cells, self._kv_type(layers))

    def _refusal(self, layers: int, cells: int) -> ModelDoesNotFit:
        layout = self._layout(layers, cells)
        held, need, free = layout.cpu.weights, layout.main_memory, layout.cpu.device.free
        where, advice = "main memory", "take a smaller model (models.set) or free memory"
        if need <= layout.cpu.usable:
            held, need = (sum(getattr(gpu, what) for gpu in layout.gpus) for what in ("weights", "bytes"))
            where, free = "the GPUs", sum(gpu.device.free for gpu in layout.gpus)
            fewer = next((n for n in range(layers - 1, 0, -1) if self._most(n, cells, cells)), 0)
            advice = f"set llm.gpu_layers to {fewer}, or to -1 for as many as fit"
        if self._draft is not None:
            advice += ", or turn llm.speculation off"
        return ModelDoesNotFit(
            f"{self._shape.name} does not fit: with {cells} tokens of context it needs {_mb(need)} MB of {where}, "
            f"{_mb(held)} MB of it for weights; {_mb(free)} MB are free, of which {self._spec.memory_margin_mb} MB "
            f"are left alone on each device (llm.memory_margin_mb): {advice}"
        )


def _need(share: Share) -> Need:
    return Need(
        device=share.device.name,
        weights=share.weights,
        cache=share.cache,
        compute=share.compute,
        other=share.other,
        usable=share.usable,
    )


def _padded(tokens: int) -> int:
    return ceil(tokens / STEP) * STEP


def _mb(size: int) -> int:
    return ceil(size / MEGA)
