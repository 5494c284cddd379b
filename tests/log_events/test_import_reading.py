"""Reading log files: any wrapper, any size, each event once, and after an interruption from where it stopped."""

from __future__ import annotations

import base64
import gzip
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from features.cli.main import app
from features.sources import file_import
from features.sources.file_import import import_files
from features.sources.formats.records import records_in
from features.sources.parquet_import import import_to_parquet
from features.sources.registry import SOURCES

CLOUDTRAIL = SOURCES["cloudtrail"]


def record(number: int, **changes: Any) -> dict[str, Any]:
    """A role reads an object."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/reader/i-0abc"},
        "eventTime": f"2026-03-02T09:{number // 60 % 60:02}:{number % 60:02}Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "203.0.113.7",
        "eventID": f"event-{number}",
    } | changes


def packed(value: Any) -> str:
    """JSON as base64 of gzip."""
    return base64.b64encode(gzip.compress(json.dumps(value).encode())).decode()


TEXT = [json.dumps(record(number)) for number in (1, 2)]
SUBSCRIPTION = {
    "messageType": "DATA_MESSAGE",
    "logGroup": "trail",
    "logEvents": [{"id": str(n), "timestamp": n, "message": text} for n, text in enumerate(TEXT)],
}
ATHENA = (
    '"eventversion","useridentity","eventtime","eventsource","eventname","awsregion","sourceipaddress","eventid"\n'
    '"1.11","{type=AssumedRole, principalid=AROA1:i-0abc, arn=arn:aws:sts::111122223333:assumed-role/reader/i-0abc, '
    'invokedby=null, sessioncontext={attributes={mfaauthenticated=false, creationdate=2026-03-02T08:00:00Z}}}",'
    '"2026-03-02T09:00:01Z","s3.amazonaws.com","GetObject","eu-central-1","203.0.113.7","event-1"\n'
)


@pytest.mark.parametrize(
    ("text", "wrapper"),
    [
        (packed(SUBSCRIPTION), "base64 or gzip"),
        (json.dumps({"awslogs": {"data": packed(SUBSCRIPTION)}}), "CloudWatch Logs subscription"),
        (json.dumps(SUBSCRIPTION) * 1, "CloudWatch Logs subscription"),
        (
            json.dumps({"events": [{"message": text, "eventId": "1"} for text in TEXT], "searchedLogStreams": []}),
            "CloudWatch Logs query",
        ),
        (
            json.dumps({"Records": [{"kinesis": {"data": base64.b64encode(t.encode()).decode()}} for t in TEXT]}),
            "Kinesis or Firehose",
        ),
        (json.dumps({"Records": [{"messageId": "1", "body": text} for text in TEXT]}), "SNS or SQS"),
        ("\n".join(json.dumps({"detail-type": "x", "detail": json.loads(text)}) for text in TEXT), "EventBridge"),
        ("".join(json.dumps({"preview": False, "result": {"_raw": text}}) for text in TEXT), "Splunk"),
        ("\n".join(json.dumps({"_index": "a", "_source": json.loads(text)}) for text in TEXT), "Elastic"),
        ("\n".join(json.dumps({"eventData": text}) for text in TEXT), "CloudTrail Lake"),
        (
            json.dumps({"QueryResultRows": [[{"eventJson": text}, {"eventID": "1"}] for text in TEXT]}),
            "CloudTrail Lake",
        ),
        (ATHENA + ATHENA.partition("\n")[2].replace("event-1", "event-2"), "a query result"),
        ("\n".join(json.dumps({k.lower(): v for k, v in json.loads(t).items()}) for t in TEXT), "a query result"),
    ],
    ids=lambda value: value if len(value) < 40 else "",
)
def test_a_wrapper_is_opened_and_named(tmp_path: Path, text: str, wrapper: str) -> None:
    """The same two records, as one thing or another hands them on."""
    (tmp_path / "log").write_text(text)
    imported = import_files("cloudtrail", [tmp_path / "log"])

    assert (imported.report.events, imported.report.unreadable_count) == (2, 0), imported.report.unreadable
    assert imported.table["identity.id"].to_pylist() == ["arn:aws:iam::111122223333:role/reader"] * 2
    assert imported.report.wrappers[wrapper] >= 1


@pytest.mark.parametrize(
    ("text", "events", "places"),
    [
        ("{}\n{{\n{}\n", 2, ["line 2"]),
        ('{}\n{{"eventVersion": "1", "userIdentity": {{\n{}\n', 2, ["line 2"]),
        ('{}\n{{"eventVersion": "1", "user\n{}\n', 2, ["line 2"]),
        ('[{}, {{"a": [1}}, {}]', 2, ["record 2"]),
        ('[{}, {{"eventVersion": {{"a": 1}}, {}]', 2, ["record 2"]),
        ('{{"Records": [{}, nonsense, {}]}}', 1, ["record 2 and all after it"]),
        ("{} junk\n{}\n", 2, ["line 1, record 2"]),
        ("{}{}", 2, []),
        ('{{"Records": [{}], "more": {{"a": [1]}}}}{{"Records": [{}]}}', 2, []),
    ],
)
def test_one_broken_record_costs_one_record(tmp_path: Path, text: str, events: int, places: list[str]) -> None:
    """It is named by its place, and the records around it are read."""
    (tmp_path / "log").write_text(text.format(*TEXT))
    report = import_files("cloudtrail", [tmp_path / "log"]).report

    assert [broken.position for broken in report.unreadable] == places
    assert report.events == events
    assert report.records == events + len(places)


@pytest.mark.parametrize("start", ["", "["], ids=["lines", "list"])
def test_very_many_broken_records_are_passed_over_in_time(start: str) -> None:
    """Each costs about as much as it is long, or the rest is given up and named."""
    broken = '{"eventVersion": {"a": [\n' if not start else '{"eventVersion": {"a": "x} ,'
    began = time.process_time()
    found = list(records_in(start + broken * 200_000))

    assert len(found) == 200_000 if not start else found[-1][0].endswith("all after it")
    assert time.process_time() - began < 20


def test_the_same_event_in_two_files_is_one(tmp_path: Path) -> None:
    """Also where one file has it wrapped; another event of the same id is its own."""
    (tmp_path / "a").write_text("\n".join(TEXT))
    (tmp_path / "b").write_text(json.dumps({"detail-type": "x", "detail": record(1)}))
    (tmp_path / "c").write_text(json.dumps(record(1, eventName="PutObject")))
    report = import_files("cloudtrail", [tmp_path / name for name in "abc"]).report

    assert (report.events, report.duplicates) == (3, 1)


def trail(path: Path, count: int, indent: int | None = None) -> Path:
    """A file of `Records`."""
    path.write_text(json.dumps({"Records": [record(number) for number in range(count)]}, indent=indent))
    return path


def interrupted(after: int) -> Callable[[pa.Table], pa.Table]:
    """What stops an import before its batch of this number is written."""
    left = [after]

    def complete(table: pa.Table) -> pa.Table:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        return table

    return complete


def test_an_interrupted_import_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result and the report are those of an import that was never interrupted."""
    monkeypatch.setattr(file_import, "BATCH", 100)
    files = [trail(tmp_path / "a", 250), trail(tmp_path / "b", 420)]
    whole = import_to_parquet(CLOUDTRAIL, files, tmp_path / "whole.parquet")
    with pytest.raises(KeyboardInterrupt):
        import_to_parquet(CLOUDTRAIL, files, tmp_path / "parts.parquet", interrupted(3))
    seen: list[int] = []

    def noted(table: pa.Table) -> pa.Table:
        seen.append(table.num_rows)
        return table

    resumed = import_to_parquet(CLOUDTRAIL, files, tmp_path / "parts.parquet", noted)

    assert (whole.events, whole.duplicates) == (420, 250)
    assert sum(seen) < 420
    assert resumed == whole
    assert pq.read_table(tmp_path / "parts.parquet").equals(pq.read_table(tmp_path / "whole.parquet"))
    assert not (tmp_path / "parts.parquet.parts").exists()


