"""The active configuration of the service, and the champion model with its explanations."""
