"""`python -m serving`."""

from serving.cli.main import app

if __name__ == "__main__":
    app()
