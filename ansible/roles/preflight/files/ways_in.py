"""Who would still get in after the hardening, on the host itself: `ways_in.py JSON` prints a sentence for each fault.

`user`, `connection` are how Ansible came in (the second as sshd's SSH_CONNECTION, empty for another way); `lists` are
addresses and networks by the variables' names, `networks` those that the appliance reads itself and takes only as whole
ones, `listen` where its sockets are, and the rest is the hardening role's.
"""

import ipaddress
import json
import pwd
import socket
import subprocess
import sys
from pathlib import Path


def literal(text: str) -> bool:
    """Whether the firewall can do without a name server to understand it."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def sshd(user: str, peer: str) -> dict[str, list[str]]:
    """The configuration that sshd has now, for this user from there."""
    match = f"user={user},host={peer or 'localhost'},addr={peer or '127.0.0.1'}"
    done = subprocess.run(
        ["/usr/sbin/sshd", "-T", "-C", match], capture_output=True, text=True, check=False, timeout=30
    )
    if done.returncode:
        sys.exit(f"sshd's configuration is faulty: {done.stderr.strip()}")
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name.lower(), []).append(value)
    return found


def has_key(user: str, told: dict[str, list[str]]) -> bool:
    """Whether the user has another way in than a password. Which key it is, is not known here."""
    if any(told.get(name, ["none"]) != ["none"] for name in ("authorizedkeyscommand", "trustedusercakeys")):
        return True
    home = pwd.getpwnam(user).pw_dir
    for pattern in told.get("authorizedkeysfile", [".ssh/authorized_keys"])[0].split():
        file = Path(home, pattern.replace("%h", home).replace("%u", user))
        lines = file.read_text(errors="replace").splitlines() if file.is_file() else []
        if any(line.strip() and not line.strip().startswith("#") for line in lines):
            return True
    return False


def faults(asked: dict) -> list[str]:
    """Sentences."""
    found = [
        f"{name} has {entry!r}, which is no address or network: at boot there is nobody yet to ask about a name."
        for name, entries in asked["lists"].items()
        for entry in entries
        if not literal(str(entry))
    ]
    for name, entries in asked["networks"].items():
        for entry in entries:
            try:
                ipaddress.ip_network(entry)
            except ValueError as error:
                found.append(f"{name}: {error}.")
    for name, place in asked["listen"].items():
        listen = place.rpartition(":")[0].strip("[]")
        try:
            family = socket.AF_INET6 if ipaddress.ip_address(listen).version == 6 else socket.AF_INET
            with socket.socket(family) as tried:
                tried.bind((listen, 0))
        except (ValueError, OSError):
            found.append(f"{name} is {place}, whose address is not one of this host's.")
    if not asked["connection"]:
        return found
    peer, _, _, port = asked["connection"].split()
    user, peer = asked["user"], peer.partition("%")[0]
    told = sshd(user, peer)
    if asked["firewall"]:
        if str(asked["port"]) != port:
            found.append(
                f"This connection came in at port {port} of the host, and hardening_ssh_port is {asked['port']}."
            )
        near = asked["lists"]["hardening_ssh_from"]
        if near and not any(
            literal(each) and ipaddress.ip_address(peer) in ipaddress.ip_network(each, strict=False) for each in near
        ):
            found.append(f"This connection comes from {peer}, which is not in hardening_ssh_from.")
    if user == "root" and asked["root"] not in {"prohibit-password", "yes"}:
        found.append(f"Ansible signs in as root, which hardening_ssh_root ({asked['root']}) ends.")
    if (
        not asked["passwords"]
        and "yes" in told["passwordauthentication"] + told["kbdinteractiveauthentication"]
        and not has_key(user, told)
    ):
        found.append(f"{user} has no key in authorized_keys, and hardening_ssh_passwords is false.")
    return found


sys.stdout.write("\n".join(faults(json.loads(sys.argv[1]))))
