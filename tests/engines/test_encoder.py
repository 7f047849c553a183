"""The engine that makes vectors, in a worker of its own. The starter language model stands in for an embed model."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import numpy as np
import pytest

from appliance.app import create_engines
from appliance.catalog.lineup import Installed, Lineup, lineup
from appliance.engines.faults import ModelUnusable
from appliance.engines.llama.encoder import LONGEST, load
from appliance.engines.specs import Encoder
from appliance.errors import RequestError
from appliance.jobs import Embed, Embedding
from appliance.settings import SettingsError
from appliance.settings import load as load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from numpy.typing import NDArray

    from appliance.engines.host import EngineHost
    from appliance.settings import Settings

READY_SECONDS = 60


@asynccontextmanager
async def running(settings: Settings, models: Lineup) -> AsyncIterator[EngineHost]:
    llm = models.llm
    embed = Installed("stand-in", "embed", llm.path, llm.main, ("en",), None)
    host = create_engines(settings, Lineup(models.stt, llm, models.voices, models.turn, embed))["embed"]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(host.run)
        with anyio.fail_after(READY_SECONDS):
            while host.status.state != "ready":  # noqa: ASYNC110 - nobody is told
                await anyio.sleep(0.02)
        yield host
        tasks.cancel_scope.cancel()


async def vectors(host: EngineHost, texts: list[str]) -> list[NDArray[np.float32]]:
    async with host.stream(Embed(texts=texts, cut=True)) as parts:
        found = [(part, vector) async for part, vector in parts if isinstance(part, Embedding)]
    assert [part.index for part, _ in found] == list(range(len(texts)))
    return [np.frombuffer(vector, np.float32) for _, vector in found]


async def test_texts_become_vectors(settings: Settings, models: Lineup) -> None:
    async with running(settings, models) as host:
        one, other, again, long = await vectors(
            host, ["The cat sat on the mat.", "Interest rates rose.", "The cat sat on the mat.", "word " * 3 * LONGEST]
        )
        assert np.array_equal(one, again)
        assert not np.allclose(one, other)
        assert [float(np.linalg.norm(each)) for each in (one, other, long)] == pytest.approx([1, 1, 1], abs=1e-5)
        for job, code in (
            (Embed(texts=["word " * 3 * LONGEST]), "context_length_exceeded"),
            (Embed(texts=["a" * 17 * LONGEST]), "context_length_exceeded"),
            (Embed(tokens=[[1] * (LONGEST + 1)]), "context_length_exceeded"),
            (Embed(tokens=[[1] * LONGEST] * 600), "invalid_value"),
            (Embed(tokens=[[2**31 - 1]]), "invalid_value"),
            (Embed(texts=[""]), "invalid_value"),
        ):
            with pytest.raises(RequestError) as caught:
                async with host.stream(job) as parts:
                    await anext(parts)
            assert (caught.value.code, caught.value.param) == (code, "input")
        async with host.stream(Embed(tokens=[[1, 2]])) as parts:
            part, vector = await anext(parts)
        assert isinstance(part, Embedding)
        assert (part.tokens, len(vector)) == (2, one.nbytes)


async def test_a_box_without_such_a_model_has_no_such_stage(settings: Settings, models: Lineup) -> None:
    assert models.embed is None
    assert set(create_engines(settings, models)) == {"stt", "llm", "tts", "turn"}


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF and nothing more")
    with pytest.raises(ModelUnusable, match="cannot load"):
        load(Encoder(name="a", path=str(tmp_path / "a.gguf")))


def test_an_unknown_model_is_named(settings: Settings) -> None:
    for name in ("gone", "smollm2-135m-instruct"):
        wrong = load_settings(environ={}, state_dir=settings.state_dir, overrides={"embed": {"model": name}})
        with pytest.raises(SettingsError, match=r"embed\.model: there is no embed model"):
            lineup(wrong)
