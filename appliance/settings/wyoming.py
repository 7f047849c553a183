"""The section of the door for Home Assistant and its satellites."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from appliance.settings.section import Count, Section

Network = Annotated[str, Meta(pattern=r"^[0-9a-fA-F:.]+(/[0-9]{1,3})?$")]
Satellite = Annotated[str, Meta(pattern=r"^(\[[0-9a-fA-F:.%]+\]|[^\s:\[\]/]+):[0-9]{1,5}$")]


class Wyoming(Section, frozen=True):
    """The door for Home Assistant. Its protocol knows no keys and hides nothing: who may connect acts with `key`."""

    enabled: Annotated[bool, Meta(description="Whether the box speaks the Wyoming protocol.")] = False
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 takes a free one.")] = 10300
    key: Annotated[
        str,
        Meta(
            description="Id of the key that all clients act with, as `appliance keys list` shows it; its limits hold."
        ),
    ] = ""
    allow: Annotated[
        tuple[Network, ...],
        Meta(description="Addresses and networks that may connect, such as 192.168.1.20 or fd00::/8."),
    ] = ("127.0.0.0/8", "::1/128")
    connections: Annotated[Count, Meta(description="Clients at once; one more is refused.")] = 64
    assistant: Annotated[
        str, Meta(description="Assistant of the key's owner, or model, that answers; empty means the language model.")
    ] = ""
    endpointing: Annotated[
        Literal["auto", "box", "client"],
        Meta(
            description="Who notices that somebody has said all, the box or the client. `auto`: the box, where the "
            "client listens to it, as Home Assistant does since 2026.11."
        ),
    ] = "auto"
    satellites: Annotated[
        tuple[Satellite, ...],
        Meta(description="Satellites that the box calls and serves itself, without Home Assistant, as host:port."),
    ] = ()
    discovery: Annotated[bool, Meta(description="Whether the box makes itself known in the network (zeroconf).")] = True
    name: Annotated[
        str, Meta(max_length=60, description="What Home Assistant calls the box; empty means its host name.")
    ] = ""
