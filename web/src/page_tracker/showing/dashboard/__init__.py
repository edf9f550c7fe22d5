"""The dashboard: numbers as pages."""
