"""Two windows of decisions compared: which rules ask, of whom, and what has drifted."""
