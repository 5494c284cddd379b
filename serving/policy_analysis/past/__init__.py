"""Past requests to decide again: from the decision log or from files, with what was reported beside them."""
