"""What a release costs people: prompts a person-week or machine-day, by profile, beside an earlier release."""
