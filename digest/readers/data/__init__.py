"""A reader's right to their data: finding, exporting, erasing, and what is let go by itself."""
