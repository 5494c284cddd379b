"""`session-trust consume`: a Kafka topic, a growing file or a pipe becomes events of a running service."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features import Settings
from features.cli.log_import import named_source, registered_source
from features.cli.output import fail, print_plain
from features.sources.formats.records import JSON
from features.sources.log_source import LogSource
from serving.cli.shared_options import command_settings, console

if TYPE_CHECKING:
    from serving.consumer.loop import Consumer
    from serving.consumer.messages import MessageStream
    from serving.consumer.progress import ConsumerProgress

STDIN = "-"
SAY_SECONDS = 5.0
"""How often progress is printed while there is any."""
MOST_NAMED = 1_000
"""Rejected records that are named; the rest are counted."""
CONNECTION = {
    "security_protocol",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
    "ssl_cafile",
    "ssl_certfile",
    "ssl_keyfile",
}
"""What a --kafka-config may say, by the names that Kafka's Python clients use."""

consume_app = typer.Typer(add_completion=False)


@consume_app.command("consume")
def consume(
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers to begin with: `host:port,host:port`.")] = None,
    topic: Annotated[str | None, typer.Option(help="The topic to consume.")] = None,
    follow: Annotated[
        str | None, typer.Option(help="A file to read on while it grows and is rotated, or `-` for a pipe.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="The log source of the records, as for `features import`; without one: our events."),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", exists=True, dir_okay=False, help="Map of the log, for the source `generic`."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="Consumer group, whose members share the partitions; default: session-trust-TOPIC."),
    ] = None,
    kafka_config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help=f"YAML with any of {', '.join(sorted(CONNECTION))}."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Where to keep how far a followed file is stored; by default in the home folder."),
    ] = None,
    service: Annotated[
        str | None, typer.Option(help="URL of the service; by default the one the settings name.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="File with a key of scope `events`; by default the one in the home folder.")
    ] = None,
    batch_events: Annotated[int, typer.Option(min=1, max=50_000, help="Ship after so many events,")] = 1_000,
    batch_seconds: Annotated[float, typer.Option(min=0.01, max=60, help="or after so many seconds.")] = 1.0,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop when everything there is now is stored.")
    ] = False,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
) -> None:
    """Ship what a topic, a growing file or a pipe holds to a running service, until stopped (SIGTERM or Ctrl-C).

    At least once: what was read is committed after the service has stored it, and what is read again has the same id,
    so that the service counts it as a duplicate. When it stops, everything that was read is stored. Exit code 1: a
    record of a stream that ended could not be read, or the service did not take what was read; 2: the command could not
    run.

    Example: `session-trust consume --brokers 127.0.0.1:9092 --topic cloudtrail --source cloudtrail`
    """
    if (follow is None) == (topic is None) or (brokers is None) != (topic is None):
        raise typer.BadParameter("give --brokers and --topic, or --follow", param_hint="--topic")
    log_source = named_source(registered_source(source), map_file) if source else None
    with command_settings() as settings:
        from serving.consumer.progress import ConsumerProgress

        stream = (
            _topic(brokers or "", topic, group or f"session-trust-{topic}", kafka_config, until_end)
            if topic
            else _followed(follow or STDIN, log_source, checkpoint, settings, until_end)
        )
        progress = ConsumerProgress()
        consumer = _consumer(stream, log_source, progress, settings, service, key_file, (batch_events, batch_seconds))
        if metrics_port is not None:
            _serve_metrics(metrics_port)
        raise typer.Exit(asyncio.run(_run(consumer)))


def _topic(brokers: str, topic: str, group: str, config: Path | None, until_end: bool) -> MessageStream:
    from serving.consumer.kafka_topic import KafkaTopic

    return KafkaTopic(brokers, topic, group, _connection(config), end=until_end)


