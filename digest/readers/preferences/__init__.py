"""What a reader chooses, and leaving. `choices` is what the page shows, the others what it does."""
