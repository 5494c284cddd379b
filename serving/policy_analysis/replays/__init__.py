"""Past requests decided again under another policy, and what would change."""
