"""Vendors' SDKs behind `calls.records.Backend`, a file a vendor."""
