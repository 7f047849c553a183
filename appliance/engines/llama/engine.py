"""The language engine as its worker drives it: jobs in, parts out, one step at a time.

The desk reads a job beside the decoding, the scheduler runs it, and a pen says what its tokens mean. What a
conversation left in the cache is kept on disk when there is nothing else to do, or before it has to give way.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from appliance.engines.figures import Language
from appliance.engines.interleave import Emission
from appliance.engines.llama.desk import Fetched, Read
from appliance.engines.llama.reading import Reading
from appliance.engines.llama.reply import Reply
from appliance.engines.llama.work import LIVE, Work
from appliance.errors import ApplianceError, InternalError
from appliance.jobs import Embed, Embedding, Generate, Generated, Prepare, Prepared
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from appliance.engines.llama.context import Context
    from appliance.engines.llama.desk import Desk
    from appliance.engines.llama.lookup import Drafter
    from appliance.engines.llama.order import Order, Reader
    from appliance.engines.llama.scheduler import Scheduler
    from appliance.engines.llama.slots import Slot
    from appliance.engines.llama.vocabulary import Vocabulary
    from appliance.jobs import AnyJob, AnyPart

log = logger(__name__)

WAIT_SECONDS: Final = 0.05
"""Longest wait for the desk: while nothing is decoded, or for a live job, as a step without it would take longer."""
WORTH_FETCHING: Final = 64
"""Tokens that a kept state has to spare before it is brought from the disk."""
WORTH_KEEPING: Final = 64
"""Tokens that are new in a slot before its state is written."""


@dataclass(slots=True)
class _Open:
    """A job that is not over: the pens of its works, by the works' ids."""

    request_id: str
    user: str
    pens: dict[int, Reply | Reading] = field(default_factory=dict)
    live: bool = False
    """Whether somebody listens for it."""
    awaited: float = 0.0
    """Until when no step begins without it; 0: it is ready, or not live."""
    embedded: int = 0
    """So many of its texts have their vector."""
    told: bool = False
    """Whether anything was said of it yet."""

    def began(self) -> float | None:
        """When work on it began, or now where it needs none; for the first that is said of it alone."""
        if self.told:
            return None
        self.told = True
        return min((pen.began for pen in self.pens.values() if pen.began is not None), default=time.monotonic())


