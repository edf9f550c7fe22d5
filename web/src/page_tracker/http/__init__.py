"""Requests and answers, and their log."""
