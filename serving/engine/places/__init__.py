"""What is known of the place of a request, and stand-ins for what was withheld of it."""