def test_a_changed_file_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of another file are not taken over."""
    monkeypatch.setattr(file_import, "BATCH", 100)
    file = trail(tmp_path / "a", 250)
    with pytest.raises(KeyboardInterrupt):
        import_to_parquet(CLOUDTRAIL, [file], tmp_path / "out.parquet", interrupted(1))
    trail(file, 130)

    assert import_to_parquet(CLOUDTRAIL, [file], tmp_path / "out.parquet").events == 130


@pytest.mark.parametrize("lines", [True, False], ids=["NDJSON", "Records"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: bool) -> None:
    """A file of forty times the text that is tried as one value takes a small part of its size."""
    monkeypatch.setattr(file_import, "BATCH", 100)
    monkeypatch.setattr("features.sources.formats.json_text.WHOLE", 64_000)
    monkeypatch.setattr("features.sources.formats.files._PIECE", 32_000)
    padding = "x" * 500
    texts = [json.dumps(record(number, requestParameters={"padding": padding})) for number in range(6_000)]
    (tmp_path / "log").write_text("\n".join(texts) if lines else '{"Records": [' + ",\n".join(texts) + "]}")
    size = (tmp_path / "log").stat().st_size
    del texts
    reading = file_import.EventReading(CLOUDTRAIL, [tmp_path / "log"])
    tracemalloc.start()
    events = sum(table.num_rows for table in reading.batches())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert events == 6_000
    assert peak < size / 2


def test_the_report_of_an_import_says_what_to_add(tmp_path: Path) -> None:
    """What became of every record, what the events do not know, and how to know it."""
    log = tmp_path / "log.json"
    insight = {"eventCategory": "Insight"}
    log.write_text("\n".join([*TEXT, TEXT[0], json.dumps(insight), json.dumps({"detail-type": "x", "detail": {}})]))
    result = CliRunner().invoke(app, ["import", "cloudtrail", str(log), "--out", str(tmp_path / "e.parquet")])
    said = " ".join(result.stderr.split())

    assert result.exit_code == 1
    assert "2 events -> " in said and "1 unreadable records of 5" in said
    assert "1 records repeat an event and count once" in said
    assert "1 records are no events: an Insight event" in said
    assert "1 records were taken out of EventBridge" in said
    assert "resource.sensitivity" in said and "assets.yaml" in said


def test_addresses_are_looked_up_unless_told_not_to(tmp_path: Path) -> None:
    """Operator and country are in the file, and so they are in the matrix."""
    (log := tmp_path / "log.json").write_text(json.dumps(record(1, sourceIPAddress="8.8.8.8")))
    known = []
    for more in ([], ["--no-addresses"]):
        CliRunner().invoke(app, ["import", "cloudtrail", str(log), "--out", str(tmp_path / "e.parquet"), *more])
        known.append(pq.read_table(tmp_path / "e.parquet")["network.asn"].to_pylist())

    assert known == [[15169], [None]]


def test_coverage_is_measured_and_what_is_unknown_is_listed(tmp_path: Path) -> None:
    """Shares against their targets; exit code 1 below one."""
    (log := tmp_path / "log.json").write_text("\n".join([*TEXT, json.dumps(record(3, eventName="FrobnicateThing"))]))
    result = CliRunner().invoke(app, ["coverage", "cloudtrail", str(log)])

    assert result.exit_code == 1
    assert "66.7%" in result.stdout
    assert "actions without a category: s3:FrobnicateThing (1)" in result.stdout
