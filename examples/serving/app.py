"""A pipeline behind HTTP: texts of requests that come at about the same time go through it together.

MODEL=shipped uvicorn app:app --host 0.0.0.0 --port 8000
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import spacy
from fastapi import FastAPI, HTTPException, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from pydantic import BaseModel, Field
from spacy.language import Language
from spacy.tokens import Doc

logger = logging.getLogger("uvicorn.error")
# The pipeline's folder.
MODEL = os.environ.get("MODEL", "shipped")
# Most texts that go through the pipeline together, and how long the first of them waits for others.
BATCH_TEXTS = int(os.environ.get("BATCH_TEXTS", "32"))
WAIT_SECONDS = float(os.environ.get("WAIT_MS", "2")) / 1000
# Most texts that wait; a request that comes then is told to try again.
MOST_WAITING = int(os.environ.get("MOST_WAITING", "1000"))
ENDED = "The server classifies no more; start it again."


class Texts(BaseModel):
    """What is asked: texts, and the language they are all in, if it is known."""

    texts: list[str] = Field(min_length=1, max_length=100)
    language: str | None = None


class Answer(BaseModel):
    """What the pipeline says of a text."""

    label: str
    score: float
    scores: dict[str, float]
    abstained: bool | None = None


class Waiting(NamedTuple):
    """A text that waits, and what its answer is put in: None where the pipeline failed on it."""

    text: str
    language: str | None
    answer: "asyncio.Future[Answer | None]"


class Metrics:
    """What `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("requests", "Requests by status", ["status"], registry=self.registry)
        self.texts = Counter("texts", "Texts that were classified", registry=self.registry)
        self.waiting = Gauge("waiting_texts", "Texts that wait", registry=self.registry)
        self.batches = Histogram(
            "batch_texts", "Texts of a batch", buckets=(1, 2, 4, 8, 16, 32, 64), registry=self.registry
        )
        self.seconds = Histogram("request_seconds", "Seconds of a request", registry=self.registry)


class Batcher:
    """Gathers texts to batches. A thread of its own runs the pipeline, so that the server answers meanwhile.

    nlp (Language): The pipeline.
    metrics (Metrics): Where batches are counted.
    """

    def __init__(self, nlp: Language, metrics: Metrics) -> None:
        self.nlp = nlp
        self.metrics = metrics
        self.queue: asyncio.Queue[Waiting] = asyncio.Queue(MOST_WAITING)
        self.thread = ThreadPoolExecutor(1)

    def add(self, texts: list[str], language: str | None) -> "list[asyncio.Future[Answer | None]]":
        """Let texts wait for their answers, all of them or, where there is no room, none.

        RAISES (asyncio.QueueFull): There is no room.
        """
        if self.queue.qsize() + len(texts) > MOST_WAITING:
            raise asyncio.QueueFull
        loop = asyncio.get_running_loop()
        waiting = [Waiting(text, language, loop.create_future()) for text in texts]
        for one in waiting:
            self.queue.put_nowait(one)
        return [one.answer for one in waiting]

    async def run(self) -> None:
        """Answer for ever. An error here is none of a text: it ends the task, and with it the service."""
        while True:
            batch = await self._gather()
            self.metrics.batches.observe(len(batch))
            self.metrics.waiting.set(self.queue.qsize())
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self.thread, self._classify, batch)
            self.metrics.texts.inc(len(batch))
            for one, answer in zip(batch, found, strict=True):
                # Who asked may have gone.
                if not one.answer.done():
                    one.answer.set_result(answer)

    async def _gather(self) -> list[Waiting]:
        batch = [await self.queue.get()]
        end = time.monotonic() + WAIT_SECONDS
        while len(batch) < BATCH_TEXTS:
            try:
                # What waits already is taken at once, however late it is.
                if self.queue.empty():
                    batch.append(await asyncio.wait_for(self.queue.get(), end - time.monotonic()))
                else:
                    batch.append(self.queue.get_nowait())
            except asyncio.TimeoutError:
                break
        return batch

    def _classify(self, batch: list[Waiting]) -> list[Answer | None]:
        try:
            # What strings the texts bring is forgotten, else memory would grow.
            with self.nlp.memory_zone():
                docs = self.nlp.pipe([self._doc(one) for one in batch], batch_size=len(batch))
                return [_answer(doc) for doc in docs]
        except Exception:
            if len(batch) == 1:
                logger.exception("The pipeline failed on a text.")
                return [None]
            # Each by itself: one text is no other's error.
            return [answer for one in batch for answer in self._classify([one])]

    def _doc(self, waiting: Waiting) -> Doc:
        doc = self.nlp.tokenizer(waiting.text)
        doc._.language = waiting.language
        return doc


def _answer(doc: Doc) -> Answer:
    label = max(doc.cats, key=doc.cats.__getitem__)
    abstained = doc._.abstained if Doc.has_extension("abstained") else None
    return Answer(label=label, score=doc.cats[label], scores=doc.cats, abstained=abstained)


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        logger.critical("No text is classified any more.", exc_info=task.exception())


def make_app(model: str = MODEL) -> FastAPI:
    """Make the app; the pipeline is loaded when it starts.

    model (str): The pipeline's folder.
    RETURNS (FastAPI): The app.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        batcher = Batcher(spacy.load(model), metrics)
        # The first pass is slower than all others.
        batcher.nlp("warm")
        app.state.batcher, app.state.task = batcher, asyncio.create_task(batcher.run())
        app.state.task.add_done_callback(_report)
        yield
        app.state.task.cancel()
        batcher.thread.shutdown()

    app = FastAPI(title="Text classifier", lifespan=lifespan)

    @app.middleware("http")
    async def measure(request: Request, call_next: Any) -> Response:
        start = time.perf_counter()
        response: Response = await call_next(request)
        if request.url.path == "/classify":
            metrics.seconds.observe(time.perf_counter() - start)
            metrics.requests.labels(response.status_code).inc()
        return response

    @app.post("/classify")
    async def classify(asked: Texts) -> list[Answer | None]:
        try:
            answers = app.state.batcher.add(asked.texts, asked.language)
        except asyncio.QueueFull:
            raise HTTPException(503, "Too many texts wait; try again.", {"Retry-After": "1"}) from None
        answered = asyncio.gather(*answers)
        await asyncio.wait([answered, app.state.task], return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise HTTPException(503, ENDED)
        found = await answered
        if None in found:
            raise HTTPException(500, f"The pipeline failed on text {found.index(None)}.")
        return found

    @app.get("/health")
    async def health() -> dict[str, Any]:
        if app.state.task.done():
            raise HTTPException(503, ENDED)
        meta = app.state.batcher.nlp.meta
        return {"status": "ok", "model": f"{meta['lang']}_{meta['name']}", "version": meta["version"]}

    @app.get("/metrics")
    async def show_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


app = make_app()
