"""The domain: what is counted and how. Knows Redis, knows neither Flask nor HTTP."""
