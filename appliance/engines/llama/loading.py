"""From a spec to an engine: the plan, the model, its context, and the parts around them."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
import llama_cpp
from msgspec.structs import replace

from appliance.engines.faults import ModelUnusable
from appliance.engines.llama.anatomy import shape_of
from appliance.engines.llama.context import Context
from appliance.engines.llama.desk import Desk
from appliance.engines.llama.devices import devices
from appliance.engines.llama.draft import DraftModel
from appliance.engines.llama.engine import LlamaEngine
from appliance.engines.llama.grammar import Grammars
from appliance.engines.llama.hearing import complaints, hush
from appliance.engines.llama.lookup import PromptLookup
from appliance.engines.llama.memory import plan
from appliance.engines.llama.order import Reader
from appliance.engines.llama.pace import Pace
from appliance.engines.llama.scheduler import Scheduler
from appliance.engines.llama.states import open_states
from appliance.engines.llama.template import Template
from appliance.engines.llama.vocabulary import Vocabulary
from appliance.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.engines.llama.lookup import Drafter
    from appliance.engines.llama.memory import Plan
    from appliance.engines.llama.slots import Slot
    from appliance.engines.specs import Llama

log = logger(__name__)

SLACK: Final = 1.8
"""How many times longer a step may get by the prompts that are read in it. Whoever listens notices nothing at 3."""
LONGEST_SECONDS: Final = 0.1
"""A step in which nobody's reply is written: how long a newcomer waits at worst before his prompt is looked at."""
STRIDE: Final = 3
"""On a CPU, where every token costs: typed text takes part in every third step while someone is spoken to."""
IDLE_CELLS: Final = 512
"""On a CPU, attention looks at every occupied cell for every token: 7,000 idle ones cost a fifth of the rate. What has
to go is on disk, and comes back in milliseconds."""
MOST_THREADS: Final = 8
EVERY_LAYER: Final = 999
SPLIT_MODES: Final = {"none": 0, "layer": 1, "row": 2}


@dataclass(slots=True)
class Loaded:
    """llama.cpp's handles."""

    model: Any
    context: Any
    vocabulary: Any

    def close(self) -> None:
        """Free both; the handles are dead then."""
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)


def load(spec: Llama) -> LlamaEngine:
    """Load a model for serving; the first job warms it. Raises `ModelDoesNotFit` and `ModelUnusable`."""
    hush()
    draft = shape_of(Path(spec.draft_path)) if spec.draft_path else None
    planned = plan(spec, shape_of(Path(spec.path)), devices(), draft)
    for note in planned.notes:
        log.warning("not as asked for", model=spec.name, note=note)
    threads = threads_of(spec)
    return engine(spec, load_model(spec.path, planned, threads), planned, threads)


def engine(spec: Llama, loaded: Loaded, planned: Plan, threads: int) -> LlamaEngine:
    """The engine over a model that is loaded."""
    context, vocabulary = Context(loaded), Vocabulary(loaded.vocabulary)
    template = template_of(loaded, vocabulary)
    kept = f"{spec.digest or spec.path} {planned.kv_type} {llama_cpp.__version__}"
    desk = Desk(open_states(spec.cache_dir, spec.cache_mb, kept) if spec.cache_dir else None)
    reader = Reader(
        vocabulary, template, _made_beside(partial(Grammars, vocabulary, loaded.vocabulary)), planned.context,
        partial(desk.find, whole=not context.rewinds),
    )  # fmt: skip
    on_gpu = planned.gpu_layers > 0
    drafter = _drafter(spec, planned, vocabulary, threads)

    def farewell(slot: Slot) -> None:
        made.keep(slot)

    # To move cells costs a GPU more than it gains. Wrong guesses leave gaps with every step: too many to be closed.
    dense = context.rewinds and not on_gpu
    scheduler = Scheduler(
        context, Pace(SLACK, LONGEST_SECONDS), width=min(spec.sequences, context.slots - 1),
        stride=1 if on_gpu else STRIDE, chunk=spec.batch, idle=None if on_gpu else IDLE_CELLS,
        ordered=dense and drafter is None, farewell=farewell,
    )  # fmt: skip
    made = LlamaEngine(context, scheduler, desk, reader, vocabulary, drafter, dense=dense)
    return made


