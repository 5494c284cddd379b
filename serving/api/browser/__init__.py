"""The investigator's pages over HTTP: signing in and out, forms, and the routes of the pages."""
