"""Two windows of decisions compared: which rules ask, which identities are asked, and what has drifted."""
