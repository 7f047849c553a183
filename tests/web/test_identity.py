"""Who gets in: every door and the live socket, with every kind of key. Real sockets; keys from the command line."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from click.testing import CliRunner
from scripted import ScriptedStage, furnished
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from appliance.callers.names import Names
from appliance.cli import main
from appliance.cli.keys import first_key
from appliance.cli.options import load_settings
from appliance.errors import StorageFailed
from appliance.jobs import Generated, Token
from appliance.store import keys as stored
from appliance.voice.stages import Stages
from appliance.web.doors import DOORS
from appliance.web.identity.guard import NEEDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGIN = "https://intra.example"
STOP = Generated(finish_reason="stop", prompt_tokens=5, completion_tokens=3)
Keys = dict[str, str]


def appliance(*arguments: str) -> str:
    done = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output.strip()


@contextmanager
def locked(folder: Path, **http: Any) -> Iterator[str]:
    stage = ScriptedStage([Token(text="Hello"), STOP])
    overrides: dict[str, dict[str, Any]] = {"http": {"origins": (ORIGIN,), **http}, "store": {"dir": str(folder)}}
    names = Names(stt="ears", llm="brain", voices={"joe": "mouth"})
    with furnished(overrides, Stages(stage, stage, stage, stage), names) as url:
        yield url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("appliance.callers.failures.LONGEST_SECONDS", 0.0)
        patch.setattr("appliance.callers.watch.SECONDS", 0.1)
        with locked(folder) as address:
            yield address


@pytest.fixture(scope="module")
def keys(url: str, folder: Path) -> Keys:
    create = partial(appliance, "keys", "create", "--state-dir", str(folder))
    made = {
        "user": create("anna"),
        "admin": create("root", "--role", "admin"),
        "other": create("ben"),
        "expired": create("late", "--role", "admin", "--days", "1e-9"),
        "revoked": create("gone", "--role", "admin"),
        "narrow": create("anna's box", "--user", "anna", "--scope", "history"),
        "meter": create("prometheus", "--scope", "metrics"),
    }
    appliance("keys", "revoke", made["revoked"].split("_")[1], "--state-dir", str(folder))
    return {**made, "wrong": f"{made['user'][:-1]}{'0' if made['user'][-1] != '0' else '1'}", "unknown": "sk-nobody"}


def bearer(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


ROUTES = sorted(
    {
        (method, re.sub(r"\{[^}]+\}", "x", path), handler.opt[NEEDS])
        for handler in DOORS
        if hasattr(handler, "http_methods")
        for path in handler.paths
        for method in handler.http_methods
        if method != "HEAD"
    }
)
SECRET_DOORS = [route for route in ROUTES if route[2] != "open"]


def test_the_routes_are_all_there() -> None:
    assert len(ROUTES) > 35
    assert [path for _, path, needed in ROUTES if needed == "open"] == [
        "/", "/admin", "/admin/x", "/health/live", "/health/ready", "/history", "/history/x", "/page/x/x",
        "/page/reports", "/v1/session",
    ]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "needed"), SECRET_DOORS, ids=lambda part: part)
def test_every_door_wants_a_key_that_is_good_and_may(url: str, keys: Keys, method: str, path: str, needed: str) -> None:
    def knock(key: str | None) -> tuple[int, str]:
        answer = httpx.request(method, url + path, headers=bearer(key))
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"] == "Bearer"
        return answer.status_code, answer.json()["error"]["code"] if answer.status_code in (401, 403) else ""

    assert knock(None) == (401, "missing_api_key")
    for kind in ("wrong", "unknown", "expired", "revoked"):
        assert knock(keys[kind]) == (401, "invalid_api_key"), kind
    refused = (403, "insufficient_permissions")
    assert (knock(keys["user"]) == refused) == (needed in ("admin", "metrics"))
    assert (knock(keys["narrow"]) == refused) == (needed not in ("history", "any"))
    assert (knock(keys["meter"]) == refused) == (needed not in ("metrics", "any"))
    assert knock(keys["admin"])[0] not in (401, 403)


def test_what_is_not_there_and_the_schema_say_nothing_to_strangers(url: str, keys: Keys) -> None:
    assert httpx.get(f"{url}/schema/openapi.json").status_code == 401
    assert httpx.get(f"{url}/schema/openapi.json", headers=bearer(keys["user"])).status_code == 200


def test_users_see_what_is_their_own(url: str, keys: Keys) -> None:
    api = partial(httpx.request, timeout=10)
    anna, others = bearer(keys["user"]), [bearer(keys["other"]), bearer(keys["admin"])]
    item = {"id": "it", "role": "user", "content": "My secret is a cat"}
    api("POST", f"{url}/v1/conversations", headers=anna, json={"id": "mine", "items": [item]}).raise_for_status()
    response = api("POST", f"{url}/v1/responses", headers=anna, json={"input": [item]}).json()["id"]
    doors: list[tuple[str, str, Any]] = [
        ("GET", "conversations/mine", None), ("PATCH", "conversations/mine", {"title": "x"}),
        ("POST", "conversations/mine", {"title": "x"}), ("DELETE", "conversations/mine", None),
        ("GET", "conversations/mine/export", None), ("GET", "conversations/mine/items", None),
        ("POST", "conversations/mine/items", {"items": []}), ("GET", "conversations/mine/items/it", None),
        ("DELETE", "conversations/mine/items/it", None), ("GET", "conversations/mine/items/it/audio", None),
        ("GET", f"responses/{response}", None), ("DELETE", f"responses/{response}", None),
        ("GET", f"responses/{response}/input_items", None), ("POST", f"responses/{response}/cancel", None),
        ("POST", "responses", {"input": "Hi", "previous_response_id": response}),
        ("POST", "responses", {"input": [{"type": "item_reference", "id": "it"}]}),
    ]  # fmt: skip
    for other in others:
        for method, path, body in doors:
            assert api(method, f"{url}/v1/{path}", headers=other, json=body).status_code == 404, path
        assert api("GET", f"{url}/v1/conversations?query=cat", headers=other).json()["data"] == []
        # the same name is another conversation for somebody else
        chat = {"messages": [{"role": "user", "content": "Hi"}], "conversation": "mine"}
        api("POST", f"{url}/v1/chat/completions", headers=other, json=chat).raise_for_status()
        assert len(api("GET", f"{url}/v1/conversations/mine/items", headers=other).json()["data"]) == 2
    assert len(api("GET", f"{url}/v1/conversations/mine/items", headers=anna).json()["data"]) == 1
    # another key of the same user sees the same
    assert api("GET", f"{url}/v1/conversations/mine", headers=bearer(keys["narrow"])).status_code == 200


def test_openai_client_is_told_by_its_own_errors(url: str, keys: Keys) -> None:
    say: list[Any] = [{"role": "user", "content": "Hi"}]
    for key, error in ((keys["wrong"], openai.AuthenticationError), (keys["meter"], openai.PermissionDeniedError)):
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client, pytest.raises(error):
            client.chat.completions.create(model="default", messages=say)


def test_admins_make_and_revoke_keys(url: str, keys: Keys) -> None:
    api, admin = partial(httpx.request, timeout=10), bearer(keys["admin"])
    made = api("POST", f"{url}/v1/admin/keys", headers=admin, json={"name": "tablet", "expires_in_days": 1}).json()
    assert (made["user"], made["role"], made["state"]) == ("tablet", "user", "active")
    assert made["expires_at"] - made["created_at"] == 86_400
    assert api("GET", f"{url}/v1/models", headers=bearer(made["key"])).status_code == 200
    listed = api("GET", f"{url}/v1/admin/keys", headers=admin)
    assert {each["id"]: each["state"] for each in listed.json()["data"]}[made["id"]] == "active"
    assert "key" not in listed.json()["data"][0]
    assert made["key"] not in listed.text
    revoked = api("DELETE", f"{url}/v1/admin/keys/{made['id']}", headers=admin).json()
    assert revoked["state"] == "revoked"
    assert revoked["last_used_at"] is not None
    answer = api("GET", f"{url}/v1/models", headers=bearer(made["key"]))
    assert answer.json()["error"]["message"] == "The key has been revoked."
    assert api("DELETE", f"{url}/v1/admin/keys/none", headers=admin).status_code == 404
    for body, param in (
        ({}, "name"), ({"name": "a/b"}, "name"), ({"name": "a", "role": "king"}, "role"),
        ({"name": "a", "scopes": ["admin"]}, "scopes[0]"), ({"name": "a", "scopes": ["all"]}, "scopes[0]"),
    ):  # fmt: skip
        answer = api("POST", f"{url}/v1/admin/keys", headers=admin, json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


def test_what_was_done_is_in_the_audit_log_without_secrets(url: str, keys: Keys) -> None:
    for kind in ("wrong", "revoked"):
        httpx.delete(f"{url}/v1/conversations/none", headers=bearer(keys[kind]))
    log = httpx.get(f"{url}/v1/admin/audit", headers=bearer(keys["admin"]), params={"limit": 1000})
    entries = [(each["actor"], each["action"]) for each in log.json()["data"]]
    assert ("command line", "key created") in entries
    assert ("", "refused: unknown key") in entries
    assert (keys["revoked"].split("_")[1], "refused: revoked key") in entries
    assert not any(key.split("_")[-1] in log.text for key in keys.values())
    first = httpx.get(f"{url}/v1/admin/audit", headers=bearer(keys["admin"]), params={"limit": 1}).json()["data"]
    after = httpx.get(
        f"{url}/v1/admin/audit", headers=bearer(keys["admin"]), params={"limit": 1, "before": first[0]["number"]}
    ).json()["data"]
    assert after[0]["number"] < first[0]["number"]
    for odd in (-1, 2**63):
        answer = httpx.get(f"{url}/v1/admin/audit", headers=bearer(keys["admin"]), params={"before": odd})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "before")


def test_browsers_sign_in_and_out(url: str, keys: Keys) -> None:
    with httpx.Client(base_url=url) as browser:
        assert browser.post("/v1/session", json={"key": keys["wrong"]}).status_code == 401
        signed = browser.post("/v1/session", json={"key": keys["user"]}, headers={"origin": url})
        assert signed.json()["user"] == "anna"
        cookie = signed.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert keys["user"].lower() not in cookie
        assert browser.get("/v1/session").json()["role"] == "user"
        assert browser.get("/v1/admin/keys").status_code == 403
        # a page elsewhere can make a browser send a form, but not say that it is ours
        hostile = browser.post("/v1/conversations", json={}, headers={"origin": "https://evil.example"})
        assert (hostile.status_code, hostile.json()["error"]["code"]) == (403, "origin_refused")
        for origin in (url, ORIGIN):
            assert browser.post("/v1/conversations", json={}, headers={"origin": origin}).status_code == 200
        kept = dict(browser.cookies)
        assert browser.delete("/v1/session", headers={"origin": url}).json() == {"signed_out": True}
        assert httpx.get(f"{url}/v1/models", cookies=kept).status_code == 401
        assert browser.get("/v1/models").status_code == 401


def test_who_is_signed_in_and_until_when(url: str, keys: Keys, folder: Path) -> None:
    day = appliance("keys", "create", "guest", "--days", "0.5", "--state-dir", str(folder))
    now = time.time()
    for key, hours in ((keys["user"], 168), (day, 12)):
        with httpx.Client(base_url=url) as browser:
            ends = browser.post("/v1/session", json={"key": key}).json()["expires_at"]
            assert ends == pytest.approx(now + hours * 3600, abs=60)
    assert httpx.get(f"{url}/v1/session", headers=bearer(keys["user"])).json()["expires_at"] is None


def test_a_sign_in_ends_with_its_key(url: str, keys: Keys, folder: Path) -> None:
    key = appliance("keys", "create", "short", "--state-dir", str(folder))
    with httpx.Client(base_url=url) as browser:
        browser.post("/v1/session", json={"key": key}).raise_for_status()
        assert browser.get("/v1/models").status_code == 200
        appliance("keys", "revoke", key.split("_")[1], "--state-dir", str(folder))
        assert browser.get("/v1/models").status_code == 401


def test_other_pages_are_let_in_by_name_only(url: str) -> None:
    def ask(origin: str) -> httpx.Response:
        headers = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,x-stainless-lang",
        }
        return httpx.options(f"{url}/v1/chat/completions", headers=headers)

    assert ask(ORIGIN).headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in ask("https://evil.example").headers


def test_every_answer_has_security_headers(url: str) -> None:
    for path in ("/health/live", "/v1/models", "/nowhere"):
        headers = httpx.get(url + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]


def live(
    url: str, key: str | None = None, protocols: list[str] | None = None, query: str = "", **headers: str
) -> dict[str, Any]:  # fmt: skip
    """The first event of a live conversation."""
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime?model=default{query}"
    given = {**bearer(key), **headers}
    with connect(address, additional_headers=given, subprotocols=protocols, open_timeout=10) as socket:  # type: ignore[arg-type]
        event: dict[str, Any] = json.loads(socket.recv(timeout=10))
        if event["type"] == "error":
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, event["error"]["code"])
        return event


def test_a_live_conversation_wants_a_key(url: str, keys: Keys) -> None:
    def code(*given: Any, **named: Any) -> str:
        event = live(url, *given, **named)
        return str(event["error"]["code"] if event["type"] == "error" else event["type"])

    protocol = "openai-insecure-api-key."
    assert code() == "missing_api_key"
    for kind in ("wrong", "unknown", "expired", "revoked"):
        assert code(keys[kind]) == "invalid_api_key", kind
        assert code(None, ["realtime", protocol + keys[kind]]) == "invalid_api_key", kind
    assert code(keys["narrow"]) == "insufficient_permissions"
    for kind in ("user", "admin"):
        assert code(keys[kind]) == "session.created"
        assert code(None, ["realtime", protocol + keys[kind]]) == "session.created"


def test_a_browser_speaks_by_cookie_from_our_own_page_only(url: str, keys: Keys) -> None:
    with httpx.Client(base_url=url) as browser:
        browser.post("/v1/session", json={"key": keys["user"]}).raise_for_status()
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    assert live(url, cookie=cookie, origin=url)["type"] == "session.created"
    assert live(url, cookie=cookie, origin=ORIGIN)["type"] == "session.created"
    assert live(url, cookie=cookie, origin="https://evil.example")["error"]["code"] == "origin_refused"


def test_a_client_secret_speaks_for_who_made_it(url: str, keys: Keys, folder: Path) -> None:
    def secret(key: str) -> httpx.Response:
        return httpx.post(f"{url}/v1/realtime/client_secrets", headers=bearer(key), json={})

    assert secret(keys["narrow"]).status_code == 403
    made = secret(keys["user"]).json()["value"]
    assert live(url, made)["type"] == "session.created"
    assert httpx.get(f"{url}/v1/models", headers=bearer(made)).status_code == 401
    key = appliance("keys", "create", "short", "--state-dir", str(folder))
    made = secret(key).json()["value"]
    assert live(url, made)["type"] == "session.created"
    revoke = f"{url}/v1/admin/keys/{key.split('_')[1]}"
    httpx.delete(revoke, headers=bearer(keys["admin"])).raise_for_status()
    assert live(url, made)["error"]["code"] == "invalid_api_key"


def test_a_client_secret_ends_with_its_key_however_that_ends(url: str, keys: Keys, folder: Path) -> None:
    key = appliance("keys", "create", "short", "--state-dir", str(folder))
    made = httpx.post(f"{url}/v1/realtime/client_secrets", headers=bearer(key), json={}).json()["value"]
    appliance("keys", "revoke", key.split("_")[1], "--state-dir", str(folder))
    assert live(url, made)["error"]["message"] == "The key has expired or has been revoked."


def test_what_was_said_before_is_for_keys_with_history_and_secrets_made_for_it(
    url: str, keys: Keys, folder: Path
) -> None:  # fmt: skip
    httpx.post(f"{url}/v1/conversations", headers=bearer(keys["user"]), json={"id": "said"})
    only_voice = appliance("keys", "create", "ear", "--user", "anna", "--scope", "voice", "--state-dir", str(folder))

    def secret(**more: str) -> str:
        made = httpx.post(f"{url}/v1/realtime/client_secrets", headers=bearer(keys["user"]), json=more)
        return str(made.json()["value"])

    asked = "&conversation=said"
    for key, code in (
        (only_voice, "insufficient_permissions"), (keys["user"], ""), (secret(), "insufficient_permissions"),
        (secret(conversation="said"), ""), (secret(conversation="other"), "insufficient_permissions"),
    ):  # fmt: skip
        assert live(url, key, query=asked).get("error", {}).get("code", "") == code
    assert live(url, only_voice)["type"] == "session.created"


def test_odd_requests_are_refused_in_words(url: str, keys: Keys, tmp_path: Path) -> None:
    admin = bearer(keys["admin"])
    for before in ("0", "99999999999999999999", "x"):
        assert httpx.get(f"{url}/v1/admin/audit?before={before}", headers=admin).status_code == 400
    with httpx.Client(base_url=url) as browser:
        browser.post("/v1/session", json={"key": keys["user"]}).raise_for_status()
        assert browser.post("/v1/conversations", json={}, headers={"origin": "http://["}).status_code == 403
    with locked(tmp_path, open=True) as open_box:
        assert httpx.get(f"{open_box}/v1/session", headers={"host": "["}).status_code == 403
    large = httpx.post(f"{url}/v1/session", content=b"x" * 20_000)
    assert (large.status_code, large.json()["error"]["code"]) == (413, "body_too_large")
    for arguments, said in (
        (["a\nb"], "is no name"),
        (["x", "--days", "inf"], "--days"),
        (["x", "--limit", "a=1"], "no limit"),
    ):
        done = CliRunner().invoke(main, ["keys", "create", *arguments, "--state-dir", str(tmp_path)])
        assert done.exit_code != 0
        assert said in done.output


@pytest.mark.parametrize("way", ["page", "command line"])
def test_who_speaks_with_a_key_is_out_when_it_is_revoked(url: str, keys: Keys, folder: Path, way: str) -> None:
    key = appliance("keys", "create", "short", "--state-dir", str(folder))
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime"
    with connect(address, additional_headers=bearer(key), open_timeout=10) as socket:
        assert json.loads(socket.recv(timeout=10))["type"] == "session.created"
        if way == "page":
            httpx.delete(f"{url}/v1/admin/keys/{key.split('_')[1]}", headers=bearer(keys["admin"])).raise_for_status()
        else:
            appliance("keys", "revoke", key.split("_")[1], "--state-dir", str(folder))
        event: dict[str, Any] = {"type": ""}
        while event["type"] != "error":
            event = json.loads(socket.recv(timeout=30))
        assert event["error"]["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=30)


def test_what_a_browser_began_ends_when_it_signs_out(url: str, keys: Keys) -> None:
    address = f"{url.replace('http', 'ws', 1)}/v1/realtime"
    with httpx.Client(base_url=url, headers={"origin": url}) as browser:
        browser.post("/v1/session", json={"key": keys["user"]}).raise_for_status()
        secret = browser.post("/v1/realtime/client_secrets", json={}).json()["value"]
        cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items()), "origin": url}
        with (
            connect(address, additional_headers=cookie, open_timeout=10) as mine,
            connect(address, additional_headers=bearer(keys["user"]), open_timeout=10) as elsewhere,
        ):
            for socket in (mine, elsewhere):
                assert json.loads(socket.recv(timeout=10))["type"] == "session.created"
            browser.delete("/v1/session").raise_for_status()
            told: dict[str, Any] = {"type": ""}
            while told["type"] != "error":
                told = json.loads(mine.recv(timeout=10))
            assert told["error"]["code"] == "invalid_api_key"
            with pytest.raises(ConnectionClosed):
                mine.recv(timeout=10)
            elsewhere.send(json.dumps({"type": "session.update", "session": {"instructions": "Go on."}}))
            while json.loads(elsewhere.recv(timeout=10))["type"] != "session.updated":
                pass
    assert live(url, secret)["error"]["code"] == "invalid_api_key"


def test_an_open_box_answers_this_machine_and_its_own_pages_only(tmp_path: Path) -> None:
    with locked(tmp_path, open=True) as url:
        assert httpx.get(f"{url}/v1/session").json()["user"] == "local"
        assert httpx.get(f"{url}/v1/session", headers={"host": "localhost:8080"}).status_code == 200
        rebound = httpx.get(f"{url}/v1/session", headers={"host": "evil.example"})
        assert (rebound.status_code, rebound.json()["error"]["code"]) == (403, "origin_refused")
        hostile = httpx.post(f"{url}/v1/conversations", json={}, headers={"origin": "https://evil.example"})
        assert hostile.status_code == 403
        assert httpx.post(f"{url}/v1/conversations", json={}, headers={"origin": url}).status_code == 200
        assert live(url)["type"] == "session.created"
        assert live(url, origin="https://evil.example")["error"]["code"] == "origin_refused"


def test_headers_that_are_no_addresses_are_refused_as_such(url: str, keys: Keys, tmp_path: Path) -> None:
    with locked(tmp_path, open=True) as opened:
        for odd in ({"host": "["}, {"origin": "http://["}):
            answer = httpx.post(f"{opened}/v1/conversations", json={}, headers=odd)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_refused"), odd
        for port in ("x", "99999999"):
            answer = httpx.get(f"{opened}/v1/nothing", headers={"host": f"localhost:{port}"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    answer = httpx.post(f"{url}/v1/session", json={"key": keys["user"]}, headers={"host": "localhost:x"})
    assert answer.status_code == 200


def test_keys_from_the_command_line(folder: Path, keys: Keys) -> None:
    listed = appliance("keys", "list", "--state-dir", str(folder))
    assert listed.splitlines()[0].split() == [
        "ID",
        "USER",
        "NAME",
        "ROLE",
        "STATE",
        "EXPIRES",
        "LAST",
        "USED",
        "SCOPES",
    ]
    states = {line.split()[0]: line for line in listed.splitlines()[1:]}
    assert "revoked" in states[keys["revoked"].split("_")[1]]
    assert "expired" in states[keys["expired"].split("_")[1]]
    assert "history" in states[keys["narrow"].split("_")[1]]
    assert not any(key.split("_")[-1] in listed for key in keys.values())
    for arguments, said in (
        (["create", "x", "--scope", "admin"], "no scope 'admin'; there are audio"),
        (["revoke", "none"], "no key 'none'"),
    ):
        done = CliRunner().invoke(main, ["keys", *arguments, "--state-dir", str(folder)])
        assert done.exit_code == 1
        assert said in done.output


def test_a_first_key_waits_until_keys_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_: object) -> None:
        raise StorageFailed("The disk is full.", code="storage_full")

    settings = load_settings(None, tmp_path)
    with monkeypatch.context() as disk:
        disk.setattr(stored.Keys, "all", full)
        assert first_key(settings) is None
    made = first_key(settings)
    assert made is not None
    assert made.read_text().startswith("va_")
    assert first_key(settings) is None
