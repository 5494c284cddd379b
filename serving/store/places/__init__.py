"""What callers habitually say of places, and where claims were made."""
