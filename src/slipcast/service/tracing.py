"""OpenTelemetry: one trace from the client's request through the queue to each stage, by W3C traceparent.

FastAPI traces its requests itself when there is a provider; here are the provider, the way through the job's row, and
the worker's spans. Without the SDK everything is a no-op of opentelemetry-api.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from slipcast.core.errors import BadInput

_WORDS = TraceContextTextMapPropagator()


def set_up_tracing(exporter: str, service: str) -> None:
    """Send spans by OTLP (its address from OTEL_EXPORTER_OTLP_ENDPOINT), or to stderr for a look; `none` sends none.

    Raises BadInput when what is needed is not installed.
    """
    if exporter == "none":
        return
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

        made: SpanExporter
        if exporter == "otlp":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            made = OTLPSpanExporter()
        else:
            import sys

            made = ConsoleSpanExporter(out=sys.stderr)
    except ModuleNotFoundError as missing:
        raise BadInput(
            f"trace_exporter {exporter} needs {missing.name}: run `pip install opentelemetry-sdk "
            "opentelemetry-exporter-otlp-proto-http`"
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(made))
    trace.set_tracer_provider(provider)


def parent_words(given: str = "") -> str:
    """The traceparent of the span that we are in; else the client's own."""
    words: dict[str, str] = {}
    _WORDS.inject(words)
    return words.get("traceparent", given)[:100]


@contextmanager
def span(name: str, parent: str = "", **attributes: str | int) -> Iterator[None]:
    """A span below `parent`, the traceparent that came with a job."""
    context = _WORDS.extract({"traceparent": parent}) if parent else None
    with trace.get_tracer("slipcast").start_as_current_span(name, context=context, attributes=attributes):
        yield


def note_span(name: str, seconds: float) -> None:
    """A span that has just ended after `seconds`, below the one that we are in."""
    now = time.time_ns()
    tracer = trace.get_tracer("slipcast")
    tracer.start_span(name, start_time=now - int(seconds * 1e9)).end(end_time=now)
