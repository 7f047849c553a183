"""How much the box has to do, what waits, and how much of it is left."""

from __future__ import annotations

from typing import Final

from dashboards.dashboard import Dashboard, Panel, Row
from dashboards.queries import chosen, mean, most, quantile, rate, share, value

PROMPT: Final = "appliance_llm_prompt_tokens_total"
BUSY: Final = 'mode!="idle"'

CAPACITY: Final = Dashboard(
    "capacity",
    "Capacity",
    "How much the box has to do, what waits and is refused, and what the host has left.",
    (
        Row(
            "Who is here",
            (
                Panel(
                    "Live conversations",
                    "short",
                    {
                        "conversations": value("appliance_live_sessions", "box"),
                        "{{route}}": value("appliance_websockets", "route"),
                    },
                    "Conversations, and WebSockets that are open.",
                ),
                Panel(
                    "Requests",
                    "reqps",
                    {"{{route}}": rate("appliance_http_requests_total", "route")},
                    "Requests that ended, a second.",
                ),
                Panel(
                    "Under way",
                    "short",
                    {
                        "requests": value("appliance_http_in_flight", "box"),
                        "{{stage}}": value("appliance_stage_in_flight", "stage"),
                    },
                    "Requests, and each stage's jobs, running or waiting.",
                ),
                Panel(
                    "Frames of WebSockets",
                    "ops",
                    {"{{direction}}": rate("appliance_websocket_messages_total", "direction")},
                    "Messages a second.",
                    12,
                ),
                Panel(
                    "Bytes of WebSockets",
                    "Bps",
                    {"{{direction}}": rate("appliance_websocket_bytes_total", "direction")},
                    "Bytes a second.",
                    12,
                ),
            ),
        ),
        Row(
            "What waits, and what is refused",
            (
                Panel(
                    "Wait in a stage's queue, 19 of 20",
                    "s",
                    {"{{stage}} {{priority}}": quantile(0.95, "appliance_stage_queue_seconds", "stage, priority")},
                    "From sending a job until its worker takes it in hand.",
                ),
                Panel(
                    "Refused",
                    "ops",
                    {
                        "{{stage}}": rate("appliance_stage_refused_total", "stage"),
                        "told to clients": rate("appliance_errors_total", match='code="overloaded"'),
                    },
                    "A stage's queue was full; a live job is tried again every quarter of a second.",
                ),
                Panel(
                    "Limits hit",
                    "ops",
                    {"rate_limited": rate("appliance_errors_total", match='code="rate_limited"')},
                    "A key had used up its share.",
                ),
            ),
        ),
        Row(
            "Thinking",
            (
                Panel(
                    "Places",
                    "short",
                    {
                        "running": value("appliance_llm_running", "box"),
                        "waiting": value("appliance_llm_waiting", "box"),
                    },
                    "Replies that have a place in the batch, and those that wait for one.",
                ),
                Panel(
                    "Memory for conversations",
                    "percentunit",
                    {"in use": f"{value('appliance_llm_cells_used', 'box')} / {value('appliance_llm_cells', 'box')}"},
                    "Cells of the KV cache that hold something. Full is no fault: the oldest give way.",
                    most=1,
                ),
                Panel(
                    "Prompt tokens",
                    "ops",
                    {"{{source}}": rate(PROMPT, "source")},
                    "Computed (`read`), found in the KV cache (`memory`), restored from `disk`.",
                    stacked=True,
                ),
                Panel(
                    "Prefix hits",
                    "percentunit",
                    {"of prompt tokens": share(PROMPT, 'source!="read"')},
                    "Prompt tokens that did not have to be computed.",
                    most=1,
                ),
                Panel(
                    "Tokens written",
                    "ops",
                    {
                        "written": rate("appliance_llm_generated_tokens_total"),
                        "guessed": rate("appliance_llm_guessed_tokens_total"),
                        "guessed right": rate("appliance_llm_accepted_tokens_total"),
                    },
                    "Tokens of replies a second, and those that were looked up rather than computed one by one.",
                ),
                Panel(
                    "One step",
                    "s",
                    {
                        "half": quantile(0.5, "appliance_llm_step_seconds"),
                        "19 of 20": quantile(0.95, "appliance_llm_step_seconds"),
                    },
                    "A step gives each running reply a token.",
                ),
                Panel(
                    "Batch",
                    "short",
                    {
                        "sequences": mean("appliance_llm_batch_sequences"),
                        "tokens": mean("appliance_llm_batch_tokens"),
                    },
                    "What a step works on together, on average.",
                ),
                Panel(
                    "Steps and lost places",
                    "ops",
                    {"steps": rate("appliance_llm_steps_total"), "sent back": rate("appliance_llm_sent_back_total")},
                    "Steps a second, and replies that lost their place to a more urgent one.",
                ),
                Panel(
                    "Conversations kept on disk",
                    "bytes",
                    {"states": value("appliance_llm_states_bytes", "box")},
                    "States of conversations that need not be computed anew.",
                ),
            ),
        ),
        Row(
            "Listening and speaking",
            (
                Panel(
                    "Utterances in a pass",
                    "short",
                    {"mean": mean("appliance_stt_batch_utterances")},
                    "What is understood together.",
                ),
                Panel(
                    "Audio a second",
                    "short",
                    {
                        "understood, {{kind}}": rate("appliance_stt_audio_seconds_total", "kind"),
                        "spoken": rate("appliance_tts_audio_seconds_total"),
                    },
                    "Seconds of audio for each second.",
                ),
                Panel(
                    "Cache hits",
                    "percentunit",
                    {"{{purpose}}": share("appliance_cache_total", 'outcome="hit"', "purpose")},
                    "Answers that were there already.",
                    most=1,
                ),
            ),
        ),
        Row(
            "Host",
            (
                Panel(
                    "Processor",
                    "percentunit",
                    {
                        "{{mode}}": f"{rate('appliance_host_cpu_seconds_total', 'box, mode', BUSY)}"
                        f" / on (box) group_left () {value('appliance_host_cores', 'box')}"
                    },
                    "Share of all cores.",
                    stacked=True,
                    most=1,
                ),
                Panel(
                    "Load",
                    "short",
                    {
                        "{{box}} {{minutes}} min": most("appliance_host_load", "box, minutes"),
                        "{{box}} cores": most("appliance_host_cores", "box"),
                    },
                    "Threads that run or want to.",
                ),
                Panel(
                    "Main memory",
                    "bytes",
                    {
                        "{{kind}}": value("appliance_host_memory_bytes", "kind"),
                        "swap {{kind}}": value("appliance_host_swap_bytes", "kind"),
                    },
                    "What there is, and what is left.",
                ),
                Panel(
                    "Processor by process",
                    "short",
                    {"{{process}}": rate("appliance_process_cpu_seconds_total", "process")},
                    "Cores that the server and each worker use.",
                    stacked=True,
                ),
                Panel(
                    "Memory by process",
                    "bytes",
                    {"{{process}}": value("appliance_process_resident_bytes", "process")},
                    "Resident memory of the server and each worker.",
                    stacked=True,
                ),
                Panel(
                    "Files, threads, tasks",
                    "short",
                    {
                        "files {{process}}": value("appliance_process_open_files", "process"),
                        "threads {{process}}": value("appliance_process_threads", "process"),
                        "tasks": value("appliance_tasks", "box"),
                    },
                    "What grows where something is not let go.",
                ),
                Panel(
                    "Lag of the server's loop, 19 of 20",
                    "s",
                    {"lag": quantile(0.95, "appliance_loop_lag_seconds")},
                    "How late the server gets to what is due.",
                ),
                Panel(
                    "Loading a stage",
                    "s",
                    {"{{box}} {{stage}}": most("appliance_stage_load_seconds", "box, stage")},
                    "The last load and warm-up.",
                ),
                Panel(
                    "Since the start",
                    "dtdurations",
                    {
                        "{{box}} {{process}}": f"time() - {chosen('appliance_process_start_timestamp_seconds')}",
                        "{{box}} host": f"time() - {chosen('appliance_host_boot_timestamp_seconds')}",
                    },
                    "How long each process, and the host, have been running.",
                ),
            ),
        ),
    ),
)
