"""Reads a Kafka topic, a growing file or a pipe, and ships the events to a running service.

A client of `POST /events`, not of the store: the store has one writer, and a consumer may run on another machine, with
a key of scope `events` alone. Records are read here by the same code that imports files, so that many consumers share
the work of reading and the service only folds. What was read is committed once the service has stored it; a record that
is read again after that has the id it had before, and is counted as a duplicate.
"""
