"""Tests in a real browser, on the insecure origin that a phone at home sees."""
