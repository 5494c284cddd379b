"""Reading YAML files within limits; `document` is where to begin."""
