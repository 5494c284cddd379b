"""A topic of Kafka, or of anything that speaks its protocol, read as a member of a consumer group."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from serving.consumer.messages import Message, StreamError

log = logging.getLogger(__name__)

_LARGEST_FETCH = 8 * 1024 * 1024
"""Bytes of one partition that are fetched at once; a larger message is fetched alone."""
_LAG_SECONDS = 2.0
"""How long a broker may take to say where its partitions end."""


class KafkaTopic:
    """Messages of a topic. The group's offsets are committed by `commit` alone, and say what is stored."""

    repeatable = True

    def __init__(
        self, brokers: str, topic: str, group: str, connection: Mapping[str, object] | None = None, *, end: bool = False
    ) -> None:
        self.title = f"topic {topic}"
        self._brokers, self._topic, self._group = brokers, topic, group
        self._connection = dict(connection or {})
        self._until_end = end
        self._consumer: AIOKafkaConsumer | None = None
        self._read: dict[TopicPartition, int] = {}
        """The offset after the last message that was read, of each partition since the last commit."""
        self._stored: dict[TopicPartition, int] = {}
        """The offset up to which each partition is stored, once something of it was read."""

    async def open(self) -> None:
        """Join the group. Raises StreamError when no broker answers, or it refuses."""
        try:
            self._consumer = AIOKafkaConsumer(
                self._topic,
                bootstrap_servers=self._brokers,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=_LARGEST_FETCH,
                isolation_level="read_committed",  # what a producer took back was never said
                **self._connection,
            )
            await self._consumer.start()
        except (KafkaError, ValueError, TypeError) as error:
            await self.close()
            raise StreamError(
                f"{self.title} of {self._brokers} cannot be read: {error}; look at --brokers and --kafka-config"
            ) from error

    @property
    def _open(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "open the topic first"
        return self._consumer

    async def read(self, most: int, seconds: float) -> Sequence[Message] | None:
        """The next messages of the partitions that this member was given."""
        try:
            fetched = await self._open.getmany(timeout_ms=max(1, int(seconds * 1000)), max_records=max(1, most))
        except KafkaError as error:
            raise StreamError(f"{self.title} cannot be read: {error}") from error
        messages = []
        for partition, records in fetched.items():
            for record in records:
                self._stored.setdefault(partition, record.offset)
                self._read[partition] = record.offset + 1
                if record.value is not None:  # the mark of a deleted key
                    place = f"{partition.topic}, partition {partition.partition}, offset {record.offset}"
                    id = f"{partition.topic}:{partition.partition}:{record.offset:012}:{record.timestamp}"
                    messages.append(Message(place, id, record.value))
        if not fetched and self._until_end and await self._at_end():
            return None
        return messages

    async def _at_end(self) -> bool:
        assigned = self._open.assignment()
        if not assigned:
            return False
        ends = await self._open.end_offsets(list(assigned))
        return all([await self._open.position(partition) >= end for partition, end in ends.items()])

    async def commit(self) -> None:
        """Commit the group's offsets.

        When the group gave a partition to another member meanwhile, that one reads the messages once more; they are
        duplicates then, by their ids.
        """
        owned = {partition: offset for partition, offset in self._read.items() if partition in self._open.assignment()}
        self._stored |= self._read
        self._read.clear()
        if not owned:
            return
        try:
            await self._open.commit(owned)
        except KafkaError as error:
            log.warning("offsets of %s were not committed, its messages are read again: %s", self.title, error)

    async def lag(self) -> Mapping[str, int]:
        """How many records of each partition are not yet stored."""
        if self._consumer is None:
            return {}
        assigned = list(self._consumer.assignment())
        try:
            async with asyncio.timeout(_LAG_SECONDS):
                ends = await self._consumer.end_offsets(assigned) if assigned else {}
                return {str(each.partition): max(0, end - await self._stored_to(each)) for each, end in ends.items()}
        except (KafkaError, TimeoutError):  # no broker at the moment, or another member has the partition now
            return {}

    async def _stored_to(self, partition: TopicPartition) -> int:
        stored = self._stored.get(partition)
        return await self._open.position(partition) if stored is None else stored

    async def close(self) -> None:
        """Leave the group."""
        if self._consumer is not None:
            await self._consumer.stop()
