"""The certificate that the proxy shows on this machine's port 443, judged against its own lifetime."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import psutil
from cryptography import x509

from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.doctor.child import Unanswered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.doctor.ground import Ground

SECONDS: Final = 4.0
RENEWAL: Final = timedelta(minutes=30)
"""How long a proxy may be at renewing."""
SOON: Final = timedelta(days=30)
VERY_SOON: Final = timedelta(days=3)
HERE: Final = "127.0.0.1"
SITES: Final = re.compile(r"^([^\s{}#(][^{}]*) \{$", re.MULTILINE)
"""Heads of the sites in a Caddyfile."""
FULL_NAME: Final = (sys.executable, "-P", "-c", "import socket; print(socket.getfqdn())")
"""In a process of its own: where no name server answers, it takes longer than anybody waits."""


def checks(ground: Ground) -> Iterator[Check]:
    """Asked for by the name in the address, or by the site's, as a client would; not judged by who signed it."""
    parts = urlsplit(ground.url)
    if parts.scheme == "https" and parts.hostname:
        yield look(parts.hostname, parts.port or 443, (parts.hostname,), datetime.now(UTC))
    else:
        names = _sites(ground.places.root / "etc/caddy/Caddyfile") or _own_names(ground)
        yield look(HERE, 443, names, datetime.now(UTC))


def _sites(file: Path) -> tuple[str, ...]:
    """Names of the proxy's sites; nothing where it is another proxy, or its file may not be read."""
    try:
        heads = SITES.findall(file.read_text())
    except (OSError, ValueError):
        return ()
    sites = [name.removeprefix("https://") for head in heads for name in re.split(r",\s*", head)]
    here = {each.address for addresses in psutil.net_if_addrs().values() for each in addresses}
    names = [name for name in sites if re.fullmatch(r"[\w.-]*[a-zA-Z][\w.-]*", name)]
    return tuple(names + [name for name in sites if name in here])


def _own_names(ground: Ground) -> tuple[str, ...]:
    names = [socket.gethostname()]
    with suppress(Unanswered):
        names.insert(0, ground.ask(FULL_NAME, SECONDS).out.strip())
    return tuple(dict.fromkeys(name for name in names if name))


def look(host: str, port: int, names: tuple[str, ...], now: datetime) -> Check:
    """The certificate for the first of `names` that the proxy has one for."""
    refused = ""
    for name in names:
        own_address = host == HERE and _address(name)  # such a certificate is shown at the address alone
        try:
            certificate = _shown(name if own_address else host, port, name)
        except ConnectionRefusedError:
            return skipped("tls", f"nobody listens on port {port} of {_place(host)}: no proxy")
        except ssl.SSLError as error:
            refused = error.reason or type(error).__name__
        except (TimeoutError, OSError) as error:
            do = "`systemctl status` of the proxy says how it is."
            return warning("tls", f"port {port} of {_place(host)} does not answer: {type(error).__name__}", do)
        else:
            return judge(certificate, name, now)
    seen = f"the proxy has no certificate for {' or '.join(names)} ({refused})"
    return warning("tls", seen, "See the proxy's log, or name the site: `appliance doctor --url https://NAME`.")


def _place(host: str) -> str:
    return "this machine" if host == HERE else host


def _address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _shown(host: str, port: int, name: str) -> x509.Certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is looked at, not trusted
    with (
        socket.create_connection((host, port), timeout=SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")


def judge(certificate: x509.Certificate, name: str, now: datetime) -> Check:
    """Short-lived certificates are renewed when a third of their life is left, long ones by hand, a month ahead."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    left, life = end - now, end - begin
    seen = f"{name}: valid until {end:%Y-%m-%d %H:%M} UTC, {_span(left)} of {_span(life)} left"
    do = "Renew it; if the proxy should have by itself, its log says why not."
    if now < begin:
        seen = f"{name}: valid only from {begin:%Y-%m-%d %H:%M} UTC"
        return fault("tls", seen, "The clock is wrong, here or where it was made.")
    if now >= end:
        return fault("tls", f"{name}: expired at {end:%Y-%m-%d %H:%M} UTC", do)
    if left < min(life / 12, VERY_SOON):
        return fault("tls", seen, do)
    if left < min(life / 3 - RENEWAL, SOON):
        return warning("tls", seen, do)
    if name not in (known := _names(certificate)) and f"*.{name.partition('.')[2]}" not in known:
        return note("tls", f"{seen}; it is for {', '.join(known[:4]) or 'no name'}, not for {name}")
    return ok("tls", seen)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    addresses = map(str, extension.value.get_values_for_type(x509.IPAddress))
    return [*extension.value.get_values_for_type(x509.DNSName), *addresses]


def _span(span: timedelta) -> str:
    return f"{span.days} days" if span.days >= 2 else f"{span.total_seconds() / 3600:.1f} hours"
