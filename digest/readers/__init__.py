"""What a reader does and has a right to: sign up, confirm, pause, leave, be forgotten, be shown."""
