"""An invented site, for `make sample-data`, the benchmark and README."""
