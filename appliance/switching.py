"""Which set of models the box runs, and the change to another, from one server to the next in this process.

A set is tried before it is kept: the choice is written once each stage has answered with it, and until then whoever
starts the box again starts it with the set before. One that does not get ready is left again by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import anyio
from anyio import to_thread
from msgspec.structs import replace

from appliance import logs
from appliance.catalog.faults import CatalogError
from appliance.catalog.lineup import lineup
from appliance.engines.status import loading, summary
from appliance.errors import Conflict, RequestError
from appliance.releases import durable
from appliance.settings import SettingsError, chosen
from appliance.store.faults import storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.engines.status import StageStatus
    from appliance.jobs import Role
    from appliance.settings import Settings

log = logs.logger(__name__)

LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A change from the set `before` to the set `to`; `why` says what was wrong with one that has failed."""

    state: Literal["switching", "done", "failed"]
    before: str
    to: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Trial:
    choice: str | None
    before: Settings


class Switching:
    """The set in use, and the way to another. `own` is the set that the settings name without the choice.

    `check` raises what is wrong with settings that are to be served with.
    """

    def __init__(
        self, settings: Settings, own: str | None = None, *, overruled: bool = False,
        check: Callable[[Settings], object] = lineup,
    ) -> None:  # fmt: skip
        self._settings, self._own = settings, own or settings.models.set
        self._overruled, self._check = overruled, check
        self._trial: _Trial | None = None
        self._begun = self._again = False
        self._end: Callable[[], object] | None = None
        self.last: Switch | None = None
        """The change that is under way, or the last one of this process."""

    @property
    def used(self) -> str:
        """The set in use, or being tried."""
        return self._settings.models.set

    @property
    def own(self) -> str:
        """The set that would be used without a choice."""
        return self._own

    @property
    def trying(self) -> bool:
        """Whether it is still open if the set in use stays."""
        return self._trial is not None

    @property
    def again(self) -> bool:
        """Whether a server follows the one that ends now."""
        return self._again

    @property
    def under_way(self) -> bool:
        """Whether the box goes over to another set, or finds out if it may: what begins now would be ended."""
        return self._again or (self.last is not None and self.last.state == "switching")

    def next(self) -> Settings | None:
        """What the next server has to serve with; None: there is to be none."""
        if self._begun and not self._again:
            return None
        self._begun, self._again = True, False
        return self._settings

    def serve(self, end: Callable[[], object]) -> None:
        """A server begins, which `end` ends."""
        self._end = end

    async def choose(self, choice: str | None) -> Switch:
        """Go over to a set, or with None to the settings' own. The server ends soon after; see `last` for the rest.

        Raises `Conflict` while another change is under way or where none is possible, `RequestError` for a set that
        cannot be served, `StorageFailed` if the choice cannot be kept.
        """
        end = self._possible(choice)
        to = self._with(self._own if choice is None else choice)
        last, self.last = self.last, Switch(state="switching", before=self.used, to=to.models.set)
        try:
            await to_thread.run_sync(self._check, to)
            if to == self._settings:
                await to_thread.run_sync(self._keep, choice)
                self.last = Switch(state="done", before=self.used, to=self.used)
                return self.last
        except (CatalogError, SettingsError) as error:
            self.last = last
            raise RequestError(str(error), param="set") from error
        except OSError as error:
            self.last = last
            raise storage_error(error) from error
        except BaseException:
            self.last = last
            raise
        self._trial, self._settings, self._again = _Trial(choice, self._settings), to, True
        log.info("models are switched", before=self.last.before, to=self.last.to)
        end()
        return self.last

    def _possible(self, choice: str | None) -> Callable[[], object]:
        if self.last is not None and self.last.state == "switching":
            raise Conflict(f"The box is going over to the set {self.last.to!r}; wait until it has.")
        if self._end is None:
            raise Conflict("This box does not start itself again: choose the set in its settings.", code="not_here")
        if self._overruled and choice is not None:
            raise Conflict(
                f"{chosen.OVERRULED_BY} in the environment goes before any choice: take it out and start again.",
                code="not_here",
            )
        return self._end

    async def prove(self, stages: Callable[[], Mapping[Role, StageStatus]], seconds: float) -> None:
        """Wait until all stages answer with a set that is tried, and keep it; else have the box go back."""
        if (trial := self._trial) is None:
            return
        with anyio.move_on_after(seconds):
            while loading(stages().values()):  # noqa: ASYNC110 - stages tell nobody
                await anyio.sleep(LOOK_SECONDS)
        found, why = stages(), ""
        if any(stage.state != "ready" for stage in found.values()):
            why = summary(found)
        else:
            try:
                await to_thread.run_sync(self._keep, trial.choice)
            except OSError as error:
                why = storage_error(error).message
        if why:
            self.failed(why)
            if self._end is not None:
                self._end()
            return
        self._trial = None
        if self.last is not None:
            self.last = Switch(state="done", before=self.last.before, to=self.last.to)
        log.info("models have been switched", to=self.used)

    def failed(self, why: str) -> bool:
        """The set in use cannot be served. Whether there is another to begin again with: the one before, or the own."""
        wrong = self.used
        if self._trial is not None:
            self._settings, self._trial = self._trial.before, None
        elif wrong != self._own:  # chosen earlier: its models may have gone since, or a release without it has come
            self._settings = self._with(self._own)
        else:
            return False
        self.last = Switch(state="failed", before=self.used, to=wrong, why=why)
        self._again = True
        log.error("set of models cannot be served", reason=why, set=wrong, instead=self.used)
        return True

    def _with(self, name: str) -> Settings:
        return replace(self._settings, models=replace(self._settings.models, set=name))

    def _keep(self, choice: str | None) -> None:
        folder = self._settings.state_dir
        folder.mkdir(parents=True, exist_ok=True)
        if choice is None:
            durable.remove(folder / chosen.FILE)
        else:
            durable.write(folder / chosen.FILE, chosen.written(choice), 0o600)
