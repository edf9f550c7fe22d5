"""What the tests of the package share."""
