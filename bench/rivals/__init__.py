"""What stands beside Digest: Postfix's own generator, and what people write instead."""
