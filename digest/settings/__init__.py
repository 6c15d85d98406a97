"""What the environment may say, read once at start: `loading.load_settings`."""
