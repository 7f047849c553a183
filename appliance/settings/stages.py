"""The sections of the stages: listening, thinking, speaking, noticing turns, and the meaning of documents."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from appliance.settings.section import Count, Megabytes, Seconds, Section, Share


class Stt(Section, frozen=True):
    """Listening: speech to text."""

    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        Meta(description="Where Whisper runs; `auto` takes a GPU if there is one."),
    ] = "auto"
    compute_type: Annotated[
        str,
        Meta(description="CTranslate2's arithmetic: `default`, `int8`, `int8_float16`, `float16`, `float32`."),
    ] = "int8"
    threads: Annotated[int, Meta(ge=0, description="CPU threads; 0 means one for each core, four at most.")] = 0
    beam_size: Annotated[Count, Meta(description="Width of Whisper's beam search; 1 is greedy.")] = 1
    language: Annotated[
        str, Meta(description="Language code to assume; empty means detect it each time, which costs time.")
    ] = ""
    hotwords: Annotated[
        str, Meta(max_length=1000, description="Names and words that are often said here, for their spelling.")
    ] = ""
    queue: Annotated[Count, Meta(description="Jobs that may run or wait; one more is refused with 503.")] = 8
    deadline_seconds: Annotated[
        Seconds, Meta(description="Longest wait for the first and for each further part of an answer.")
    ] = 120.0


class Llm(Section, frozen=True):
    """Thinking: the language model."""

    context: Annotated[Count, Meta(description="Tokens of one conversation, prompt and reply together.")] = 4096
    sequences: Annotated[int, Meta(ge=1, le=64, description="Replies that are written at once.")] = 16
    cells: Annotated[
        int, Meta(ge=0, description="Tokens kept of all conversations together; 0: twice `context`, if it fits.")
    ] = 0
    gpu_layers: Annotated[
        int, Meta(ge=-1, description="Layers on the GPU; -1 means all. Without a GPU build it has no effect.")
    ] = -1
    flash_attention: Annotated[
        Literal["auto", "on", "off"], Meta(description="Attention in little memory; `auto` is on.")
    ] = "auto"
    kv_type: Annotated[
        Literal["auto", "f16", "q8_0", "q4_0", "q8_0+f16"],
        Meta(description="How the cache keeps keys and values; `auto` is q8_0+f16 on the CPU and f16 on a GPU."),
    ] = "auto"
    split_mode: Annotated[
        Literal["none", "layer", "row"], Meta(description="What GPUs share; `none` is `main_gpu` alone.")
    ] = "layer"
    main_gpu: Annotated[int, Meta(ge=0, description="Number of the GPU that `split_mode` none uses.")] = 0
    tensor_split: Annotated[
        tuple[Share, ...], Meta(description="Share of each GPU, such as [3, 1]; empty means by free memory.")
    ] = ()
    threads: Annotated[int, Meta(ge=0, description="CPU threads; 0 means one for each core, eight at most.")] = 0
    batch: Annotated[Count, Meta(description="Prompt tokens evaluated between two looks for an abort.")] = 256
    speculation: Annotated[
        Literal["off", "lookup", "draft"],
        Meta(description="Guess tokens ahead: by `lookup` in the conversation, or with `draft_model`."),
    ] = "off"
    draft_model: Annotated[str, Meta(description="Name of an installed llm model that drafts.")] = ""
    draft_tokens: Annotated[int, Meta(ge=1, le=16, description="Tokens guessed at a time.")] = 4
    cache_mb: Annotated[Megabytes, Meta(description="Disk for kept conversations, in MB; 0 keeps none.")] = 512
    memory_margin_mb: Annotated[Megabytes, Meta(description="Memory left free on each device, in MB.")] = 512
    queue: Annotated[Count, Meta(description="Jobs that may run or wait; one more is refused with 503.")] = 64
    deadline_seconds: Annotated[
        Seconds, Meta(description="Longest wait for the first and for each further part of an answer.")
    ] = 60.0
    background_seconds: Annotated[
        Seconds, Meta(description="The same for background work (service_tier `flex`, vectors), which comes last.")
    ] = 600.0


class Tts(Section, frozen=True):
    """Speaking: text to speech."""

    voice: Annotated[str, Meta(description="Short name of the default voice; empty means the set's first.")] = ""
    cuda: Annotated[bool, Meta(description="Run voices on the GPU; often slower for single sentences.")] = False
    threads: Annotated[int, Meta(ge=0, description="CPU threads; 0 means one for each core, four at most.")] = 0
    queue: Annotated[Count, Meta(description="Jobs that may run or wait; one more is refused with 503.")] = 16
    deadline_seconds: Annotated[
        Seconds, Meta(description="Longest wait for the first and for each further part of an answer.")
    ] = 30.0


class Turn(Section, frozen=True):
    """When somebody speaks and when a turn is over."""

    threads: Annotated[Count, Meta(description="CPU threads of the judge of a turn's end.")] = 1
    queue: Annotated[Count, Meta(description="Jobs that may run or wait; one more is refused with 503.")] = 256
    deadline_seconds: Annotated[
        Seconds, Meta(description="Longest wait for the first and for each further part of an answer.")
    ] = 10.0


class Embed(Section, frozen=True):
    """Vectors of what documents say, so that other words for a thing find it too. Without a model there are none."""

    model: Annotated[str, Meta(description="Name of an installed embed model; empty: the set's, if there is one.")] = ""
    threads: Annotated[Count, Meta(description="CPU threads that read documents in the background.")] = 1
    gpu_layers: Annotated[int, Meta(ge=-1, description="Layers on the GPU; -1 means all.")] = 0
    query_ms: Annotated[Count, Meta(description="Longest wait for a question's vector; then words must do.")] = 50
    queue: Annotated[Count, Meta(description="Jobs that may run or wait; one more is refused with 503.")] = 16
    deadline_seconds: Annotated[
        Seconds, Meta(description="Longest wait for the first and for each further part of an answer.")
    ] = 60.0
