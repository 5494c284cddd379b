"""What an operator does with stored personal data: erase it, export it, and keep it no longer than needed."""
