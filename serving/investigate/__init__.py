"""The investigator's pages: plain HTML without scripts or assets.

Each page is a module here, a template of the same name, and a row of `serving/api/routes.py`.
"""
