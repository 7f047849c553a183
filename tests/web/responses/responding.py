"""Scripts and requests that the tests of `/v1/responses` share."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from appliance.jobs import (
    AnyPart,
    Arguments,
    Called,
    Generated,
    Thought,
    Token,
)

END = Generated(finish_reason="stop", prompt_tokens=7, completion_tokens=5, cached_tokens=3, thought_tokens=2)
CUT = Generated(finish_reason="length", prompt_tokens=7, completion_tokens=5)
CALLS = Generated(finish_reason="tool_calls", prompt_tokens=7, completion_tokens=5)
HELLO: list[AnyPart] = [Token(text="Hello "), Token(text="there."), END]
TWO_CALLS: list[AnyPart] = [
    Thought(text="Two places."),
    Called(index=0, id="call_a", name="weather"),
    Arguments(index=0, text='{"city": '),
    Arguments(index=0, text='"Rome"}'),
    Called(index=1, id="call_b", name="weather"),
    Arguments(index=1, text='{"city": "Oslo"}'),
    CALLS,
]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER: Any = {"type": "function", "name": "weather", "description": "Weather", "parameters": CITY, "strict": True}


class Colour(BaseModel):
    name: Literal["red", "blue"]
