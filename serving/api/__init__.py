"""HTTP: the route table (`routes`), what every request passes (`middleware`), the handlers by subject, and OpenAPI."""
