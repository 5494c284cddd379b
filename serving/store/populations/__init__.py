"""The populations that events are compared with, and the window a deployment's own is measured on."""
