"""The hash chain of everything that can change a ruling, its signed anchors, and `verify`."""