class LlamaEngine:
    """An `Engine` over one context."""

    def __init__(
        self, context: Context, scheduler: Scheduler, desk: Desk, reader: Reader, vocabulary: Vocabulary,
        drafter: Drafter | None, *, dense: bool,
    ) -> None:  # fmt: skip
        """`dense`: gaps in the cache are closed when there is nothing else to do."""
        self.context, self.scheduler, self.vocabulary = context, scheduler, vocabulary
        self._desk, self._reader, self._drafter, self._dense = desk, reader, drafter, dense
        self._ids = itertools.count()
        self._jobs: dict[int, _Open] = {}
        self._said: list[Emission] = []

    @property
    def busy(self) -> bool:
        """Whether there is anything to decode, or to take from the desk."""
        return self.scheduler.busy or self._desk.busy

    def submit(
        self,
        job_id: int,
        job: AnyJob,
        _payload: bytes,
        *,
        request_id: str,
        window: int,  # noqa: ARG002 - they are small, and the host grants a whole reply
        user: str = "",
    ) -> None:
        """Have a job read; it joins the others when it is ready."""
        self._jobs[job_id] = _Open(request_id, user)
        if isinstance(job, Generate) and job.priority == "live":
            self.promote(job_id)
        self._desk.read(job_id, request_id, partial(self._reader.read, job_id, job))

    def grant(self, job_id: int, parts: int) -> None:
        """Parts are small, so the window is a whole reply from the start."""

    def promote(self, job_id: int) -> None:
        """A job goes before all that is not live, wherever it is."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.live = True
            if not job.pens:
                job.awaited = time.monotonic() + WAIT_SECONDS
            for work_id in job.pens:
                self.scheduler.promote(work_id)

    def abort(self, job_id: int) -> None:
        """Forget a job; wherever it is, it takes no part in the next step."""
        job = self._jobs.pop(job_id, None)
        for work_id, pen in job.pens.items() if job is not None else ():
            self.scheduler.abort(work_id)
            pen.close()

    def step(self) -> list[Emission]:
        """Take what the desk has ready, and decode one batch."""
        self._take(0 if self.scheduler.busy else WAIT_SECONDS)
        while self.scheduler.busy and (left := self._awaited - time.monotonic()) > 0:
            self._take(left)
        self.scheduler.step()
        said, self._said = self._said, []
        return said

    @property
    def _awaited(self) -> float:
        """Until when there are live jobs that are worth a wait."""
        return max((job.awaited for job in self._jobs.values()), default=0.0)

    def _take(self, wait_seconds: float) -> None:
        for ready in self._desk.take(wait_seconds):
            match ready:
                case Read(job_id=job_id, error=ApplianceError() as error):
                    self.fail(job_id, error)
                case Read():
                    self._begin(ready)
                case Fetched(order=order):
                    self._start(order, self._adopt(ready))

    @property
    def untidy(self) -> bool:
        """Whether the cache could be in better order, or a conversation's state is not on disk yet."""
        return self._gapped or (self._desk.keeps and any(_worth_keeping(slot) for slot in self.scheduler.slots))

    @property
    def _gapped(self) -> bool:
        return self._dense and self.scheduler.slots.loose

    def tidy(self) -> None:
        """Put the cache in order, or keep one state."""
        if self._gapped:
            self.scheduler.slots.close_gaps()
            return
        fresh = max(
            (slot for slot in self.scheduler.slots if _worth_keeping(slot)), key=lambda slot: slot.used, default=None
        )
        if fresh is not None:
            self.keep(fresh)

    def keep(self, slot: Slot) -> None:
        """Write a slot's state to the disk, if it is worth it and the disk keeps up."""
        if _worth_keeping(slot) and self._desk.keep(
            slot.tokens, lambda: self.context.state(slot.number), shorter=self.context.rewinds
        ):
            slot.kept = len(slot.tokens)

    def figures(self) -> Language:
        """What was done so far."""
        scheduler, counts = self.scheduler, self.scheduler.counts
        cells = scheduler.slots.capacity
        return Language(
            cells=cells, cells_used=cells - scheduler.slots.free,
            running=len(scheduler.running), waiting=len(scheduler.waiting),
            read=counts.read, resident=counts.resident, restored=counts.restored,
            generated=counts.written, steps=counts.steps, step_seconds=counts.took.spread,
            batch_sequences=counts.sequences.spread, batch_tokens=counts.tokens.spread,
            guessed=counts.guessed, accepted=counts.accepted, sent_back=counts.preempted,
        )  # fmt: skip

    def close(self) -> None:
        """Finish writing, and give the memory back."""
        self._desk.close()
        if self._drafter is not None:
            self._drafter.close()
        self.context.close()

    def say(self, job_id: int, part: AnyPart, payload: bytes = b"") -> None:
        """Pass a part on; after the last one the job is over."""
        self._said.append(Emission(job_id, part, payload, began=self._jobs[job_id].began()))
        if isinstance(part, Generated | Prepared):
            self._close(job_id)
        elif isinstance(part, Embedding):
            job = self._jobs[job_id]
            job.embedded += 1
            if job.embedded == len(job.pens):
                self._close(job_id)

    def fail(self, job_id: int, error: Exception) -> None:
        """End a job with an error; what is not from the tree is a fault of ours."""
        if job_id not in self._jobs:
            return
        if not isinstance(error, ApplianceError):
            log.error("job failed", request_id=self._jobs[job_id].request_id, **place_of(error))
            error = InternalError("The engine failed on this request.")
        self._close(job_id, error)

    def _close(self, job_id: int, error: ApplianceError | None = None) -> None:
        job = self._jobs.pop(job_id)
        for pen in job.pens.values():
            pen.close()
        self._said.append(Emission(job_id, error=error, began=job.began()))

    def _begin(self, read: Read) -> None:
        if read.job_id not in self._jobs:
            return  # aborted meanwhile
        if not read.orders:
            self.say(read.job_id, Prepared(prompt_tokens=0, cached_tokens=0))
            return
        for order in read.orders:
            if order.kept is not None and self._worth_fetching(order):
                self._desk.fetch(order, order.kept)
            else:
                self._start(order)

    def _worth_fetching(self, order: Order) -> bool:
        """Whether the cache has much less of the prompt than the disk: another may have brought it meanwhile."""
        _, resident = self.scheduler.slots.best(order.tokens)
        return order.kept_size - resident >= WORTH_FETCHING

    def _start(self, order: Order, restored: int = 0) -> None:
        """`restored`: tokens of its prompt that were brought from the disk for it."""
        if order.job_id not in self._jobs:
            return
        pen: Reply | Reading
        match order.job:
            case Generate() as wanted:
                assert order.sections is not None  # noqa: S101 - a reply has sections
                pen = Reply(
                    wanted, self.context, self.vocabulary, prompt_tokens=len(order.tokens), limit=order.limit,
                    mask=order.mask, sections=order.sections, drafter=self._drafter,
                    counts=self.scheduler.counts,
                    say=partial(self.say, order.job_id), fail=partial(self.fail, order.job_id),
                )  # fmt: skip
            case Prepare():
                _, resident = self.scheduler.slots.best(order.tokens)
                count = len(order.tokens)
                if resident >= count - 1:
                    self.say(order.job_id, Prepared(prompt_tokens=count, cached_tokens=count))
                    return
                pen = Reading(order, partial(self.say, order.job_id))
            case Embed():
                pen = Reading(order, partial(self.say, order.job_id))
        job = self._jobs[order.job_id]
        job.awaited = 0.0
        work = Work(
            next(self._ids), LIVE if job.live else order.rank, list(order.tokens), order.limit, pen, user=job.user,
            embeds=isinstance(order.job, Embed), restored=restored,
        )  # fmt: skip
        job.pens[work.id] = pen
        self.scheduler.submit(work)

    def _adopt(self, fetched: Fetched) -> int:
        """Put a state from the disk into the cache, where the order will find it; tokens of its that were not there."""
        slots, size, order = self.scheduler.slots, len(fetched.tokens), fetched.order
        _, resident = slots.best(order.tokens)
        if order.job_id not in self._jobs or not self._worth_fetching(order) or not size or not slots.make_room(size):
            return 0
        slot = slots.take()
        slots.line_up()
        if self.context.restore(slot.number, fetched.state) and self.context.size(slot.number) == size:
            slots.grow(slot, fetched.tokens)
            slot.kept = size
            gained = order.kept_size - resident
        else:
            log.warning("kept state does not fit the model")
            slots.empty(slot)
            gained = 0
        slots.let_go(slot)
        return gained


def _worth_keeping(slot: Slot) -> bool:
    return not slot.held and len(slot.tokens) - slot.kept >= WORTH_KEEPING
