"""What an explanation says of each feature; `by_feature` is the table."""