def _drafter(spec: Llama, planned: Plan, vocabulary: Vocabulary, threads: int) -> Drafter | None:
    """Whoever guesses, if somebody shall."""
    if spec.speculation == "lookup":
        return PromptLookup(spec.draft_tokens)
    if not spec.draft_path:
        return None
    gpu = planned.draft_gpu
    alone = replace(
        planned, gpu_layers=0 if gpu is None else EVERY_LAYER, split_mode="none", main_gpu=-1 if gpu is None else gpu,
        tensor_split=(),
    )  # fmt: skip
    loaded = load_model(spec.draft_path, alone, threads)
    if Vocabulary(loaded.vocabulary).pieces != vocabulary.pieces:
        loaded.close()
        raise ModelUnusable(
            f"{Path(spec.draft_path).name} has another vocabulary than {spec.name}: it cannot guess for it"
        )
    return DraftModel(Context(loaded), vocabulary, spec.draft_tokens)


def load_model(path: str, planned: Plan, threads: int) -> Loaded:
    """The model in memory, and a context for it. Raises `ModelUnusable` with llama.cpp's own reason."""
    llama_cpp.llama_backend_init()
    shares = (ctypes.c_float * llama_cpp.llama_max_devices())(*planned.tensor_split)  # lives until the model is loaded
    with complaints() as said:
        model = llama_cpp.llama_model_load_from_file(os.fsencode(path), _model_params(planned, shares))
        if not model:
            raise ModelUnusable(f"llama.cpp cannot load {Path(path).name}: {said.first}")
        context = llama_cpp.llama_init_from_model(model, _context_params(planned, threads))
        if not context:
            llama_cpp.llama_model_free(model)
            raise ModelUnusable(f"llama.cpp cannot make a context of {planned.cells} cells: {said.first}")
    return Loaded(model, context, llama_cpp.llama_model_get_vocab(model))


def _model_params(planned: Plan, shares: Any) -> Any:
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers, params.main_gpu = planned.gpu_layers, planned.main_gpu
    params.split_mode = SPLIT_MODES[planned.split_mode]
    if planned.tensor_split:
        params.tensor_split = shares
    return params


def _context_params(planned: Plan, threads: int) -> Any:
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_seq_max, params.kv_unified = planned.cells, planned.slots, True
    params.n_batch = params.n_ubatch = planned.batch
    params.n_threads = params.n_threads_batch = threads
    params.flash_attn_type = int(planned.flash_attention)
    params.type_k, params.type_v = planned.ggml_types
    params.swa_full, params.no_perf = True, True
    return params


def threads_of(spec: Llama) -> int:
    """Threads that decode."""
    return spec.threads or min(MOST_THREADS, os.cpu_count() or 1)


def template_of(loaded: Loaded, vocabulary: Vocabulary) -> Template:
    """The model's chat template. Raises `ModelUnusable`."""
    source = metadata(loaded.model, "tokenizer.chat_template")
    try:
        return Template(source, vocabulary.begin_word, vocabulary.end_word, vocabulary.harmless)
    except jinja2.TemplateSyntaxError as error:
        raise ModelUnusable(
            f"the model's chat template cannot be read, line {error.lineno}: {error.message}"
        ) from error


def metadata(model: Any, key: str) -> str | None:
    """A value of the model file's header as text."""
    size = llama_cpp.llama_model_meta_val_str(model, key.encode(), None, 0)
    if size < 0:
        return None
    buffer = ctypes.create_string_buffer(size + 1)
    llama_cpp.llama_model_meta_val_str(model, key.encode(), buffer, size + 1)
    return buffer.value.decode("utf-8", "replace")


def _made_beside(make: Callable[[], Grammars]) -> Callable[[], Grammars]:
    """Made in a thread of its own from now on, so that start-up does not wait for it; whoever needs it does."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="grammars")
    made = thread.submit(make)
    thread.shutdown(wait=False)
    return made.result
