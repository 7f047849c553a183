"""A session of ONNX Runtime as both models want it."""

from __future__ import annotations

from onnxruntime import InferenceSession, SessionOptions


def open_session(path: str, threads: int) -> InferenceSession:
    """Load a model. Its threads sleep while they wait: the other engines want the cores."""
    options = SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return InferenceSession(path, options, providers=["CPUExecutionProvider"])
