"""Engines and transactions, what tables are made of, and statements kept and prepared."""
