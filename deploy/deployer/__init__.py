"""Deploys a version of Page Tracker, or rolls it back."""
