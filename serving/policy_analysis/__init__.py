"""What operators ask about policies: lint a file, replay it on past requests, tune its thresholds, review its fit."""
