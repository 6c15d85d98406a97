"""One mail to one person: `letters` writes it, `sending` sends what is queued."""
