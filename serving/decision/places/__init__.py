"""Where a request comes from, and whether a proof that was made elsewhere counts there."""