def _connection(config: Path | None) -> Mapping[str, object]:
    """What a YAML file says of the connection, as the client wants it."""
    if config is None:
        return {}
    from aiokafka.helpers import create_ssl_context

    from features.bounded_yaml.composer import YamlError
    from features.bounded_yaml.document import parse_yaml, read_bounded

    try:
        value = parse_yaml(read_bounded(config), str(config)).value
        if not isinstance(value, dict) or not value.keys() <= CONNECTION:
            fail(console, f"{config} may only have {', '.join(sorted(CONNECTION))}")
        files = {name.removeprefix("ssl_"): value.pop(name) for name in sorted(value) if name.startswith("ssl_")}
        if "SSL" in str(value.get("security_protocol", "")):
            value["ssl_context"] = create_ssl_context(**files)
    except (YamlError, OSError) as error:
        fail(console, f"{config} cannot be used: {error}")
    return dict(value)


def _followed(
    follow: str, source: LogSource | None, checkpoint: Path | None, settings: Settings, until_end: bool
) -> MessageStream:
    form = source.form if source else JSON
    if follow == STDIN:
        from serving.consumer.pipe import Pipe

        return Pipe(sys.stdin.fileno(), form)
    from serving.consumer.followed_file import FollowedFile

    path = Path(follow)
    known = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    kept = checkpoint or settings.home / "consumed" / f"{path.name}-{known}.json"
    return FollowedFile(path, form, kept, end=until_end)


def _consumer(
    stream: MessageStream,
    source: LogSource | None,
    progress: ConsumerProgress,
    settings: Settings,
    service: str | None,
    key_file: Path | None,
    limits: tuple[int, float],
) -> Consumer:
    from serving.consumer.delivery import EventsRoute
    from serving.consumer.loop import BatchLimits, Consumer
    from serving.consumer.messages import MessageReader

    file = key_file or settings.home / "key"
    try:
        key = file.read_text().strip()
    except OSError as error:
        fail(console, f"{file} holds no key ({error.strerror}): `session-trust keys create consumer --scope events`")
    url = (service or f"http://{settings.host}:{settings.port}").rstrip("/")
    route = EventsRoute(url, key, source.name if source else None)
    return Consumer(stream, MessageReader(source), route, BatchLimits(*limits), progress, _Sentences())


class _Sentences:
    """Prints sentences, each of the first MOST_NAMED."""

    def __init__(self) -> None:
        self._said = 0

    def __call__(self, sentence: str) -> None:
        self._said += 1
        if self._said <= MOST_NAMED:
            print_plain(console, sentence[:500])
        elif self._said == MOST_NAMED + 1:
            print_plain(console, "more records are rejected; they are counted and no longer named")


def _serve_metrics(port: int) -> None:
    from prometheus_client import start_http_server

    from serving.consumer.progress import REGISTRY

    try:
        server, _ = start_http_server(port, addr="127.0.0.1", registry=REGISTRY)
    except OSError as error:
        fail(console, f"port {port} cannot be used for metrics: {error.strerror}; choose another with --metrics-port")
    print_plain(console, f"metrics at http://127.0.0.1:{server.server_port}/metrics")


async def _run(consumer: Consumer) -> int:
    from serving.consumer.delivery import DeliveryError, Stopped
    from serving.consumer.messages import StreamError

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    saying = asyncio.create_task(_say(consumer))
    try:
        await consumer.run(stopping)
    except (StreamError, DeliveryError) as error:
        print_plain(console, error)
        return 2
    except Stopped as error:
        again = (
            "it is read again by the next run"
            if consumer.stream.repeatable
            else "a pipe cannot be read again: it is lost"
        )
        print_plain(console, f"{error}: what was read last is not stored; {again}")
        return 1
    finally:
        saying.cancel()
        with suppress(asyncio.CancelledError):
            await saying
        print_plain(console, f"{consumer.stream.title}: {consumer.progress.line()}")
    unread = consumer.progress.rejected + consumer.progress.refused
    return 1 if unread and not stopping.is_set() else 0


async def _say(consumer: Consumer) -> None:
    """Print progress every few seconds, unless nothing has changed."""
    said = -1
    print_plain(console, f"consuming {consumer.stream.title}, shipping to {consumer.route.url}")
    while True:
        await asyncio.sleep(SAY_SECONDS)
        await consumer.update_lag()
        if said != consumer.progress.records or consumer.progress.behind:
            print_plain(console, f"{consumer.stream.title}: {consumer.progress.line()}")
        said = consumer.progress.records
