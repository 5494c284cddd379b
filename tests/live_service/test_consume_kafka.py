"""`session-trust consume` of a topic: at least once, each event stored once, whatever is killed when."""

from __future__ import annotations

import gzip
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.consumers import between, consume, consuming, event_line, stored
from support.kafka_broker import Broker, running_broker
from support.live_server import Server, ago
from support.source_samples import DATA, SAMPLES, read

from features.sources.formats.records import records_of
from features.sources.registry import SOURCES


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """One broker for all tests of this file."""
    with running_broker() as broker:
        yield broker


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something; fails when it does not happen."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def topic_options(broker: Broker, topic: str) -> list[str]:
    """The options that name a topic."""
    return ["--brokers", broker.address, "--topic", topic]


def test_killed_between_store_and_commit_nothing_is_lost_and_nothing_twice(small: Server, broker: Broker) -> None:
    """Half of the events have no id of their own. The consumer dies with kill -9 after the service has stored a batch
    and before it knows; the next one reads the batch again."""
    values = [event_line("kafka-kill", None if n % 2 else f"kill-{n}", ago(200 - n)) for n in range(100)]
    topic = broker.topic(values)
    batch = ["--batch-events", "10", "--batch-seconds", "0.2"]
    died = threading.Event()

    def kill(number: int) -> None:
        if number == 3:
            os.kill(process.pid, signal.SIGKILL)
            died.set()

    with (
        between(small, kill) as url,
        consuming(small, *topic_options(broker, topic), *batch, service=url) as process,
    ):
        assert died.wait(60)
        process.wait(20)
    before, committed = len(stored(small, "kafka-kill")), broker.committed(topic)
    done = consume(small, *topic_options(broker, topic), *batch, "--until-end")
    ids = stored(small, "kafka-kill")

    assert committed < before < 100
    assert done.returncode == 0, done.stderr
    assert len(ids) == len(set(ids)) == 100
    assert f"{before - committed:,} duplicates" in done.stderr
    assert broker.committed(topic) == 100


def test_a_service_that_is_away_is_waited_for(small: Server, broker: Broker) -> None:
    """Nothing is committed before it has taken the events."""
    topic = broker.topic([event_line("kafka-away", f"away-{n}", ago(60 - n)) for n in range(4)])
    before: list[int] = []

    def note(number: int) -> None:
        before.append(broker.committed(topic))

    with (
        between(small, note, fail=(1, 2)) as url,
        consuming(small, *topic_options(broker, topic), service=url) as process,
    ):
        until(lambda: broker.committed(topic) == 4)
        process.terminate()
        _, said = process.communicate(timeout=30)

    assert before[0] == 0
    assert process.returncode == 0, said
    assert said.count("the store cannot be written; trying again") == 2
    assert stored(small, "kafka-away") == [f"away-{n}" for n in (0, 2, 1, 3)] or len(stored(small, "kafka-away")) == 4


def test_what_cannot_be_read_is_named_and_holds_nothing_up(small: Server, broker: Broker) -> None:
    """Damaged gzip, no JSON, an event that lies in the future, a deleted key: each by its partition and offset."""
    good = event_line("kafka-broken", "good", ago(5))
    late = event_line("kafka-broken", "late", "2099-01-01T00:00:00Z")
    topic = broker.topic([b"\x1f\x8b broken", b"no JSON", late, None, gzip.compress(good), b""])
    done = consume(small, *topic_options(broker, topic), "--until-end")

    assert done.returncode == 1
    assert stored(small, "kafka-broken") == ["good"]
    assert f"{topic}, partition 0, offset 0: gzip is damaged" in done.stderr
    assert f"{topic}, partition 1, offset 0: is not JSON" in done.stderr
    assert f"{topic}, partition 0, offset 1: time: lies in the future" in done.stderr, done.stderr
    assert broker.committed(topic) == 6


@pytest.mark.parametrize("source", sorted({sample.source for sample in SAMPLES}))
def test_any_source_is_consumed_as_it_is_imported(small: Server, broker: Broker, source: str) -> None:
    """Its files as they are, plain or gzip, each as one value: the counts are those of the files."""
    samples = [sample for sample in SAMPLES if sample.source == source]
    topic = broker.topic([(DATA / sample.file).read_bytes() for sample in samples])
    done = consume(small, *topic_options(broker, topic), "--source", source, "--until-end")
    records = sum(1 for sample in samples for _ in records_of(DATA / sample.file, SOURCES[source].form))
    left_out, rejected = (sum(s.nobody + s.other for s in samples), sum(s.unreadable for s in samples))
    said = done.stderr.splitlines()[-1]

    assert f"{records:,} records read" in said
    assert f"{left_out:,} left out, {rejected:,} rejected" in said
    assert all(stored(small, id) for id in {event.identity.id for s in samples for _, event in read(s)[0]})


def test_its_metrics_say_how_far_it_is_behind(small: Server, broker: Broker) -> None:
    """In records of each partition, also while the service is away, and in seconds of event time."""
    topic = broker.topic([event_line("kafka-metrics", f"m-{n}", ago(3_000)) for n in range(6)])
    options = [*topic_options(broker, topic), "--metrics-port", "0"]
    with between(small, lambda _: None, fail=range(1, 6)) as url, consuming(small, *options, service=url) as process:
        assert process.stderr is not None
        address = next(line for line in process.stderr if "metrics at" in line).split()[-1]

        def metrics() -> str:
            with urllib.request.urlopen(address, timeout=10) as response:
                return str(response.read().decode())

        until(lambda: 'session_trust_consume_lag_records{partition="0"} 3.0' in metrics())
        until(lambda: 'session_trust_consume_lag_records{partition="0"} 0.0' in metrics())
        text = metrics()

    lag = next(line for line in text.splitlines() if line.startswith("session_trust_consume_lag_seconds"))
    assert 'session_trust_consumed_events_total{result="stored"} 6.0' in text
    assert "session_trust_consume_retries_total 5.0" in text
    assert 2_990 < float(lag.split()[1]) < 3_300


def test_a_key_that_may_not_ship_ends_it(small: Server, broker: Broker) -> None:
    """With a sentence, and nothing is committed."""
    topic = broker.topic([event_line("kafka-key", "k-1", ago(5))])
    file = small.home / "score-only"
    file.write_text(small.key("score"))
    done = consume(small, *topic_options(broker, topic), "--until-end", "--key-file", str(file))

    assert done.returncode == 2
    assert "refuses events with 403" in done.stderr, done.stderr
    assert broker.committed(topic) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sasl_password: x\n", "may only have sasl_mechanism"),
        ("- a\n", "may only have"),
        ("security_protocol: SSL\nssl_cafile: /nowhere.pem\n", "cannot be used"),
        ("security_protocol: TLS\n", "security_protocol"),
        ("security_protocol: [\n", "cannot be used"),
    ],
)
def test_a_configuration_that_cannot_be_used_says_why(small: Server, tmp_path: Path, text: str, said: str) -> None:
    """With exit code 2, and no trace of Python."""
    (file := tmp_path / "kafka.yaml").write_text(text)
    done = consume(small, "--brokers", "127.0.0.1:9", "--topic", "t", "--kafka-config", str(file))

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
