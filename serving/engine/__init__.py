"""One transaction at a time: `writer` queues and commits, the other modules do the work of one request."""
