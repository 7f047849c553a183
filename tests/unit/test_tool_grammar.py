"""Which replies the grammar of tools allows, byte by byte."""

from __future__ import annotations

import llguidance
import pytest

from appliance.engines.llama.tools import grammars
from appliance.jobs import Generate, Message, Tool

NAP = Tool("nap", "Sleep a little", {"type": "object", "properties": {}, "additionalProperties": False})
CALL = '<tool_call>\n{"name": "nap", "arguments": {}}\n</tool_call>'
THOUGHT = "<think>a <tool_call> b</think>\n\n"

PLAIN = {"hello": True, CALL: True, f"Well, {CALL}\n{CALL}": True, f"<tool_call> x {CALL}": False, "  <think>": True}
THINKS = {
    **PLAIN, f"{THOUGHT}hello": True, f"{THOUGHT}{CALL}": True, f"{THOUGHT}well {CALL}": True, "  <think>": False,
    "<think>a <tool_call>": False,
}  # fmt: skip
THINKING = {CALL: False, "hello": False, f"a <tool_call> b</think>\n\n{CALL}": True, "a</think>hello": True}
FORM = {
    "1": True,
    "2": False,
    "hello": False,
    CALL: True,
    f"1 {CALL}": False,
    f"{THOUGHT}1": True,
    f"{THOUGHT}{CALL}": True,
}


def allowed(text: str, *, thinks: bool, thinking: bool, schema: dict[str, int] | None) -> bool:
    job = Generate(messages=[Message("user", "Hi")], tools=[NAP], schema=schema)
    *_, (source, param) = grammars(job, thinks=thinks, thinking=thinking)
    assert param == "tools"
    tokenizer = llguidance.LLTokenizer("byte")
    matcher = llguidance.LLMatcher(tokenizer, llguidance.LLMatcher.grammar_from_lark(source), log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    tokens = tokenizer.tokenize_str(text)
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


@pytest.mark.parametrize(
    ("thinks", "thinking", "schema", "texts"),
    [
        (False, False, None, PLAIN),
        (True, False, None, THINKS),
        (True, True, None, THINKING),
        (True, False, {"const": 1}, FORM),
    ],
)
def test_replies(thinks: bool, thinking: bool, schema: dict[str, int] | None, texts: dict[str, bool]) -> None:
    found = {text: allowed(text, thinks=thinks, thinking=thinking, schema=schema) for text in texts}
    assert found == texts
