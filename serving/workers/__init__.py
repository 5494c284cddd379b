"""What runs beside requests: one module for each worker, all of them listed in `registry`."""
