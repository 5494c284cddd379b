"""`session-trust training export-model | register-model`: the shipped model, from and to MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.cli.output import fail, print_plain
from features.settings import get_settings
from training.cli.shared_options import console

model_files_app = typer.Typer()


@model_files_app.command("export-model")
def export_(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where the files go.")] = Path("data/model"),
    made_by: Annotated[
        str, typer.Option(help="The command that trained it: kept in the manifest.")
    ] = "session-trust training retrain --promote",
    commit: Annotated[str, typer.Option(help="The revision it was trained with; without, the one checked out.")] = "",
    version: Annotated[str, typer.Option(help="A version's number; without, the one that answers.")] = "",
) -> None:
    """Write a registered model into a folder: its files, its model card and a manifest with every file's digest.

    Example: `session-trust training export-model data/model`
    """
    from features.model.bundle import ModelMismatch
    from training.promotion.shipping import export_model

    try:
        manifest = export_model(get_settings(), folder, version=version, command=made_by, commit=commit)
    except (ModelMismatch, LookupError, OSError) as error:
        fail(console, error)
    size = sum((folder / name).stat().st_size for name in manifest["files"])
    print_plain(console, f"{len(manifest['files'])} files, {size / 1e6:.1f} MB -> {folder}")


@model_files_app.command("register-model")
def register_(
    folder: Annotated[
        Path | None, typer.Argument(exists=True, file_okay=False, help="An exported model; without, the shipped one.")
    ] = None,
) -> None:
    """Register an exported model in MLflow and let it answer from the next start on.

    Example: `session-trust training register-model data/model`
    """
    from features.model.bundle import ModelMismatch
    from training.promotion.shipping import register_exported, shipped_model

    try:
        version = register_exported(get_settings(), folder)
    except (ModelMismatch, LookupError, OSError) as error:
        fail(console, error)
    name = get_settings().model_name
    print_plain(console, f"{folder or shipped_model()} is registered: {name} version {version} answers")
