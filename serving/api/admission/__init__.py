"""What a request must pass before its route is looked up: connections, form, and failed attempts of its client."""
