"""One mail to one person: `sending.send_notices` sends what is queued, `letters` writes it."""
